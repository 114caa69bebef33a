// Event loops with tasks that run as the execution that hands them over: each call's own name with `Bound` behind it.

#if Web
public import NIOCore

extension EventLoop {
    /// As `execute`; `task` runs as the execution that is current now.
    public func executeBound(_ task: @escaping @Sendable () -> Void) {
        execute(ExecutionContext.bind(task))
    }

    /// As `submit`; `task` runs as the execution that is current now.
    public func submitBound<Value: Sendable>(_ task: @escaping @Sendable () throws -> Value) -> EventLoopFuture<Value> {
        submit(ExecutionContext.bind(task))
    }

    /// As `flatSubmit`; `task` runs as the execution that is current now.
    public func flatSubmitBound<Value: Sendable>(_ task: @escaping @Sendable () -> EventLoopFuture<Value>) -> EventLoopFuture<Value> {
        flatSubmit(ExecutionContext.bind(task))
    }

    /// As `scheduleTask(in:)`; `task` runs as the execution that is current now.
    @discardableResult
    public func scheduleTaskBound<Value: Sendable>(
        in delay: TimeAmount, _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        scheduleTask(in: delay, ExecutionContext.bind(task))
    }

    /// As `scheduleTask(deadline:)`; `task` runs as the execution that is current now.
    @discardableResult
    public func scheduleTaskBound<Value: Sendable>(
        deadline: NIODeadline, _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        scheduleTask(deadline: deadline, ExecutionContext.bind(task))
    }

    /// As `scheduleRepeatedTask`; `task` runs as the execution that is current now, every time.
    @discardableResult
    public func scheduleRepeatedTaskBound(
        initialDelay: TimeAmount, delay: TimeAmount, notifying promise: EventLoopPromise<Void>? = nil,
        _ task: @escaping @Sendable (RepeatedTask) throws -> Void
    ) -> RepeatedTask {
        scheduleRepeatedTask(initialDelay: initialDelay, delay: delay, notifying: promise, ExecutionContext.bind(task))
    }
}
#endif
