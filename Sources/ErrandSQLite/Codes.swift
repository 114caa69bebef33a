// How words of the model are kept as small numbers. Never change a number: stores live longer than binaries.

import Errand
import ErrandContext
import FoundationEssentials
import Logging

extension Outcome {
    /// The number in `errand_execution.outcome`, `errand_finished.outcome` and `errand_tally.outcome`.
    var code: Int64 {
        switch self {
        case .completed: 0
        case .failed: 1
        case .timedOut: 2
        case .snoozed: 3
        case .cancelled: 4
        case .interrupted: 5
        case .crashed: 6
        case .lost: 7
        }
    }

    /// The codes of the outcomes that do not count as an attempt, for a list in SQL.
    static let refundedCodes = allCases.filter(\.isRefunded).map { "\($0.code)" }.joined(separator: ", ")

    init?(code: Int64) {
        guard let outcome = Outcome.allCases.first(where: { $0.code == code }) else { return nil }
        self = outcome
    }
}

/// How a job ended: the number in `errand_finished.state` and `errand_counter.state`.
enum FinalState: Int64, CaseIterable {
    case completed = 0
    case cancelled = 1
    case dead = 2

    var jobState: JobState {
        switch self {
        case .completed: .completed
        case .cancelled: .cancelled
        case .dead: .dead
        }
    }
}

/// Why a job is scheduled: the number in `errand_scheduled.reason`.
enum ScheduledReason: Int64 {
    case delayed = 0
    case retry = 1
    case snooze = 2

    var jobState: JobState { self == .retry ? .retryable : .scheduled }
}

/// What an input row has besides the plain columns; without any flag they need not be read.
struct JobFlags: OptionSet {
    let rawValue: Int64
    /// An idempotency key.
    static let key = JobFlags(rawValue: 1)
    /// A timeout, label, caller's values, trace or lineage.
    static let extras = JobFlags(rawValue: 2)
    /// Its executions link to the enqueuer's place in a trace instead of being its children.
    static let linked = JobFlags(rawValue: 4)
    /// Its logs were deleted while it is kept.
    static let logsGone = JobFlags(rawValue: 256)
    /// A sequence, in which it has its turn.
    static let sequenced = JobFlags(rawValue: 128)
    /// Tags, which have rows of their own.
    static let tagged = JobFlags(rawValue: 64)
    /// Others that it waits for, or has waited for.
    static let dependent = JobFlags(rawValue: 512)
}

extension Logger.Level {
    /// The number in `errand_log_chunk.max_level`, growing with severity.
    var code: Int64 {
        switch self {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .notice: 3
        case .warning: 4
        case .error: 5
        case .critical: 6
        }
    }

    init(code: Int64) { self = Logger.Level.allCases.first { $0.code == code } ?? .critical }
}

/// JSON in text columns.
enum JSONText {
    /// A value as JSON with sorted keys.
    static func encode(_ value: some Encodable) throws(JobStoreError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw .refused(reason: "a value cannot be written as JSON: \(error)")
        }
    }

    /// The value that ``encode(_:)`` wrote.
    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws(JobStoreError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw .damaged(reason: "a column does not hold the JSON of \(type): \(error)")
        }
    }
}
