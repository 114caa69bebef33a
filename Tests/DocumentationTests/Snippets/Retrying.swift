// What a handler says about a job that did not succeed.

import Errand

struct Fetch: Job {
    static let kind = "fetch"
    var url: String
}

struct TooManyRequests: Error { var retryAfter: Duration }
struct NotFound: Error {}
struct Withdrawn: Error {}

enum RetryingSnippet {
    static func handler(fetch: @escaping @Sendable (String) async throws -> Void) -> Handler {
        // snippet.show
        let handler = Handler(Fetch.self, backoff: Backoff(base: .seconds(10), maximum: .seconds(600))) { job, context in
            do {
                try await fetch(job.url)
            } catch is Withdrawn {
                throw CancelJob(reason: "nobody wants it any more")  // cancelled, no failure
            } catch is NotFound {
                throw Unrecoverable("there is nothing at \(job.url)")  // dead at once
            }
        }.retrying { error, attempt in
            if let busy = error as? TooManyRequests { return .after(busy.retryAfter) }
            return attempt < 3 ? .backoff : .after(.seconds(3600))
        }
        // snippet.hide
        return handler
    }
}
