// Where the lines go that no execution wrote.

import Logging
import Synchronization

/// The process's own log, kept in memory for the demo to look at.
final class OutsideLog: Sendable {
    private let state = Mutex<[String]>([])

    /// The messages so far.
    var messages: [String] { state.withLock { $0 } }

    fileprivate func append(_ message: String) { state.withLock { $0.append(message) } }
}

/// Appends lines to an outside log.
struct OutsideLogHandler: LogHandler {
    let log: OutsideLog
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    init(log: OutsideLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.append(event.message.description) }
}
