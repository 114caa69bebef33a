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
    private let owner: Owner?
    private var outside: (any LogHandler)?

    /// Whose every line is: the parts of an execution's context that a line needs. Not the context itself, which holds this.
    private struct Owner {
        let executionID: ExecutionID
        let metadata: Logger.Metadata
        let log: ExecutionLog
        let now: @Sendable () -> Timestamp
    }

    /// A handler for `label` that sends lines from outside of every execution to `outside`.
    public init(label: String, logLevel: Logger.Level = .info, outside: any LogHandler) {
        self.label = label
        self.logLevel = logLevel
        self.outside = outside
        owner = nil
    }

    /// A handler for all lines of `execution`, whoever is current.
    init(
        label: String, owner execution: ExecutionID, metadata: Logger.Metadata, log: ExecutionLog, now: @escaping @Sendable () -> Timestamp
    ) {
        self.label = label
        owner = Owner(executionID: execution, metadata: metadata, log: log, now: now)
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
        // The scope that is current knows its nested metadata; an owner from outside of it knows only its own.
        if let scope = ambient.context, owner == nil || owner?.executionID == scope.executionID {
            append(
                event, members: members(of: event, in: scope.metadata), to: owner?.log ?? scope.log, at: scope.now(), flags: [],
                crossing: stranger(ambient.contradicting, to: scope.executionID))
        } else if let owner {
            // Two carriers may name others than the owner; the one that names another execution at all is the one to tell.
            append(
                event, members: members(of: event, in: owner.metadata), to: owner.log, at: owner.now(),
                flags: ambient.context == nil ? .ambientLost : [],
                crossing: stranger(ambient.context, to: owner.executionID) ?? stranger(ambient.contradicting, to: owner.executionID))
        } else {
            logOutside(event, isChosen: ambient.isOutside)
        }
    }

    private func stranger(_ other: ExecutionContext?, to execution: ExecutionID) -> ExecutionID? {
        guard let other, other.executionID != execution else { return nil }
        return other.executionID
    }

    private func append(
        _ event: LogEvent, members: Logger.Metadata, to log: ExecutionLog, at time: Timestamp, flags: LogFlags, crossing other: ExecutionID?
    ) {
        let message = event.message.description
        let flags = log.append(
            at: time, level: event.level, stream: .log, flags: flags, crossing: other, site: (event.file, event.line), label: label,
            limit: LogCapture.lineBytes, message: message, metadata: members)
        guard !flags.isDisjoint(with: .leaks) else { return }
        ContextLeaks.note(flags, file: event.file, line: event.line, logger: label, execution: log.owner.execution)
    }

    /// All metadata of a line, as values that are written without calling anybody's code: foreign code (a description) runs here,
    /// before the log's lock is taken, since it may log by itself.
    private func members(of event: LogEvent, in scope: Logger.Metadata) -> Logger.Metadata {
        var members = merged(from: scope, event.metadata)
        if let error = event.error {
            var name = "error"
            while members[name] != nil { name = "_" + name }
            members[name] = "\(error)"
        }
        return members.values.contains(where: \.isForeign) ? members.mapValues(\.described) : members
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

    /// A line of no execution goes to the process's own log. While jobs are in flight it also goes to the worker's unattributed bucket,
    /// since it may be one of theirs, unless its code stands outside by choice.
    private func logOutside(_ event: LogEvent, isChosen: Bool) {
        guard var outside else { return }
        outside.metadata = metadata
        outside.metadataProvider = metadataProvider
        guard !isChosen else { return outside.log(event: event) }
        UnattributedLog.take { log, time in
            append(event, members: members(of: event, in: [:]), to: log, at: time, flags: .unattributed, crossing: nil)
        }
        // What the other handler prints is no second line of nobody's.
        ExecutionContext.none { outside.log(event: event) }
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
