// Puts the steps of concurrent jobs into one fixed order, so that the interleaving is made and not hoped for.

import Synchronization

/// Turns, numbered from 0. Whoever takes a turn waits until it has come; the next one comes when the body has ended.
final class Turnstile: Sendable {
    private struct State {
        var current = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Runs `body` when `turn` has come, and lets the next turn come afterwards, also when `body` throws. Each turn is taken once.
    func take<Result>(_ turn: Int, _ body: () throws -> Result) async rethrows -> Result {
        await wait(for: turn)
        defer { pass() }
        return try body()
    }

    private func wait(for turn: Int) async {
        await withCheckedContinuation { continuation in
            let hasCome = state.withLock { state in
                if state.current == turn { return true }
                state.waiting[turn] = continuation
                return false
            }
            if hasCome { continuation.resume() }
        }
    }

    private func pass() {
        let next = state.withLock { state in
            state.current += 1
            return state.waiting.removeValue(forKey: state.current)
        }
        next?.resume()
    }
}
