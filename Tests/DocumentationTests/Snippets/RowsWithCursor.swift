// A long iteration that goes on where it was.

import Errand

struct Reindex: Job {
    static let kind = "reindex"
    var rows: Int
}

enum RowsWithCursor {
    static func handler(index: @escaping @Sendable (Int) async throws -> Void) -> Handler {
        // snippet.show
        let handler = Handler(Reindex.self) { job, context in
            var cursor = try await context.cursor("rows", startingAt: 0)
            while cursor.value < job.rows {
                let end = min(cursor.value + 100, job.rows)
                for row in cursor.value..<end { try await index(row) }
                try await cursor.save(end)
            }
        }
        // snippet.hide
        return handler
    }
}
