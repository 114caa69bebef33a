// The bucket of a worker's unattributed lines: written while its jobs were in flight, by code that belongs to none of them.

import Synchronization

/// Keeps what a process logs or prints while jobs are in flight without belonging to any: callbacks that lost their execution, mostly.
///
/// Open while executions run and for ``grace`` after the last one, so that late timers are caught too. Code that stands outside of
/// every execution by choice, under ``ExecutionContext/none(_:)``, is not meant.
package final class UnattributedLog: Sendable {
    private let redaction: Redaction?
    private let sink: any LogSink
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    private struct State {
        /// The lines on their way to the store; `nil` until the store knows the worker.
        var log: ExecutionLog?
        var running = 0
        var lastEnd: Timestamp?
    }

    /// How long after the last execution the bucket stays open: 5 seconds.
    package static let grace = Duration.seconds(5)

    /// All buckets of this process: one for each worker that runs.
    private static let all = Mutex<[UnattributedLog]>([])

    /// A bucket whose lines go to `sink`.
    package init(redaction: Redaction? = nil, sink: any LogSink, now: @escaping @Sendable () -> Timestamp) {
        self.redaction = redaction
        self.sink = sink
        self.now = now
    }

    /// Files further lines under the worker that the store knows as `number`, shown as `name`.
    package func belong(toWorker number: Int64, named name: String) {
        var fragment: [UInt8] = []
        JSONText.append(raw: "\"v\":1,\"worker_id\":", to: &fragment)
        JSONText.append(name, to: &fragment)
        let log = ExecutionLog(owner: LogOwner(job: nil, ordinal: number), fragment: fragment, redaction: redaction, sink: sink)
        state.withLock { $0.log = log }
    }

    /// Makes the bucket take lines of this process.
    package func open() { UnattributedLog.all.withLock { $0.append(self) } }

    /// Ends that; the lines that it holds stay with the sink.
    package func close() { UnattributedLog.all.withLock { $0.removeAll { $0 === self } } }

    /// An execution begins.
    package func enter() { state.withLock { $0.running += 1 } }

    /// An execution has ended.
    package func leave() {
        let time = now()
        state.withLock { state in
            state.running -= 1
            state.lastEnd = time
        }
    }

    /// The log for a line that is written now, if any execution runs or has just ended.
    private func log(at time: Timestamp) -> ExecutionLog? {
        state.withLock { state in
            state.running > 0 || state.lastEnd.map { time - $0 < UnattributedLog.grace } ?? false ? state.log : nil
        }
    }

    /// Keeps what was printed by code that belongs to no execution.
    static func print(_ bytes: UnsafeBufferPointer<UInt8>, to stream: LogStream) {
        take { log, time in
            for line in log.printed.push(bytes, to: stream) { log.append(line: line, at: time, stream: stream, flags: .unattributed) }
        }
    }

    /// Hands `write` the log and the time for a line that belongs to no execution; returns whether there was a bucket to take it.
    @discardableResult
    static func take(_ write: (ExecutionLog, Timestamp) -> Void) -> Bool {
        for bucket in all.withLock({ $0 }) {
            let time = bucket.now()
            guard let log = bucket.log(at: time) else { continue }
            write(log, time)
            return true
        }
        return false
    }
}
