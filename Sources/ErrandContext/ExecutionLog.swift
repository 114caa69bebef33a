// The log of one execution while it is being written: lines get their sequence numbers here, and wait for the next flush.

package import Logging
import Synchronization

/// Where execution logs announce that they hold lines; the worker's log pump is one.
package protocol LogSink: Sendable {
    /// `log` holds lines that were not announced before, or that somebody else is announcing right now. `isUrgent`: an error is among
    /// them, write it at once.
    func hasLines(_ log: ExecutionLog, isUrgent: Bool)

    /// What all logs of this sink may hold together while they wait.
    var room: LogRoom { get }
}

extension LogSink {
    package var room: LogRoom { .unlimited }
}

/// Whose lines a log holds.
package struct LogOwner: Hashable, Sendable {
    /// The job; `nil` for the bucket of a worker's unattributed lines.
    package var job: JobID?
    /// The execution's ordinal, or the worker's ID for its unattributed lines.
    package var ordinal: Int64

    package init(job: JobID?, ordinal: Int64) {
        self.job = job
        self.ordinal = ordinal
    }

    package init(_ execution: ExecutionID) { self.init(job: execution.job, ordinal: execution.ordinal) }

    /// The execution, if it is one.
    package var execution: ExecutionID? { job.map { ExecutionID($0, ordinal) } }
}

/// Collects the lines of one execution, from any thread, until the sink takes them.
///
/// A line is rendered when it is written, on the thread that writes it; its sequence number is given under the same lock, so numbers
/// are gapless and in the order of the text. What memory cannot hold is dropped, and the gap in the numbers shows how much.
package final class ExecutionLog: Sendable {
    /// Whose lines these are.
    package let owner: LogOwner
    /// What every line of this log has in common, as JSON members: the identity.
    package let fragment: [UInt8]
    /// What was printed and is no whole line yet.
    let printed = PrintedLines()
    /// What must not be kept; `nil` costs nothing.
    package let redaction: Redaction?
    private let sink: any LogSink
    private let state = Mutex(State())

    /// How many bytes may wait for a flush before lines are dropped: 4 MiB.
    package static let pendingLimit = 4 << 20

    private struct State {
        var nextSequence: Int64 = 1
        var pending = PendingLines()
        /// Whether the sink knows of the pending lines. Until it does everybody announces them: whoever wrote the first of them may
        /// have been stopped before it could, and the lines of the others must not wait for that.
        var isAnnounced = false
        /// How often pending lines have been taken.
        var takings: UInt64 = 0
        var endedAt: Timestamp?
        /// Lines that were dropped since the last one that was not.
        var dropped = 0
        /// Woken when pending lines have been taken.
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Only while an error reporter wants them.
        var recent: RecentLines?
    }

    /// The log of `owner`; `firstSequence` is more than 1 when somebody goes on with a log that another process began.
    package init(owner: LogOwner, fragment: [UInt8], firstSequence: Int64 = 1, redaction: Redaction? = nil, sink: any LogSink) {
        self.owner = owner
        self.fragment = fragment
        self.redaction = redaction
        self.sink = sink
        state.withLock { $0.nextSequence = firstSequence }
    }

    /// Appends a line and tells how it was flagged in the end. `crossing` names the execution that was current instead of the line's
    /// owner; `site` is where in the code it was written, kept for flagged lines; `metadata` is written without calling anybody's code.
    @discardableResult
    package func append(
        at time: Timestamp, level: Logger.Level, stream: LogStream, flags: LogFlags = [], crossing other: ExecutionID? = nil,
        site: (file: String, line: UInt)? = nil, label: String? = nil, limit: Int,
        message: String, metadata: Logger.Metadata = [:]
    ) -> LogFlags {
        var announcement: UInt64?
        var flags = flags
        if other != nil { flags.insert(.crossed) }
        state.withLock { state in
            let sequence = state.nextSequence
            state.nextSequence += 1
            guard state.pending.body.count < ExecutionLog.pendingLimit, !sink.room.isFull else {
                state.dropped += 1
                return
            }
            let dropped = state.dropped
            state.dropped = 0
            if dropped > 0 { flags.insert(.dropped) }
            var late: Int64?
            if let endedAt = state.endedAt, stream != .system {
                flags.insert(.afterEnd)
                late = max(0, (time - endedAt).wholeMicroseconds / 1000)
            }
            let leaks = flags.intersection(.leaks)
            announcement = state.isAnnounced ? nil : state.takings
            let start = state.pending.body.count
            // A few lines of usual length: growing little by little costs more than the lines.
            if start == 0 { state.pending.body.reserveCapacity(1024) }
            state.pending.begin(sequence: sequence, time: time, level: level)
            let shownSite = leaks.isEmpty && !LogCapture.keepsSites ? nil : site
            let members = LineMembers(
                crossing: other, dropped: dropped, late: late, site: shownSite.map { "\($0.file):\($0.line)" }, metadata: metadata)
            LogLine.append(
                to: &state.pending.body, time: time, level: level, sequence: sequence, stream: stream, flags: &flags, label: label,
                limit: limit, message: message, redaction: redaction, members: members)
            state.pending.end(flags: flags, crossing: other, dropped: dropped)
            sink.room.add(state.pending.body.count - start)
            state.recent?.add(state.pending.body[start...])
        }
        if announcement != nil || level >= .error { sink.hasLines(self, isUrgent: level >= .error) }
        if let announcement {
            state.withLock { state in if state.takings == announcement, !state.pending.isEmpty { state.isAnnounced = true } }
        }
        return flags
    }

    /// Appends a line of Errand's own about the execution: what its code cannot know, or does not say.
    package func remark(_ text: String, level: Logger.Level, at time: Timestamp) {
        append(at: time, level: level, stream: .system, limit: LogCapture.lineBytes, message: text)
    }

    /// Takes over lines that another process has rendered for this execution, in their order. Their numbers are given here, after those of
    /// all lines before them; what is no record at all is left out, so that its number is missing.
    package func adopt(_ lines: PendingLines) {
        var announcement: UInt64?
        state.withLock { state in
            for row in lines.body.split(separator: UInt8(ascii: "\n")) {
                let sequence = state.nextSequence
                state.nextSequence += 1
                guard state.pending.body.count < ExecutionLog.pendingLimit, !sink.room.isFull else {
                    state.dropped += 1
                    continue
                }
                let start = state.pending.body.count
                guard LogLine.append(row, numbered: sequence, to: &state.pending.body) else { continue }
                if announcement == nil, !state.isAnnounced { announcement = state.takings }
                state.pending.begin(sequence: sequence, time: lines.firstTime, level: lines.highestLevel)
                sink.room.add(state.pending.body.count - start)
                state.recent?.add(state.pending.body[start...])
            }
            state.pending.learn(from: lines)
        }
        let isUrgent = lines.highestLevel >= .error
        if announcement != nil || isUrgent { sink.hasLines(self, isUrgent: isUrgent) }
        guard let announcement else { return }
        state.withLock { state in if state.takings == announcement, !state.pending.isEmpty { state.isAnnounced = true } }
    }

    /// Takes the lines that wait; `nil` when none do.
    package func takePending() -> PendingLines? {
        let (pending, waiters) = state.withLock { state -> (PendingLines?, [CheckedContinuation<Void, Never>]) in
            guard !state.pending.isEmpty else { return (nil, []) }
            let pending = state.pending
            state.pending = PendingLines()
            state.isAnnounced = false
            state.takings += 1
            let waiters = state.waiters
            state.waiters = []
            return (pending, waiters)
        }
        for waiter in waiters { waiter.resume() }
        if let pending { sink.room.add(-pending.body.count) }
        return pending
    }

    /// Lines that were taken came to nothing: the next line says so.
    package func didDrop(lines: Int) { state.withLock { $0.dropped += lines } }

    /// Returns once there is room for more lines: the brake for a command that prints faster than the disk writes.
    package func waitForRoom() async {
        await withCheckedContinuation { continuation in
            let hasRoom = state.withLock { state in
                if state.pending.body.count < ExecutionLog.pendingLimit / 4 { return true }
                state.waiters.append(continuation)
                return false
            }
            if hasRoom { continuation.resume() }
        }
    }

    /// How many lines were written so far, kept or not.
    package var writtenLines: Int64 { state.withLock { $0.nextSequence } }

    /// Whether the execution has ended.
    package var hasEnded: Bool { state.withLock { $0.endedAt != nil } }

    /// Keeps the newest `limit` lines in memory from now on, for an error report; call it before the first line.
    package func keepRecentLines(_ limit: Int) {
        guard limit > 0 else { return }
        state.withLock { $0.recent = RecentLines(limit: limit) }
    }

    /// The newest lines without their newlines, oldest first, as far as they were kept.
    package var recentLines: [[UInt8]] { state.withLock { $0.recent?.lines ?? [] } }

    /// Marks the end of the execution: later lines are flagged `after_end`. What was printed without a newline is a line now. Its report
    /// has been made: recent lines are kept no longer, since a callback may keep this log for ever.
    package func end(at time: Timestamp) {
        for (stream, line) in printed.finish() { append(line: line, at: time, stream: stream) }
        if state.withLock({ $0.dropped > 0 }) {
            remark("the last lines of this log were dropped", level: .warning, at: time)
        }
        state.withLock { state in
            state.endedAt = state.endedAt ?? time
            state.recent = nil
        }
    }
}

