// Pattern B for callbacks that wait: as in Bind.swift, spelled out for zero to four arguments.

// A parameter pack in an asynchronous closure crashes the compiler (Swift 6.3.1, in SILGen): see Decisions/BindByArity.

extension ExecutionContext {
    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<Result>(
        _ body: @escaping @Sendable () async throws -> Result
    ) -> @Sendable () async throws -> Result {
        let snapshot = capture()
        return { try await snapshot.run { try await body() } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<Result>(
        _ body: @escaping @Sendable () async -> Result
    ) -> @Sendable () async -> Result {
        let snapshot = capture()
        return { await snapshot.run { await body() } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Result>(
        _ body: @escaping @Sendable (First) async throws -> Result
    ) -> @Sendable (First) async throws -> Result {
        let snapshot = capture()
        return { first in try await snapshot.run { try await body(first) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Result>(
        _ body: @escaping @Sendable (First) async -> Result
    ) -> @Sendable (First) async -> Result {
        let snapshot = capture()
        return { first in await snapshot.run { await body(first) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Second, Result>(
        _ body: @escaping @Sendable (First, Second) async throws -> Result
    ) -> @Sendable (First, Second) async throws -> Result {
        let snapshot = capture()
        return { first, second in try await snapshot.run { try await body(first, second) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Second, Result>(
        _ body: @escaping @Sendable (First, Second) async -> Result
    ) -> @Sendable (First, Second) async -> Result {
        let snapshot = capture()
        return { first, second in await snapshot.run { await body(first, second) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Second, Third, Result>(
        _ body: @escaping @Sendable (First, Second, Third) async throws -> Result
    ) -> @Sendable (First, Second, Third) async throws -> Result {
        let snapshot = capture()
        return { first, second, third in try await snapshot.run { try await body(first, second, third) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Second, Third, Result>(
        _ body: @escaping @Sendable (First, Second, Third) async -> Result
    ) -> @Sendable (First, Second, Third) async -> Result {
        let snapshot = capture()
        return { first, second, third in await snapshot.run { await body(first, second, third) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Second, Third, Fourth, Result>(
        _ body: @escaping @Sendable (First, Second, Third, Fourth) async throws -> Result
    ) -> @Sendable (First, Second, Third, Fourth) async throws -> Result {
        let snapshot = capture()
        return { first, second, third, fourth in try await snapshot.run { try await body(first, second, third, fourth) } }
    }

    /// `body`, which may wait, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    /// Up to four arguments.
    public static func bind<First, Second, Third, Fourth, Result>(
        _ body: @escaping @Sendable (First, Second, Third, Fourth) async -> Result
    ) -> @Sendable (First, Second, Third, Fourth) async -> Result {
        let snapshot = capture()
        return { first, second, third, fourth in await snapshot.run { await body(first, second, third, fourth) } }
    }
}
