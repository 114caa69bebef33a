// The guide "Limits" names the numbers that the code holds.

import Errand
import ErrandContext
import Testing

@testable import ErrandSQLite

@Suite struct LimitsTests {
    private static func bytes(_ count: Int) -> String {
        if count >= 1 << 20, count.isMultiple(of: 1 << 20) { return "\(count >> 20) MiB" }
        return count >= 1 << 10 && count.isMultiple(of: 1 << 10) ? "\(count >> 10) KiB" : "\(count) bytes"
    }

    private static func range(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

    @Test(arguments: [
        ("payload", bytes(Limits.payloadBytes)),
        ("result", bytes(Limits.resultBytes)),
        ("nesting of JSON", "\(Limits.jsonDepth) levels"),
        ("message of a log line", bytes(Limits.logLineBytes)),
        ("metadata of a log line", "\(Limits.logMetadataMembers) members, \(bytes(Limits.logMetadataBytes))"),
        ("log of one execution", bytes(Limits.logBytesPerExecution)),
        ("message of an error", bytes(Limits.errorMessageBytes)),
        ("idempotency key", bytes(Limits.keyBytes)),
        ("message about progress", bytes(Limits.progressMessageBytes)),
        ("unique key", bytes(Limits.uniqueKeyBytes)),
        ("fields that a job is unique by", "\(Limits.uniqueFields)"),
        ("label", bytes(Limits.labelBytes)),
        ("`meta`", "\(Limits.metaEntries) entries, \(bytes(Limits.metaBytes))"),
        ("priority", range(Limits.priorities)),
        ("attempts", range(Limits.attempts)),
        ("result of a step, value of a cursor", bytes(StepRules.resultBytes)),
        ("steps of a job", "\(StepRules.count), \(bytes(StepRules.totalBytes)) of results"),
        ("name of a step", bytes(StepRules.nameBytes)),
        ("periodic jobs of a store", "\(PeriodicRules.count)"),
        ("missed slots that are made up for", range(PeriodicRules.catchUp)),
        ("slots of a worker", range(Limits.concurrency)),
        ("outcomes that a worker could not write", "\(WorkerState.outboxLimit), or \(bytes(WorkerState.outboxBytes)) of results"),
        ("calls of `enqueue` in one process", "\(Intake.calls), \(bytes(Intake.bytes)) of payload"),
        ("lines of one execution", bytes(ExecutionLog.pendingLimit)),
        ("lines of all executions of a worker", bytes(LogPump.roomBytes)),
        ("an outcome for its log lines", "\(LogPump.patience.components.seconds) seconds, a third of a short lease"),
        ("a rescue for the lines that it adds to logs", "\(LogPump.patience.components.seconds) seconds"),
    ])
    func `the guide names the limit that holds`(what: String, value: String) throws {
        let guide = try Repository.text("Sources/Errand/Errand.docc/LimitsAndRetention.md")
        #expect(guide.contains("\n| \(what) | \(value) |"), "LimitsAndRetention.md must say \"| \(what) | \(value) |\"")
    }
}
