// Carries the lines of executions to the log store: soon, in few commits, and always before an outcome is acknowledged.

package import Logging
import Synchronization

/// Takes waiting lines from execution logs and appends them as chunks.
///
/// A line waits at most ``interval`` (an error wakes the pump at once). Of a long log the first half of the limit is kept, and of the
/// rest the latest half, as a ring of chunks; the gap in the sequence numbers shows what was dropped.
package final class LogPump: LogSink {
    private let store: any LogStore
    private let doorbell: any Doorbell
    private let clock: any ErrandClock
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    private struct State {
        var waiting: [ExecutionLog] = []
        var isTimerSet = false
        var appendsUnderWay = 0
        var usage: [LogOwner: LogUsage] = [:]
        /// Cursors of ring chunks to delete with the next append.
        var dropping: [Int64] = []
        var unwrittenLines = 0
        /// Whether the worker has left: nobody runs the pump any more.
        var hasLeft = false
    }

    /// How long a line may wait for its flush.
    package static let interval = Duration.milliseconds(50)

    package init(store: any LogStore, doorbell: any Doorbell, clock: any ErrandClock, logger: Logger) {
        self.store = store
        self.doorbell = doorbell
        self.clock = clock
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Lines that could not be written so far.
    package var unwrittenLines: Int { state.withLock { $0.unwrittenLines } }

    package func hasLines(_ log: ExecutionLog, isUrgent: Bool) {
        let (mustSetTimer, hasLeft) = state.withLock { state -> (Bool, Bool) in
            // An urgent line may come to a log that already waits.
            if !isUrgent || !state.waiting.contains(where: { $0 === log }) { state.waiting.append(log) }
            guard !state.hasLeft, !isUrgent, !state.isTimerSet else { return (false, state.hasLeft) }
            state.isTimerSet = true
            return (true, false)
        }
        if hasLeft {
            // A callback that outlived even its worker. Nobody is left who could wait for the flush: it ends by itself.
            Task { await flush() }
        } else if isUrgent {
            wakeUp.yield()
        } else if mustSetTimer {
            _ = clock.schedule(at: clock.uptime() + LogPump.interval) { [self] in
                state.withLock { $0.isTimerSet = false }
                wakeUp.yield()
            }
        }
    }

    /// Flushes whenever lines wait, until the task is cancelled; lines that come later are written one flush each.
    package func run() async {
        for await _ in wakeUps { await flush() }
        state.withLock { $0.hasLeft = true }
        await flush()
    }

    /// Appends all lines that wait now; returns when they, and those of flushes under way, are committed or given up.
    package func flush() async {
        let (chunks, owners, dropping, hasPredecessor) = takeChunks()
        defer { state.withLock { $0.appendsUnderWay -= 1 } }
        guard !chunks.isEmpty || hasPredecessor else { return }
        do throws(JobStoreError) {
            // The store appends in the order of calls: an empty append after a flush under way returns when that one is committed.
            let cursors = try await store.append(chunks, dropping: dropping)
            note(chunks: chunks, of: owners, at: cursors)
            if !chunks.isEmpty { doorbell.ring([.log]) }
        } catch {
            let lost = chunks.reduce(0) { $0 + $1.lines }
            let total = state.withLock { state in
                // What was to be dropped is still there: drop it next time, or a long log outgrows its limit.
                state.dropping = dropping + state.dropping
                state.unwrittenLines += lost
                return state.unwrittenLines
            }
            ExecutionContext.none {
                logger.error("log lines could not be written", metadata: ["lines": "\(lost)", "total": "\(total)", "error": "\(error)"])
            }
        }
    }

    /// Forgets what is known about the size of an ended execution's log.
    package func forget(_ execution: ExecutionID) { state.withLock { $0.usage[LogOwner(execution)] = nil } }

    private func takeChunks() -> (chunks: [LogChunk], owners: [LogOwner], dropping: [Int64], hasPredecessor: Bool) {
        let (logs, dropping, hasPredecessor) = state.withLock { state in
            defer {
                state.waiting = []
                state.dropping = []
                state.appendsUnderWay += 1
            }
            return (state.waiting, state.dropping, state.appendsUnderWay > 0)
        }
        var chunks: [LogChunk] = []
        var owners: [LogOwner] = []
        for log in logs {
            guard let lines = log.takePending() else { continue }
            chunks.append(
                LogChunk(
                    job: log.owner.job, ordinal: log.owner.ordinal, firstSequence: lines.firstSequence, lines: lines.lines,
                    firstTime: lines.firstTime, lastTime: lines.lastTime, highestLevel: lines.highestLevel, flags: lines.flags,
                    flagCounts: lines.flagCounts, crossed: lines.crossed.sorted(),
                    body: LogFraming.frame(fragment: log.fragment, lines: lines.body)))
            owners.append(log.owner)
        }
        return (chunks, owners, dropping, hasPredecessor)
    }

    private func note(chunks: [LogChunk], of owners: [LogOwner], at cursors: [Int64]) {
        state.withLock { state in
            for ((chunk, owner), cursor) in zip(zip(chunks, owners), cursors) {
                let dropped = state.usage[owner, default: LogUsage()].add(bytes: chunk.body.count, cursor: cursor)
                state.dropping += dropped
            }
        }
    }
}

/// How much of an execution's log is kept: a head that stays, and a ring of the latest chunks.
struct LogUsage {
    private var headBytes = 0
    private var tail: [(cursor: Int64, bytes: Int)] = []
    private var tailBytes = 0

    private static let half = Limits.logBytesPerExecution / 2

    /// Counts a chunk in, and names the chunks that it pushes out.
    mutating func add(bytes: Int, cursor: Int64) -> [Int64] {
        if tail.isEmpty, headBytes + bytes <= LogUsage.half {
            headBytes += bytes
            return []
        }
        tail.append((cursor, bytes))
        tailBytes += bytes
        var dropped: [Int64] = []
        while tailBytes > LogUsage.half, tail.count > 1 {
            let oldest = tail.removeFirst()
            tailBytes -= oldest.bytes
            dropped.append(oldest.cursor)
        }
        return dropped
    }
}