/// Lines of one execution on their way to the store.
package struct PendingLines: Sendable {
    /// The first line's number.
    package var firstSequence: Int64 = 0
    /// How many lines.
    package var lines = 0
    /// The first line's time.
    package var firstTime = Timestamp(microseconds: 0)
    /// The last line's time.
    package var lastTime = Timestamp(microseconds: 0)
    /// The highest level among them.
    package var highestLevel = Logger.Level.trace
    /// All flags that occur.
    package var flags: LogFlags = []
    /// How often each does.
    package var flagCounts = LogFlagCounts()
    /// Executions that were current instead of the owner when `crossed` lines were written.
    package var crossed: Set<ExecutionID> = []
    /// The lines, each ended by a newline.
    package var body: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { lines == 0 }

    mutating func begin(sequence: Int64, time: Timestamp, level: Logger.Level) {
        if lines == 0 {
            firstSequence = sequence
            firstTime = time
        }
        lines += 1
        lastTime = time
        highestLevel = max(highestLevel, level)
    }

    /// Takes over what `other` knows about lines that have been taken over.
    mutating func learn(from other: PendingLines) {
        guard !isEmpty else { return }
        lastTime = max(lastTime, other.lastTime)
        flags.formUnion(other.flags)
        flagCounts.add(other.flagCounts)
        crossed.formUnion(other.crossed)
    }

    mutating func end(flags: LogFlags, crossing other: ExecutionID?, dropped: Int = 0) {
        guard !flags.isEmpty else { return }
        self.flags.formUnion(flags)
        flagCounts.count(flags)
        if dropped > 0 { flagCounts[.dropped] += dropped - 1 }
        if let other { crossed.insert(other) }
    }
}
