// How a handler that runs something else files what it prints: lines of a stream, with a brake.

package import Logging

extension ExecutionContext {
    /// Files one line that a child process printed, without its newline; bytes that are not UTF-8 become U+FFFD. `level` and
    /// `metadata` are for lines that say them (JSON lines).
    package func record(
        line: [UInt8], stream: LogStream, level: Logger.Level = .info, isTruncated: Bool = false, metadata: Logger.Metadata = [:]
    ) {
        let text = String(decoding: line, as: UTF8.self)
        log.append(
            at: now(), level: level, stream: stream, flags: isTruncated ? [.truncated] : [], limit: Limits.logLineBytes,
            message: { JSONText.append(text, to: &$0, limit: $1) }
        ) { writer in
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { writer.member(key, value: value) }
        }
    }

    /// Returns once there is room for more lines; call it between reads of a fast stream.
    package func waitForLogRoom() async { await log.waitForRoom() }
}
