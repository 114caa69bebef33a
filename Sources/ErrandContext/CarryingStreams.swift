// Streams whose elements know who yielded them: the producer's and the consumer's side.

extension AsyncSequence {
    /// Runs `body` for each element, one after another, as the execution that yielded it.
    ///
    /// - Throws: What `body` or the sequence throws; the iteration ends with it.
    public func forEachBound<Value>(_ body: nonisolated(nonsending) (Value) async throws -> Void) async throws
    where Element == Carried<Value> {
        for try await element in self { try await element.run(body) }
    }

    /// Runs `body` for each element, one after another, as the execution that yielded it; returns when the sequence ends.
    public func forEachBound<Value>(_ body: nonisolated(nonsending) (Value) async -> Void) async
    where Element == Carried<Value>, Failure == Never {
        for await element in self { await element.run(body) }
    }
}

extension AsyncStream.Continuation {
    /// Yields `value` together with who is current here; gives what `yield` gives.
    @discardableResult
    public func yieldBound<Value: Sendable>(_ value: Value) -> YieldResult where Element == Carried<Value> {
        yield(Carried(value))
    }

    /// Sets `onTermination`; the handler runs as the execution that sets it, whoever ends the stream.
    public func onTerminationBound(_ handler: @escaping @Sendable (Termination) -> Void) {
        onTermination = ExecutionContext.bind(handler)
    }
}

extension AsyncThrowingStream.Continuation where Failure == any Error {
    /// Yields `value` together with who is current here; gives what `yield` gives.
    @discardableResult
    public func yieldBound<Value: Sendable>(_ value: Value) -> YieldResult where Element == Carried<Value> {
        yield(Carried(value))
    }

    /// Sets `onTermination`; the handler runs as the execution that sets it, whoever ends the stream.
    public func onTerminationBound(_ handler: @escaping @Sendable (Termination) -> Void) {
        onTermination = ExecutionContext.bind(handler)
    }
}
