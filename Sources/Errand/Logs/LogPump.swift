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
        /// Lines that were dropped since the store last took some; `nil` while it takes them.
        var droppedInARow: Int?
        /// Dropped lines that no record of their own log can tell of any more.
        var untold = 0
        /// Whether a flush takes so long that nobody waits for it any more.
        var isStuck = false
        /// Bytes that were appended since the logs were last pruned.
        var sincePruning = 0
        /// Whether the worker has left: nobody runs the pump any more.
        var hasLeft = false
    }

    /// How long a line may wait for its flush.
    package static let interval = Duration.milliseconds(50)
    /// How long outcomes and rescues wait for log lines, whose disk or lock may be stuck: 5 seconds. An outcome of a worker with a short
    /// lease waits for a third of that.
    package static let patience = Duration.seconds(5)
    /// What the logs of all executions of a worker may hold while they wait for the store, besides 4 MiB each: 64 MiB.
    package static let roomBytes = 64 << 20
    /// So much may be appended, 64 MiB, before the logs are pruned without waiting for the minute to be over.
    package static let pruningBytes = 64 << 20

    package let room = LogRoom(limit: LogPump.roomBytes)
    private let budget: Int?

    /// A pump into `store`. `budget` is what all logs may hold, in bytes; `nil` is as much as they want.
    package init(store: any LogStore, doorbell: any Doorbell, clock: any ErrandClock, logger: Logger, budget: Int? = nil) {
        self.budget = budget
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
        for await _ in wakeUps {
            await flush()
            await pruneIfGrown()
        }
        state.withLock { $0.hasLeft = true }
        await flush()
    }

    /// Appends all lines that wait now; returns when they, and those of flushes under way, are committed or given up.
    package func flush() async {
        let (chunks, logs, dropping, hasPredecessor) = takeChunks()
        let bytes = chunks.reduce(0) { $0 + $1.body.count }
        room.add(bytes)
        defer {
            room.add(-bytes)
            state.withLock { state in
                state.appendsUnderWay -= 1
                state.isStuck = false
            }
        }
        guard !chunks.isEmpty || hasPredecessor else { return }
        let (counted, untold) = countingUntold(in: chunks)
        do throws(JobStoreError) {
            // The store appends in the order of calls: an empty append after a flush under way returns when that one is committed.
            let cursors = try await store.append(counted, dropping: dropping)
            note(chunks: chunks, of: logs, at: cursors)
            if !chunks.isEmpty { doorbell.ring([.log]) }
        } catch {
            // What was to be dropped is still there: drop it next time, or a long log outgrows its limit.
            state.withLock { state in
                state.dropping = dropping + state.dropping
                state.untold += untold
            }
            drop(chunks, of: logs, because: error)
        }
    }

    /// Like ``flush()``, but waits no longer than `limit`, and not at all as long as an earlier one that took longer is still under way:
    /// outcomes do not wait for logs whose disk or lock is stuck. What was left behind ends by itself.
    package func flush(within limit: Duration, on executor: (any TaskExecutor)?) async {
        // Most outcomes of jobs that log nothing come here: not even a task for them.
        guard state.withLock({ !$0.isStuck && ($0.appendsUnderWay > 0 || !$0.waiting.isEmpty) }) else { return }
        let wasInTime = await clock.run(within: limit, on: executor) { await self.flush() }
        // Whichever flush is under way takes the mark away when it ends.
        if !wasInTime { state.withLock { $0.isStuck = $0.appendsUnderWay > 0 } }
    }

    /// Forgets what is known about the size of an ended execution's log.
    package func forget(_ execution: ExecutionID) { state.withLock { $0.usage[LogOwner(execution)] = nil } }

    private func takeChunks() -> (chunks: [LogChunk], logs: [ExecutionLog], dropping: [Int64], hasPredecessor: Bool) {
        let (logs, dropping, hasPredecessor) = state.withLock { state in
            defer {
                state.waiting = []
                state.dropping = []
                state.appendsUnderWay += 1
            }
            return (state.waiting, state.dropping, state.appendsUnderWay > 0)
        }
        var chunks: [LogChunk] = []
        var owners: [ExecutionLog] = []
        for log in logs {
            guard let lines = log.takePending() else { continue }
            chunks.append(
                LogChunk(
                    job: log.owner.job, ordinal: log.owner.ordinal, firstSequence: lines.firstSequence, lines: lines.lines,
                    firstTime: lines.firstTime, lastTime: lines.lastTime, highestLevel: lines.highestLevel, flags: lines.flags,
                    flagCounts: lines.flagCounts, crossed: lines.crossed.sorted(),
                    body: LogFraming.frame(fragment: log.fragment, lines: lines.body)))
            owners.append(log)
        }
        return (chunks, owners, dropping, hasPredecessor)
    }

    /// `chunks` with the dropped lines that no record tells of counted in the first of them, and how many that were.
    private func countingUntold(in chunks: [LogChunk]) -> ([LogChunk], Int) {
        guard !chunks.isEmpty else { return ([], 0) }
        let untold = state.withLock { state in
            defer { state.untold = 0 }
            return state.untold
        }
        var chunks = chunks
        chunks[0].flagCounts[.dropped] += untold
        return (chunks, untold)
    }

    private func note(chunks: [LogChunk], of logs: [ExecutionLog], at cursors: [Int64]) {
        guard !chunks.isEmpty else { return }
        let dropped = state.withLock { state in
            for ((chunk, log), cursor) in zip(zip(chunks, logs), cursors) {
                state.dropping += state.usage[log.owner, default: LogUsage()].add(bytes: chunk.body.count, cursor: cursor)
                state.sincePruning += chunk.body.count
            }
            defer { state.droppedInARow = nil }
            return state.droppedInARow
        }
        guard let dropped else { return }
        ExecutionContext.none { logger.notice("log lines are kept again", metadata: ["dropped": "\(dropped)"]) }
    }

    /// Counts lines that the store did not take, and has their logs tell of it; the worker's own log says it once.
    private func drop(_ chunks: [LogChunk], of logs: [ExecutionLog], because error: JobStoreError) {
        var lost = 0
        var untold = 0
        for (chunk, log) in zip(chunks, logs) {
            lost += chunk.lines
            // A line that told of earlier ones is gone as well.
            let lines = chunk.lines + chunk.flagCounts[.dropped]
            if log.hasEnded { untold += lines } else { log.didDrop(lines: lines) }
        }
        let isFirst = state.withLock { state in
            state.unwrittenLines += lost
            state.untold += untold
            defer { state.droppedInARow = (state.droppedInARow ?? 0) + lost }
            return state.droppedInARow == nil
        }
        guard isFirst else { return }
        ExecutionContext.none {
            logger.error("log lines are dropped until the store takes them again", metadata: ["lines": "\(lost)", "error": "\(error)"])
        }
    }

    /// Keeps the logs within their budget when they grow by much more in a minute than they should.
    private func pruneIfGrown() async {
        guard let budget else { return }
        let isDue = state.withLock { state in
            guard state.sincePruning >= min(LogPump.pruningBytes, max(1 << 20, budget / 4)) else { return false }
            state.sincePruning = 0
            return true
        }
        guard isDue else { return }
        do throws(JobStoreError) {
            while try await store.prune(olderThan: nil, beyondBytes: budget, limit: Pruner.slice).hasMore, !Task.isCancelled {}
        } catch {
            // The worker prunes once a minute, and says what keeps it from that.
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
