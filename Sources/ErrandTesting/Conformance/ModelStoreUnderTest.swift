// The in-memory store as the conformance suite sees it.

public import Errand
import Synchronization

/// A ``ModelStore`` on a ``ManualClock``, ready for ``JobStoreConformance``.
public struct ModelStoreUnderTest: ConformingStore {
    /// The store.
    public let model: ModelStore
    /// Its clock.
    public let clock: ManualClock

    /// An empty store.
    public init() { self.init(faults: []) }

    /// A store that breaks the rules in `faults`.
    package init(faults: ModelStore.Fault) {
        clock = ManualClock()
        model = ModelStore(clock: clock, faults: faults)
    }

    /// The store's seams.
    public var store: Store { model.store }

    /// The manual clock's moment.
    public func now() -> Timestamp { clock.now() }

    /// Turns the manual clock.
    public func advance(by duration: Duration) async throws { clock.advance(by: duration) }

    /// Sets the manual wall clock.
    public func jumpWall(by duration: Duration) async throws -> Bool {
        clock.jumpWall(by: duration)
        return true
    }

    /// Ends all workers and keeps what was committed.
    public func crashAndReopen() async throws { model.crash() }

    /// Makes both steps; in the variant that claims in two transactions `second` comes into the gap of `first`.
    public func exchangeAtOnce(_ first: ExchangeRequest, _ second: ExchangeRequest) async throws -> (ExchangeReply, ExchangeReply) {
        let gap = Gap()
        model.runInTheGap { [model] in
            gap.fill(
                with: await Gap.outcome { () async throws(JobStoreError) in
                    try await model.exchange(second)
                })
        }
        let one = try await model.exchange(first)
        if let filled = gap.content { return (one, try filled.get()) }
        return (one, try await model.exchange(second))
    }
}

/// Keeps what happened in the gap of a claim.
private final class Gap: Sendable {
    private let state = Mutex<Result<ExchangeReply, JobStoreError>?>(nil)

    var content: Result<ExchangeReply, JobStoreError>? { state.withLock { $0 } }

    func fill(with result: Result<ExchangeReply, JobStoreError>) { state.withLock { $0 = result } }

    static func outcome(
        of step: () async throws(JobStoreError) -> ExchangeReply
    ) async -> Result<ExchangeReply, JobStoreError> {
        do throws(JobStoreError) { return .success(try await step()) } catch { return .failure(error) }
    }
}
