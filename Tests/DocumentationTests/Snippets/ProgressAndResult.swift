// Progress, heartbeats and a result that somebody waits for.

import Errand

struct Resize: Job {
    static let kind = "resize"
    var photos: [String]
}

struct Resized: Codable, Hashable, Sendable { var count: Int }

enum ProgressAndResultSnippet {
    static func handler(resize: @escaping @Sendable (String) async throws -> Void) -> Handler {
        // snippet.show
        var handler = Handler(Resize.self) { job, context in
            for (index, photo) in job.photos.enumerated() {
                context.progress(Double(index) / Double(job.photos.count), "resizing \(photo)")
                try await resize(photo)
            }
            return Resized(count: job.photos.count)
        }
        handler.heartbeatTimeout = .seconds(60)  // silent for longer: told to stop
        // snippet.hide
        return handler
    }

    static func result(queue: JobQueue, photos: [String]) async throws -> Resized {
        // snippet.show
        let id = try await queue.enqueue(Resize(photos: photos))
        let resized = try await queue.result(of: id, as: Resized.self, timeout: .seconds(600))
        // snippet.hide
        return resized
    }
}
