// One line of an execution's log, as readers see it.

public import ErrandContext
public import Logging

/// One line of an execution's log, with the identity of the execution that wrote it.
public struct LogRecord: Sendable, Hashable {
    /// Who wrote it.
    public var identity: LogIdentity
    /// When.
    public var time: Timestamp
    /// How grave it is.
    public var level: Logger.Level
    /// What it says, as it was written: nothing is escaped for a terminal.
    public var message: String
    /// Its number within the execution, from 1; a gap means dropped lines.
    public var sequence: Int64
    /// Where it came from.
    public var stream: LogStream
    /// What is unusual about it.
    public var flags: LogFlags
    /// The label of the logger that it was written through, for lines that came from one.
    public var logger: String?
    /// Its metadata: a JSON object, as it was written.
    public var metadata: [UInt8]
    /// The whole record as one JSON object without a newline: the bytes that `errand logs --json` prints.
    public var jsonLine: [UInt8]

    /// For a record flagged `crossed`: the execution that was current when it was written, instead of its owner.
    public var ambientExecutionID: ExecutionID? {
        JSONMembers(object: metadata[...])?.text("ambient_execution_id").flatMap { ExecutionID($0) }
    }

    /// Reads one line of a chunk, or gives `nil` when it is not a whole record.
    init?(identity: LogIdentity, line: ArraySlice<UInt8>) {
        guard let members = JSONMembers(withoutBraces: line),
            let time = members.text("ts").flatMap({ Timestamp($0) }),
            let level = members.text("level").flatMap({ Logger.Level(rawValue: $0) }),
            let message = members.text("message"),
            let sequence = members.number("seq"),
            let stream = members.text("stream").flatMap({ LogStream(rawValue: $0) })
        else { return nil }
        self.identity = identity
        self.time = time
        self.level = level
        self.message = message
        self.sequence = sequence
        self.stream = stream
        let flagNames = members.texts("flags")
        flags = LogFlags.names.reduce(into: []) { flags, known in
            if flagNames.contains(known.name) { flags.insert(known.flag) }
        }
        logger = members.text("logger")
        metadata = members.raw("metadata").map { Array($0) } ?? Array("{}".utf8)
        var json: [UInt8] = []
        json.reserveCapacity(identity.fragment.count + line.count + 3)
        json.append(UInt8(ascii: "{"))
        json.append(contentsOf: identity.fragment)
        json.append(UInt8(ascii: ","))
        json.append(contentsOf: line)
        json.append(UInt8(ascii: "}"))
        jsonLine = json
    }
}

/// Who wrote the records of a chunk; every part is `nil` where the records belong to no execution.
public struct LogIdentity: Sendable, Hashable {
    /// The execution.
    public var executionID: ExecutionID?
    /// Which attempt it was.
    public var attempt: Int?
    /// The job's queue.
    public var queue: String?
    /// The job's kind.
    public var kind: String?
    /// The caller's own values.
    public var meta: [String: String]
    /// The identity as it is stored: JSON members without braces.
    public var fragment: [UInt8]

    /// Reads the first line of a chunk, or gives `nil` when it is not JSON members.
    init?(members bytes: ArraySlice<UInt8>) {
        guard let members = JSONMembers(withoutBraces: bytes) else { return nil }
        executionID = members.text("execution_id").flatMap { ExecutionID($0) }
        attempt = members.number("attempt").flatMap { Int(exactly: $0) }
        queue = members.text("queue")
        kind = members.text("kind")
        meta = [:]
        if let raw = members.raw("meta"), let values = JSONMembers(object: raw) {
            for name in values.names { meta[name] = values.text(name) }
        }
        fragment = Array(bytes)
    }

    /// The execution's span, if its trace is among the identity.
    func span(isSampled: Bool) -> TraceContext? {
        guard let members = JSONMembers(withoutBraces: fragment[...]), let traceID = members.text("trace_id"),
            let spanID = members.text("span_id")
        else { return nil }
        return TraceContext(traceID: traceID, spanID: spanID, isSampled: isSampled)
    }
}
