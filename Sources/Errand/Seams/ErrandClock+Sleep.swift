// Waiting on a clock's timers instead of the pool's, which stand still while every pool thread is blocked.

import ErrandContext
import Synchronization

extension ErrandClock {
    /// Waits for `duration`; returns false at once when the task is cancelled.
    package func sleep(for duration: Duration) async -> Bool {
        let sleep = Sleep()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                sleep.begin(continuation) { schedule(at: uptime() + duration) { sleep.end(true) } }
            }
        } onCancel: {
            sleep.end(false)
        }
    }
}

extension ErrandClock {
    /// Runs `body` in the caller's context and waits for its end, but not longer than `limit`; returns whether it ended in time.
    ///
    /// A body that is late is cancelled and left to end by itself: whoever ignores a cancellation cannot be waited for.
    /// - Parameter executor: Where both run, the body and the wait; `nil` is the shared pool.
    package func run(
        within limit: Duration, on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async -> Void
    ) async -> Bool {
        let deadline = Task(executorPreference: executor) { await sleep(for: limit) }
        let work = Task(executorPreference: executor) {
            await body()
            deadline.cancel()
        }
        let isLate = await deadline.value
        // Its cancellation handlers run as the caller; they may block, which must not hold up whoever has waited long enough.
        if isLate { CancelThreads.shared.perform(ExecutionContext.bind { work.cancel() }) }
        return !isLate
    }
}

/// One wait that ends once, by its timer or by cancellation, whichever comes first.
private final class Sleep: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Bool, Never>?
        var timer: (any ScheduledTimer)?
        var result: Bool?
    }

    private let state = Mutex(State())

    func begin(_ continuation: CheckedContinuation<Bool, Never>, schedule: () -> any ScheduledTimer) {
        let early = state.withLock { state -> Bool? in
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let early {
            continuation.resume(returning: early)
            return
        }
        let timer = schedule()
        let isOver = state.withLock { state in
            state.timer = timer
            return state.result != nil
        }
        if isOver { timer.cancel() }
    }

    func end(_ result: Bool) {
        let (continuation, timer) = state.withLock { state in
            guard state.result == nil else { return (nil as CheckedContinuation<Bool, Never>?, nil as (any ScheduledTimer)?) }
            state.result = result
            defer { state.continuation = nil }
            return (state.continuation, state.timer)
        }
        timer?.cancel()
        continuation?.resume(returning: result)
    }
}
