// Files every swift-log line under the execution that wrote it, decided at the moment of writing.

public import Logging

/// A swift-log backend: lines written inside an execution go to that execution's log, all others to another handler.
///
/// Install it once per process, `LoggingSystem.bootstrap { ExecutionLogHandler(label: $0, outside: StreamLogHandler.standardError(label: $0)) }`,
/// or build your binary on `ErrandApp`, which does. The identity is read when a line is written and never stored in a logger that
/// could be shared, except in an execution's own ``ExecutionContext/logger``.
public struct ExecutionLogHandler: LogHandler {
    /// The lowest level that is kept; `info` by default.
    public var logLevel: Logger.Level = .info
    /// Metadata of this logger value.
    public var metadata: Logger.Metadata = [:]
    /// Asked at every line, for other libraries' metadata.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let owner: ExecutionContext?
    private var outside: (any LogHandler)?

    /// A handler for `label` that sends lines from outside of every execution to `outside`.
    public init(label: String, logLevel: Logger.Level = .info, outside: any LogHandler) {
        self.label = label
        self.logLevel = logLevel
        self.outside = outside
        owner = nil
    }

    init(label: String, owner: ExecutionContext) {
        self.label = label
        self.owner = owner
        outside = nil
        logLevel = LogCapture.level
    }

    /// Metadata of this logger value, by key.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Files the line under the execution that is current, or that owns this logger; outside of one, passes it on.
    public func log(event: LogEvent) {
        let ambient = ExecutionContext.ambient
        guard let context = owner ?? ambient.context else {
            logOutside(event)
            return
        }
        var flags: LogFlags = []
        var other: ExecutionID?
        if let owner {
            if let here = ambient.context {
                if here.executionID != owner.executionID { other = here.executionID }
            } else {
                flags.insert(.ambientLost)
            }
        }
        if let contradicting = ambient.contradicting, contradicting.executionID != context.executionID { other = contradicting.executionID }
        if other != nil { flags.insert(.crossed) }
        // The scope that is current knows its nested metadata; an owner from outside of it knows only its own.
        let scope = ambient.context.flatMap { $0.executionID == context.executionID ? $0 : nil } ?? context
        var members = merged(from: scope.metadata, event.metadata)
        if let error = event.error {
            var name = "error"
            while members[name] != nil { name = "_" + name }
            members[name] = "\(error)"
        }
        // Foreign code (a description) runs here, before the log's lock is taken: it may log by itself.
        if members.values.contains(where: \.isForeign) { members = members.mapValues(\.described) }
        let message = event.message.description
        context.log.append(
            at: context.now(), level: event.level, stream: .log, flags: flags, label: label, limit: LogCapture.lineBytes,
            message: { JSONText.append(message, to: &$0, limit: $1) }
        ) { [members] writer in
            if let other { writer.member("ambient_execution_id", text: other.description) }
            for (key, value) in members.sorted(by: { $0.key < $1.key }) { writer.member(key, value: value) }
        }
    }

    /// The metadata of a line: the nearest to the call wins (call, logger, provider, scope), as swift-log asks.
    private func merged(from scope: Logger.Metadata, _ call: Logger.Metadata?) -> Logger.Metadata {
        var members = scope
        for layer in [metadataProvider?.get(), metadata, call] {
            guard let layer, !layer.isEmpty else { continue }
            if members.isEmpty { members = layer } else { members.merge(layer) { _, nearer in nearer } }
        }
        return members
    }

    private func logOutside(_ event: LogEvent) {
        guard var outside else { return }
        outside.metadata = metadata
        outside.metadataProvider = metadataProvider
        outside.log(event: event)
    }
}

extension Logger.MetadataValue {
    /// Whether writing the value calls code of somebody else's.
    fileprivate var isForeign: Bool {
        switch self {
        case .string: false
        case .stringConvertible: true
        case .array(let values): values.contains(where: \.isForeign)
        case .dictionary(let members): members.values.contains(where: \.isForeign)
        }
    }

    /// The value as text only.
    fileprivate var described: Logger.MetadataValue {
        switch self {
        case .string: self
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(\.described))
        case .dictionary(let members): .dictionary(members.mapValues(\.described))
        }
    }
}
