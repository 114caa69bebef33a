// A value that travels with the one who made it: for streams, mailboxes and batches, whose consumer runs as somebody else.

/// A value and a snapshot of who made it.
///
/// What one execution puts into a stream, a mailbox or a batch is handled by another one, or by a loop that belongs to none. Make the
/// element's type `Carried`, and the consumer can run as the producer of each:
///
///     let (requests, continuation) = AsyncStream<Carried<Request>>.makeStream()
///     continuation.yieldBound(request)                          // anywhere in a job
///     await requests.forEachBound { request in … }              // in the service: each body runs as its own job
public struct Carried<Value> {
    /// What travels.
    public let value: Value
    /// Who made it.
    public let snapshot: Snapshot

    /// Takes `value` along with who is current here.
    public init(_ value: Value) {
        self.value = value
        snapshot = ExecutionContext.capture()
    }

    /// The execution that made the value; `nil` when none did.
    public var executionID: ExecutionID? { snapshot.executionID }

    /// Runs `body` with the value, as the one who made it; where nobody did, as nobody.
    /// - Throws: What `body` throws.
    public func run<Result>(_ body: (Value) throws -> Result) rethrows -> Result {
        try snapshot.run { try body(value) }
    }

    /// Runs `body` with the value, as the one who made it; where nobody did, as nobody.
    /// - Throws: What `body` throws.
    public func run<Result>(_ body: nonisolated(nonsending) (Value) async throws -> Result) async rethrows -> Result {
        try await snapshot.run { try await body(value) }
    }
}

extension Carried: Sendable where Value: Sendable {}
