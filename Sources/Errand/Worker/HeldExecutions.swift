// The executions that a worker runs right now, with what it takes to end them.

/// Tasks, cancel signals and timeout timers of running executions.
struct HeldExecutions {
    private struct Held {
        var task: Task<Void, Never>
        var signal: CancelSignal
        var timers: [any ScheduledTimer] = []
    }

    private var held: [ExecutionID: Held] = [:]

    mutating func add(_ execution: ExecutionID, task: Task<Void, Never>, signal: CancelSignal) {
        held[execution] = Held(task: task, signal: signal)
    }

    mutating func add(timer: any ScheduledTimer, to execution: ExecutionID) { held[execution]?.timers.append(timer) }

    /// Tells an execution to stop; the first cause is the one that its verdict names.
    func cancel(_ execution: ExecutionID, because cause: CancelCause) {
        guard let execution = held[execution] else { return }
        execution.signal.note(cause)
        execution.signal.cancel(execution.task)
    }

    /// Forgets an execution that has ended.
    mutating func remove(_ execution: ExecutionID) {
        for timer in held.removeValue(forKey: execution)?.timers ?? [] { timer.cancel() }
    }
}
