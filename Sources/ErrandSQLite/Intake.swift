// The brake for enqueues: what waits for a slow disk or a held lock is bounded, and past the bound the caller waits.

import Synchronization

/// Lets so many enqueues, and so many bytes of payload, wait for the writer at a time; further callers wait here, in their order.
final class Intake: Sendable {
    /// How many calls of `enqueue` may wait in one opened store: 10,000.
    static let calls = 10_000
    /// How many bytes of payload may: 64 MiB. One call may hold more when it is alone.
    static let bytes = 64 << 20

    private struct State {
        var calls = 0
        var bytes = 0
        var waiting: [(bytes: Int, go: UnsafeContinuation<Void, Never>)] = []
        /// The waiting callers before this one have gone in.
        var first = 0
    }

    private let state = Mutex(State())

    /// How many callers wait outside.
    var waiting: Int { state.withLock { $0.waiting.count - $0.first } }

    /// Runs `body` with `bytes` of payload as soon as there is room for it.
    func admit<Value: Sendable, Failure: Error>(bytes: Int, _ body: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        await withUnsafeContinuation { continuation in
            let mayGo = state.withLock { state in
                guard state.first == state.waiting.count, Intake.hasRoom(for: bytes, in: state) else {
                    state.waiting.append((bytes, continuation))
                    return false
                }
                Intake.enter(bytes, &state)
                return true
            }
            if mayGo { continuation.resume() }
        }
        defer { leave(bytes) }
        return try await body()
    }

    private static func hasRoom(for bytes: Int, in state: State) -> Bool {
        state.calls == 0 || state.calls < Intake.calls && state.bytes + bytes <= Intake.bytes
    }

    private static func enter(_ bytes: Int, _ state: inout State) {
        state.calls += 1
        state.bytes += bytes
    }

    private func leave(_ bytes: Int) {
        let next = state.withLock { state in
            state.calls -= 1
            state.bytes -= bytes
            var next: [UnsafeContinuation<Void, Never>] = []
            while state.first < state.waiting.count, Intake.hasRoom(for: state.waiting[state.first].bytes, in: state) {
                Intake.enter(state.waiting[state.first].bytes, &state)
                next.append(state.waiting[state.first].go)
                state.first += 1
            }
            // Now and then, so that taking one out costs the same on average however many wait.
            if state.first * 2 >= state.waiting.count {
                state.waiting.removeFirst(state.first)
                state.first = 0
            }
            return next
        }
        for caller in next { caller.resume() }
    }
}
