// Pattern B for callbacks that answer at once: a function is made to run as the execution that registers it.

// A function cannot be extended in Swift, so there is no `body.bound()`: this is the one spelling, and calls that take a callback have a
// sibling that binds it (`asyncBound`, `mapBound`, …).

extension ExecutionContext {
    /// `body`, made to run as the execution that is current now, wherever and whenever it is called (Pattern B).
    ///
    /// Who is current is taken when `bind` is called, with the service context and the current logger; where nobody is, the callback
    /// runs as nobody, even when another execution fires it. Any number of arguments; an argument that is `inout` needs
    /// ``capture()`` and ``Snapshot/run(_:)-(()->Result)`` by hand.
    public static func bind<each Argument, Result>(
        _ body: @escaping @Sendable (repeat each Argument) throws -> Result
    ) -> @Sendable (repeat each Argument) throws -> Result {
        let snapshot = capture()
        return { (argument: repeat each Argument) in try snapshot.run { try body(repeat each argument) } }
    }

    /// `body`, made to run as the execution that is current now, wherever and whenever it is called (Pattern B). Where nobody is
    /// current, it runs as nobody.
    public static func bind<each Argument, Result>(
        _ body: @escaping @Sendable (repeat each Argument) -> Result
    ) -> @Sendable (repeat each Argument) -> Result {
        let snapshot = capture()
        return { (argument: repeat each Argument) in snapshot.run { body(repeat each argument) } }
    }

    /// As `bind`, for a callback that is not `@Sendable`: one that captures what only one thread at a time may touch.
    public static func bindNonSendable<each Argument, Result>(
        _ body: @escaping (repeat each Argument) throws -> Result
    ) -> (repeat each Argument) throws -> Result {
        let snapshot = capture()
        return { (argument: repeat each Argument) in try snapshot.run { try body(repeat each argument) } }
    }

    /// As `bind`, for a callback that is not `@Sendable`: one that captures what only one thread at a time may touch.
    public static func bindNonSendable<each Argument, Result>(
        _ body: @escaping (repeat each Argument) -> Result
    ) -> (repeat each Argument) -> Result {
        let snapshot = capture()
        return { (argument: repeat each Argument) in snapshot.run { body(repeat each argument) } }
    }

    /// As `bind`, for a callback of the main actor.
    public static func bindMainActor<each Argument, Result>(
        _ body: @escaping @MainActor (repeat each Argument) throws -> Result
    ) -> @MainActor (repeat each Argument) throws -> Result {
        let snapshot = capture()
        return { (argument: repeat each Argument) in try snapshot.run { try body(repeat each argument) } }
    }

    /// As `bind`, for a callback of the main actor.
    public static func bindMainActor<each Argument, Result>(
        _ body: @escaping @MainActor (repeat each Argument) -> Result
    ) -> @MainActor (repeat each Argument) -> Result {
        let snapshot = capture()
        return { (argument: repeat each Argument) in snapshot.run { body(repeat each argument) } }
    }
}
