// A workflow.

import Errand

struct FetchPage: Job {
    static let kind = "fetch"
    var url: String
}

struct Page: Codable, Sendable { var words: Int }

struct Count: Job { static let kind = "count" }

struct Publish: Job { static let kind = "publish" }

struct Tell: Job {
    static let kind = "tell"
    var text: String
}

enum NightlyWorkflow {
    static func start(_ queue: JobQueue) async throws -> StartedWorkflow {
        // snippet.show
        var workflow = Workflow("nightly", key: "nightly-2026-11-23")
        workflow.add("home", FetchPage(url: "https://example.org/"))
        workflow.add("news", FetchPage(url: "https://example.org/news"))
        workflow.add("count", Count(), after: "home", "news")
        workflow.add("publish", Publish(), after: "count")
        workflow.onCompleted(Tell(text: "the night is over"))
        let started = try await queue.start(workflow)
        let state = try await queue.status(of: started.id)?.state
        // snippet.hide
        _ = state
        return started
    }
}
