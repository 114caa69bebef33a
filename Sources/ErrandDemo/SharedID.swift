// The bug, on purpose: one "current ID" for all jobs, as a global variable, a thread dictionary or `enterWith` would hold it.

import ErrandContext
import Logging
import Synchronization

/// Who is running, according to whoever wrote it last. At concurrency 1 this looks right.
final class SharedID: Identity {
    private struct State {
        var current: ExecutionID?
        var lines: [(filedUnder: ExecutionID?, message: String)] = []
    }

    private let state = Mutex(State())

    func enter(_ execution: ExecutionID) { state.withLock { $0.current = execution } }
    var current: ExecutionID? { state.withLock { $0.current } }
    var logger: Logger { Logger(label: "analysis", factory: { _ in SharedIDLogHandler(shared: self) }) }

    /// Every line so far, with the ID that was current when it was written.
    var lines: [FiledLine] { state.withLock { $0.lines.map { FiledLine(message: $0.message, filedUnder: $0.filedUnder) } } }

    fileprivate func append(_ message: String) { state.withLock { $0.lines.append(($0.current, message)) } }
}

/// Files each line under the ID that is current when it is written.
private struct SharedIDLogHandler: LogHandler {
    let shared: SharedID
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { shared.append(event.message.description) }
}
