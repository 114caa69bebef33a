// Ended spans on their way to the collector: a queue of limited length, and the one task that empties it.

#if Web
import ErrandContext
import Errand
import Logging
import Synchronization

/// Gathers spans from any thread and sends them in batches; never waits for anything while it is given one.
final class SpanExporter: Sendable {
    private let settings: OTLPSettings
    private let transport: any SpanTransport
    private let logger: Logger
    private let clock: any ErrandClock
    private let backoff = Backoff(base: .seconds(1))
    private let wakes: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    private struct State {
        var waiting: [SpanMessage] = []
        /// Found the queue full, or came after the end.
        var dropped = 0
        /// Were sent and not taken.
        var refused = 0
        var hasToldOfDrops = false
        var isStopped = false
    }

    init(_ settings: OTLPSettings, transport: any SpanTransport, logger: Logger, clock: any ErrandClock) {
        self.settings = settings
        self.transport = transport
        self.logger = logger
        self.clock = clock
        (wakes, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How many spans were lost.
    var lostSpans: Int { state.withLock { $0.dropped + $0.refused } }

    /// Takes an ended span, or drops it where there is no room.
    func add(_ span: SpanMessage) {
        let count = state.withLock { state -> Int in
            guard !state.isStopped, state.waiting.count < settings.queueLimit else {
                state.dropped += 1
                return 0
            }
            state.waiting.append(span)
            return state.waiting.count
        }
        // The first of a batch waits for company; a full batch does not wait.
        if count == 1, settings.batchLimit > 1 { _ = clock.schedule(at: clock.uptime() + settings.delay) { [bell] in bell.yield() } }
        if count >= settings.batchLimit { bell.yield() }
    }

    /// Sends what waits, now.
    func wake() { bell.yield() }

    /// Takes no more spans, sends what waits, and lets ``run()`` end.
    func stop() {
        state.withLock { $0.isStopped = true }
        bell.yield()
    }

    /// Sends until it is stopped; a cancelled task gives up what is left.
    func run() async {
        for await _ in wakes {
            while let batch = nextBatch() { await send(batch) }
            tellOfDrops()
            if state.withLock(\.isStopped) { break }
        }
        let left = state.withLock { state in
            defer { state.waiting = [] }
            state.dropped += state.waiting.count
            return (waiting: state.waiting.count, dropped: state.dropped)
        }
        if left.dropped > 0 {
            logger.warning("spans were lost", metadata: ["dropped": "\(left.dropped)", "unsent": "\(left.waiting)"])
        }
    }

    private func nextBatch() -> [SpanMessage]? {
        guard !Task.isCancelled else { return nil }
        return state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            let batch = Array(state.waiting.prefix(settings.batchLimit))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func send(_ batch: [SpanMessage]) async {
        let body: [UInt8]
        do {
            body = try ExportBody.bytes(batch, resource: settings.resource)
        } catch {
            lose(batch.count, because: "the spans cannot be written: \(error)")
            return
        }
        var generator = SystemRandomNumberGenerator()
        for tried in 1... {
            let answer = await transport.post(body)
            let step = ExportRule.step(answer, after: tried, now: clock.now()) { backoff.delay(after: tried, using: &generator) }
            switch step {
            case .delivered: return
            case .partly(let rejected, let reason):
                lose(Int(clamping: rejected), because: "the collector refused some: \(reason)")
                return
            case .givenUp(let reason):
                lose(batch.count, because: reason)
                return
            case .again(let delay, let reason):
                guard await clock.sleep(for: delay) else {
                    lose(batch.count, because: "the time to send them was over; last answer: \(reason)")
                    return
                }
            }
        }
    }

    private func lose(_ count: Int, because reason: String) {
        state.withLock { $0.refused += count }
        logger.warning(
            "spans were not delivered",
            metadata: ["spans": "\(count)", "endpoint": "\(settings.endpoint.url)", "reason": "\(reason)"])
    }

    /// Says once that the queue overflows: the end tells how often.
    private func tellOfDrops() {
        let mustTell = state.withLock { state in
            guard state.dropped > 0, !state.hasToldOfDrops else { return false }
            state.hasToldOfDrops = true
            return true
        }
        if mustTell {
            logger.warning(
                "spans end faster than the collector takes them: some are dropped", metadata: ["limit": "\(settings.queueLimit)"])
        }
    }
}
#endif
