// The first trap: who is running, kept where every job can write it.

import Errand
import Logging
import Synchronization

enum SharedIDSnippet {
    // snippet.show
    static let currentID = Mutex("")

    static func handle(_ job: Greet, _ context: ExecutionContext) async throws {
        currentID.withLock { $0 = "\(context)" }
        try await greetSlowly(job.name)
        let id = currentID.withLock { $0 }  // whoever wrote last: another job's ID
        print("\(id) greeted \(job.name)")
    }
    // snippet.hide

    private static func greetSlowly(_ name: String) async throws { await Task.yield() }
}
