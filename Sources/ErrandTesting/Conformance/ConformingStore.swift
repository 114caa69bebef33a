// What the conformance suite needs of a store under test: its seams, its time, its death and rebirth.

public import Errand

/// A store under test. Each rule gets one of its own, fresh and empty.
public protocol ConformingStore: Sendable {
    /// The seams of the store as it is open now; after ``crashAndReopen()`` those of the reopened one.
    var store: Store { get }

    /// The wall clock that the store uses.
    func now() -> Timestamp

    /// Lets `duration` pass on the store's wall and boot clocks: a store on a manual clock turns it, one on the real clock waits.
    /// The rules ask for at most a few seconds in all.
    func advance(by duration: Duration) async throws

    /// Sets the store's wall clock forwards or backwards without touching its boot clock, as a time server may; `false` for a store on
    /// the real clock, which cannot.
    func jumpWall(by duration: Duration) async throws -> Bool

    /// Ends every process on the store as `kill -9` would and opens the store anew: workers that had joined are dead, everything
    /// acknowledged is there.
    func crashAndReopen() async throws

    /// Opens the same store once more, as another process would, and leaves both open until the next crash or the end.
    func openAnother() async throws -> Store

    /// Makes two steps at the same time. A store that is known to have a gap inside its step makes `second` within the gap of `first`,
    /// so that the collision does not depend on luck.
    func exchangeAtOnce(_ first: ExchangeRequest, _ second: ExchangeRequest) async throws -> (ExchangeReply, ExchangeReply)

    /// Closes the store and removes what it left behind.
    func close() async
}

extension ConformingStore {
    /// The same seams again: for a store that lives in one process only.
    public func openAnother() async throws -> Store { store }

    /// Makes both steps in tasks of their own.
    public func exchangeAtOnce(_ first: ExchangeRequest, _ second: ExchangeRequest) async throws -> (ExchangeReply, ExchangeReply) {
        let jobs = store.jobs
        async let one = jobs.exchange(first)
        async let two = jobs.exchange(second)
        return try await (one, two)
    }

    /// Does nothing.
    public func close() async {}
}
