// The guide "Limits" names the numbers that the code holds.

import Errand
import Testing

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
        ("label", bytes(Limits.labelBytes)),
        ("`meta`", "\(Limits.metaEntries) entries, \(bytes(Limits.metaBytes))"),
        ("priority", range(Limits.priorities)),
        ("attempts", range(Limits.attempts)),
        ("slots of a worker", range(Limits.concurrency)),
    ])
    func `the guide names the limit that holds`(what: String, value: String) throws {
        let guide = try Repository.text("Sources/Errand/Errand.docc/LimitsAndRetention.md")
        #expect(guide.contains("\n| \(what) | \(value) |"), "LimitsAndRetention.md must say \"| \(what) | \(value) |\"")
    }
}
