// Swift concurrency's own ways out of an execution, bound: detached tasks and cancellation handlers.

/// As `withTaskCancellationHandler`; `onCancel` runs as the execution that registers it, not as the one that cancels.
/// - Throws: What `operation` throws.
public nonisolated(nonsending) func withTaskCancellationHandlerBound<Result>(
    operation: nonisolated(nonsending) () async throws -> Result, onCancel handler: @Sendable () -> Void
) async rethrows -> Result {
    let snapshot = ExecutionContext.capture()
    return try await withTaskCancellationHandler(operation: operation, onCancel: { snapshot.run(handler) })
}

extension Task where Failure == Never {
    /// As `Task.detached`, but the task runs as the execution that starts it. It keeps nothing else: no other task-local value, no actor.
    @discardableResult
    public static func detachedBound(
        priority: TaskPriority? = nil, operation: @escaping @Sendable () async -> Success
    ) -> Task<Success, Never> {
        let snapshot = ExecutionContext.capture()
        return Task.detached(priority: priority) { await snapshot.run(operation) }
    }
}

extension Task where Failure == any Error {
    /// As `Task.detached`, but the task runs as the execution that starts it. It keeps nothing else: no other task-local value, no actor.
    @discardableResult
    public static func detachedBound(
        priority: TaskPriority? = nil, operation: @escaping @Sendable () async throws -> Success
    ) -> Task<Success, any Error> {
        let snapshot = ExecutionContext.capture()
        return Task.detached(priority: priority) { try await snapshot.run(operation) }
    }
}
