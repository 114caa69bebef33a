// The lease token in a write to another system.

import Errand
import Synchronization

/// A system outside of Errand that compares tokens.
final class Ledger: Sendable {
    private let state = Mutex<(token: Int64, text: String)>((0, ""))

    var text: String { state.withLock { $0.text } }

    /// Writes unless a higher token has written before.
    func write(_ text: String, token: Int64) async throws {
        state.withLock { if token > $0.token { $0 = (token, text) } }
    }
}

enum Fencing {
    static func handler(ledger: Ledger) -> Handler {
        // snippet.show
        let handler = Handler(Greet.self) { job, context in
            try await ledger.write("hello, \(job.name)", token: context.leaseToken)
        }
        // snippet.hide
        return handler
    }
}
