// The scope that carries an execution's identity: three carriers, always bound together.

public import Logging
package import ServiceContextModule

/// Who runs here, as a scope says it.
private enum Standing: Sendable {
    /// No scope says anything: an unbound callback, or code that no worker has started.
    case unknown
    /// Nobody, by choice: inside of ``ExecutionContext/none(_:)``.
    case outside
    case execution(ExecutionContext)

    var context: ExecutionContext? {
        if case .execution(let context) = self { context } else { nil }
    }
}

/// Where the identity lives. The task-local is private to this file, so that nothing outside can set or open a root context.
private enum Carrier {
    @TaskLocal static var standing = Standing.unknown
}

private enum ExecutionContextKey: ServiceContextKey {
    typealias Value = ExecutionContext
    static var nameOverride: String? { "errand-execution" }
}

/// What the carriers say about who is running.
struct AmbientIdentity {
    /// The execution whose scope this is.
    var context: ExecutionContext?
    /// Another execution that the other carrier named.
    var contradicting: ExecutionContext?
    /// Whether the code stands outside of every execution by choice.
    var isOutside = false
}

extension ExecutionContext {
    /// The execution that runs this code, or `nil` outside of one: in an unbound callback, in ``none(_:)``, in a worker's own code.
    public static var current: ExecutionContext? { ambient.context }

    /// The service context comes first: libraries that restore it in their callbacks restore the job with it.
    static var ambient: AmbientIdentity {
        let standing = Carrier.standing
        guard let service = ServiceContext.current?[ExecutionContextKey.self] else {
            if case .outside = standing { return AmbientIdentity(isOutside: true) }
            return AmbientIdentity(context: standing.context)
        }
        guard let task = standing.context, task.executionID != service.executionID else { return AmbientIdentity(context: service) }
        return AmbientIdentity(context: service, contradicting: task)
    }

    /// Runs `body` as this execution. The surrounding service context and logger are replaced, not merged: a worker that was started
    /// inside a span or a test must not become every job's parent. `start` holds the job's own position in a trace and its baggage, as
    /// instruments carry them, and nothing else.
    package func run<Result>(
        from start: ServiceContext = .topLevel, _ body: nonisolated(nonsending) () async throws -> Result
    ) async rethrows -> Result {
        var service = start
        service[ExecutionContextKey.self] = self
        return try await Snapshot(standing: .execution(self), service: service, logger: logger).run(body)
    }

    /// Runs `body` in a nested scope whose log records carry `metadata` as well, those of child tasks too; the outer scope returns when
    /// it ends. A key that the outer scope has is hidden meanwhile; metadata of the logger or the call wins over both. Printed lines carry
    /// none.
    /// - Throws: What `body` throws.
    public func with<Result>(metadata: Logger.Metadata, _ body: nonisolated(nonsending) () async throws -> Result) async rethrows -> Result
    {
        try await nested(metadata).run(body)
    }

    /// Runs `body` in a nested scope whose log records carry `metadata` as well, those of child tasks too; the outer scope returns when
    /// it ends. A key that the outer scope has is hidden meanwhile; metadata of the logger or the call wins over both. Printed lines carry
    /// none.
    /// - Throws: What `body` throws.
    public func with<Result>(metadata: Logger.Metadata, _ body: () throws -> Result) rethrows -> Result {
        try nested(metadata).run(body)
    }

    private func nested(_ metadata: Logger.Metadata) -> Snapshot {
        let inner = ExecutionContext(nesting: metadata, in: self)
        // Entered from elsewhere it starts anew: the other's span and baggage are not this execution's.
        let isAtHome = ExecutionContext.current?.executionID == executionID
        var service = (isAtHome ? ServiceContext.current : nil) ?? .topLevel
        service[ExecutionContextKey.self] = inner
        return Snapshot(standing: .execution(inner), service: service, logger: inner.logger)
    }
}

/// Everything that says who is running, taken at one place so that it can be restored at another (Pattern B).
public struct Snapshot: Sendable {
    fileprivate let standing: Standing
    fileprivate let service: ServiceContext?
    fileprivate let logger: Logger

    fileprivate init(standing: Standing, service: ServiceContext?, logger: Logger) {
        self.standing = standing
        self.service = service
        self.logger = logger
    }

    /// The execution that the snapshot belongs to; `nil` when it was taken outside of one.
    public var executionID: ExecutionID? { (service?[ExecutionContextKey.self] ?? standing.context)?.executionID }

    /// Runs `body` as if it stood where the snapshot was taken, as nobody where that was outside of every execution. Any number of times,
    /// on any thread, also after the execution has ended.
    /// - Throws: What `body` throws.
    public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        CrashCapture.coverThread()
        return try Carrier.$standing.withValue(standing) {
            try ServiceContext.$current.withValue(service) {
                try withLogger(logger) { _ in try body() }
            }
        }
    }

    /// Runs `body` as if it stood where the snapshot was taken, as nobody where that was outside of every execution. Any number of times,
    /// on any thread, also after the execution has ended.
    /// - Throws: What `body` throws.
    public func run<Result>(_ body: nonisolated(nonsending) () async throws -> Result) async rethrows -> Result {
        CrashCapture.coverThread()
        return try await Carrier.$standing.withValue(standing) {
            try await ServiceContext.$current.withValue(service) {
                try await withLogger(logger) { _ in try await body() }
            }
        }
    }
}

extension ExecutionContext {
    /// Takes along who is running here: execution, service context and current logger together. For delegates and other objects whose
    /// callbacks cannot be bound one by one; outside of an execution the snapshot is nobody's.
    public static func capture() -> Snapshot {
        Snapshot(standing: Carrier.standing, service: ServiceContext.current, logger: Logger.current)
    }

    /// Runs `body` outside of every execution: for pools, caches and background loops that outlive the job that happened to start them.
    /// Its lines, and those of tasks that it starts, go to the process's own log and are not copied as `unattributed`.
    /// - Throws: What `body` throws.
    public static func none<Result>(_ body: () throws -> Result) rethrows -> Result {
        try outside.run(body)
    }

    /// Runs `body` outside of every execution: for pools, caches and background loops that outlive the job that happened to start them.
    /// Its lines, and those of tasks that it starts, go to the process's own log and are not copied as `unattributed`.
    /// - Throws: What `body` throws.
    public static func none<Result>(_ body: nonisolated(nonsending) () async throws -> Result) async rethrows -> Result {
        try await outside.run(body)
    }

    /// Like ``none(_:)-(()->Result)``, in a detached task that has done nothing yet: it has neither a service context nor a logger of its
    /// own to be taken away.
    package static func noneOfNewTask<Result>(_ body: nonisolated(nonsending) () async throws -> Result) async rethrows -> Result {
        try await Carrier.$standing.withValue(.outside, operation: body)
    }

    private static var outside: Snapshot { Snapshot(standing: .outside, service: nil, logger: Logger(label: "")) }
}
