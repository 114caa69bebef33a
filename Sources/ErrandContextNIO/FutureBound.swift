// Futures with callbacks that run as the execution that registers them, whoever fulfils the promise and on whichever loop.

#if Web
public import NIOCore

extension EventLoopFuture {
    /// As `map`; `callback` runs as the execution that is current now.
    public func mapBound<NewValue: Sendable>(_ callback: @escaping @Sendable (Value) -> NewValue) -> EventLoopFuture<NewValue> {
        map(ExecutionContext.bind(callback))
    }

    /// As `flatMap`; `callback` runs as the execution that is current now.
    public func flatMapBound<NewValue: Sendable>(
        _ callback: @escaping @Sendable (Value) -> EventLoopFuture<NewValue>
    ) -> EventLoopFuture<NewValue> {
        flatMap(ExecutionContext.bind(callback))
    }

    /// As `flatMapThrowing`; `callback` runs as the execution that is current now.
    public func flatMapThrowingBound<NewValue: Sendable>(
        _ callback: @escaping @Sendable (Value) throws -> NewValue
    ) -> EventLoopFuture<NewValue> {
        flatMapThrowing(ExecutionContext.bind(callback))
    }

    /// As `flatMapError`; `callback` runs as the execution that is current now.
    public func flatMapErrorBound(_ callback: @escaping @Sendable (any Error) -> EventLoopFuture<Value>) -> EventLoopFuture<Value>
    where Value: Sendable {
        flatMapError(ExecutionContext.bind(callback))
    }

    /// As `recover`; `callback` runs as the execution that is current now.
    public func recoverBound(_ callback: @escaping @Sendable (any Error) -> Value) -> EventLoopFuture<Value> where Value: Sendable {
        recover(ExecutionContext.bind(callback))
    }

    /// As `whenComplete`; `callback` runs as the execution that is current now.
    public func whenCompleteBound(_ callback: @escaping @Sendable (Result<Value, any Error>) -> Void) {
        whenComplete(ExecutionContext.bind(callback))
    }

    /// As `whenSuccess`; `callback` runs as the execution that is current now.
    public func whenSuccessBound(_ callback: @escaping @Sendable (Value) -> Void) {
        whenSuccess(ExecutionContext.bind(callback))
    }

    /// As `whenFailure`; `callback` runs as the execution that is current now.
    public func whenFailureBound(_ callback: @escaping @Sendable (any Error) -> Void) {
        whenFailure(ExecutionContext.bind(callback))
    }

    /// As `always`; `callback` runs as the execution that is current now.
    public func alwaysBound(_ callback: @escaping @Sendable (Result<Value, any Error>) -> Void) -> EventLoopFuture<Value> {
        always(ExecutionContext.bind(callback))
    }
}
#endif
