// The executions that a worker runs right now, with what it takes to end them.

import Synchronization

/// Tasks, cancel signals and timeout timers of running executions.
///
/// The worker's own work begins and cancels them; an execution that ends takes itself out, on its own thread, so that what was
/// allocated there is freed there.
final class HeldExecutions: Sendable {
    private struct Held {
        var signal: CancelSignal
        /// `nil` until it has been started.
        var task: Task<Void, Never>?
        var timers: [any ScheduledTimer] = []
    }

    private let held = Mutex<[ExecutionID: Held]>([:])

    /// An execution is about to start.
    func add(_ execution: ExecutionID, signal: CancelSignal) { held.withLock { $0[execution] = Held(signal: signal) } }

    /// It runs as `task`, unless it is over already.
    func started(_ execution: ExecutionID, as task: Task<Void, Never>) { held.withLock { $0[execution]?.task = task } }

    /// `timer` may end it; one for an execution that is over is cancelled at once.
    func add(timer: any ScheduledTimer, to execution: ExecutionID) {
        let isHeld = held.withLock { held in
            held[execution]?.timers.append(timer)
            return held[execution] != nil
        }
        if !isHeld { timer.cancel() }
    }

    /// Tells an execution to stop; the first cause is the one that its verdict names.
    func cancel(_ execution: ExecutionID, because cause: CancelCause) {
        guard let execution = held.withLock({ $0[execution] }) else { return }
        execution.signal.note(cause)
        if let task = execution.task { execution.signal.cancel(task) }
    }

    /// Forgets an execution that has ended.
    func remove(_ execution: ExecutionID) {
        let ended = held.withLock { $0.removeValue(forKey: execution) }
        for timer in ended?.timers ?? [] { timer.cancel() }
    }
}
