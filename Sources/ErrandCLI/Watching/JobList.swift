// Walks through a list of jobs page by page, so that a list of any length needs little memory.

import Errand

/// The jobs that a selector finds, newest first.
struct JobList {
    let inspection: any JobInspection
    let selector: JobSelector
    /// At most so many; `nil` is all.
    var limit: Int?
    /// Begin below this job.
    var cursor: JobID?
    /// Looks at this many jobs at most; `nil` is all.
    var lookLimit: Int?

    /// Where a list was cut.
    struct Rest: Hashable {
        /// The rest begins below this job.
        var cursor: JobID
        /// How many jobs were looked at, if that was what cut the list.
        var looked: Int?

        /// What to say about a list that ends before its end because it has looked at enough.
        func remark(_ arguments: String) -> String? {
            looked.map {
                "looked at the newest \($0) jobs only, down to \(cursor): go on with `\(Session.program) \(arguments) --cursor \(cursor)`, or look at all with --scan 0"
            }
        }
    }

    /// The page size that costs little and hides the round trips.
    private static let page = 500

    /// Calls `body` with page after page; tells where the rest begins when a limit cut the list, otherwise `nil`.
    /// - Throws: `JobStoreError`, and what `body` throws.
    @discardableResult
    func forEachPage(_ body: ([JobSummary]) async throws -> Void) async throws -> Rest? {
        var cursor = cursor
        var remaining = limit ?? .max
        var looked = 0
        while remaining > 0 {
            let page = try await inspection.jobs(matching: selector, before: cursor, limit: min(JobList.page, remaining))
            try await body(page.jobs)
            remaining -= page.jobs.count
            looked += page.looked
            guard let next = page.next else { return nil }
            cursor = next
            if let lookLimit, looked >= lookLimit { return Rest(cursor: next, looked: looked) }
        }
        return cursor.map { Rest(cursor: $0) }
    }

    /// All of them at once.
    /// - Throws: `JobStoreError`.
    func all() async throws -> [JobSummary] {
        var jobs: [JobSummary] = []
        try await forEachPage { jobs += $0 }
        return jobs
    }
}
