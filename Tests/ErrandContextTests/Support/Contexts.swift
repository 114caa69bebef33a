// Contexts for tests, and their lines read back the way a reader of the log would.

import ErrandContext
import FoundationEssentials
import Logging
import Synchronization

/// Counts announcements, and keeps nothing else.
final class CountingSink: LogSink {
    private let counts = Mutex((all: 0, urgent: 0))

    var all: Int { counts.withLock { $0.all } }
    var urgent: Int { counts.withLock { $0.urgent } }

    func hasLines(_ log: ExecutionLog, isUrgent: Bool) {
        counts.withLock {
            $0.all += 1
            if isUrgent { $0.urgent += 1 }
        }
    }
}

/// The execution `ordinal` of the job with the number `job`; its clock stands at `time`.
func makeContext(
    _ job: Int64 = 1, ordinal: Int64 = 1, parent: ExecutionID? = nil, root: ExecutionID? = nil, trace: TraceContext? = nil,
    meta: [String: String] = [:], sink: any LogSink = CountingSink(), time: Timestamp = Timestamp(microseconds: 0)
) -> ExecutionContext {
    ExecutionContext(
        executionID: ExecutionID(JobID(rawValue: job), ordinal), attempt: 1, maxAttempts: 5, queue: "default", kind: "test",
        parent: parent, root: root, trace: trace, meta: meta, sink: sink, now: { time })
}

/// One log record as a reader sees it.
struct Record: Decodable {
    var ts: String
    var level: String
    var message: String
    var seq: Int64
    var stream: String
    var flags: [String]
    var logger: String?
    var metadata: [String: MetadataText]
    var executionID: String
    var jobID: String
    var ordinal: Int64
    var attempt: Int
    var queue: String
    var kind: String
    var meta: [String: String]

    enum CodingKeys: String, CodingKey {
        case ts, level, message, seq, stream, flags, logger, metadata, ordinal, attempt, queue, kind, meta
        case executionID = "execution_id"
        case jobID = "job_id"
    }

    /// The metadata value under `name` as text; `nil` when there is none or it is no text or number.
    func value(_ name: String) -> String? { metadata[name]?.text }
}

/// A metadata value, of which text and numbers are looked at.
struct MetadataText: Decodable {
    var text: String?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            text = "\(number)"
        } else {
            // Nested metadata is not text; tests that care look at the bytes.
            text = try? container.decode(String.self)
        }
    }
}

/// Takes what waits in the log of `context`, as whole records.
func takeRecords(of context: ExecutionContext) throws -> [Record] {
    try takeLines(of: context).map { try JSONDecoder().decode(Record.self, from: Data($0.utf8)) }
}

/// Takes what waits in the log of `context`, as JSON texts.
func takeLines(of context: ExecutionContext) -> [String] {
    guard let pending = context.log.takePending() else { return [] }
    let fragment = String(decoding: context.log.fragment, as: UTF8.self)
    return pending.body.split(separator: UInt8(ascii: "\n")).map { "{\(fragment),\(String(decoding: $0, as: UTF8.self))}" }
}

extension ExecutionContext {
    /// Runs `body` as this execution, at once.
    func runHere<Result>(_ body: () throws -> Result) rethrows -> Result { try with(metadata: [:], body) }
}
