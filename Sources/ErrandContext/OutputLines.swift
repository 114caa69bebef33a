// How printed lines get into a log: those of child processes, and those that an execution's own code prints.

package import Logging
import Synchronization

extension ExecutionContext {
    /// Files one line that a child process printed, without its newline; bytes that are not UTF-8 become U+FFFD. `level` and
    /// `metadata` are for lines that say them (JSON lines).
    package func record(
        line: [UInt8], stream: LogStream, level: Logger.Level = .info, isTruncated: Bool = false, metadata: Logger.Metadata = [:]
    ) {
        log.append(
            line: LineSplitter.Line(bytes: line, isTruncated: isTruncated), at: now(), stream: stream, level: level, metadata: metadata)
    }

    /// Returns once there is room for more lines; call it between reads of a fast stream.
    package func waitForLogRoom() async { await log.waitForRoom() }
}

extension ExecutionLog {
    /// Appends one printed line.
    func append(
        line: LineSplitter.Line, at time: Timestamp, stream: LogStream, level: Logger.Level = .info, flags: LogFlags = [],
        crossing other: ExecutionID? = nil, metadata: Logger.Metadata = [:]
    ) {
        let text = String(decoding: line.bytes, as: UTF8.self)
        append(
            at: time, level: level, stream: stream, flags: line.isTruncated ? flags.union(.truncated) : flags, crossing: other,
            limit: LogCapture.lineBytes, message: text, metadata: metadata)
    }
}

/// Makes lines of what the code of one execution prints, each stream by itself, however many pieces a line comes in.
final class PrintedLines: Sendable {
    private struct State {
        var stdout = LineSplitter(limit: LogCapture.lineBytes)
        var stderr = LineSplitter(limit: LogCapture.lineBytes)
    }

    private let state = Mutex(State())

    /// The lines that `bytes` complete. The stream's own lock keeps the pieces of one call together and calls in order.
    func push(_ bytes: UnsafeBufferPointer<UInt8>, to stream: LogStream) -> [LineSplitter.Line] {
        state.withLock { stream == .stderr ? $0.stderr.push(bytes) : $0.stdout.push(bytes) }
    }

    /// The lines that never got their newline, for the end of an execution.
    func finish() -> [(LogStream, LineSplitter.Line)] {
        state.withLock { state in
            [(LogStream.stdout, state.stdout.finish()), (.stderr, state.stderr.finish())].compactMap { stream, line in
                line.map { (stream, $0) }
            }
        }
    }
}
