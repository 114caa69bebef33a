// Reports as a worker makes them, and events as a reader sees them.

#if Web
import Errand
@testable import ErrandSentry
import ErrandTesting
import ErrandContext
import Foundation
import Logging
import Testing

/// Reports of made-up executions.
enum Reports {
    static let start = Timestamp("2026-11-22T18:42:50.000000Z")!
    static let failure = Timestamp("2026-11-22T18:42:52.250000Z")!
    static let parent = ExecutionID(JobID(rawValue: 77), 1)

    /// A report of the second execution of a job, with breadcrumbs written by `log` through the execution's own logger.
    static func make(
        _ change: (inout ErrorReport) -> Void = { _ in }, keeping lines: Int = 100, log: (Logger) -> Void = { _ in }
    ) -> ErrorReport {
        let caller = TraceContext(traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")!
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 4711), 2), attempt: 2, maxAttempts: 3, queue: "mail", kind: "send-email",
            parent: parent, root: parent, trace: caller, meta: ["tenant": "a"], sink: NoSink(), now: { failure })
        context.log.keepRecentLines(lines)
        var logger = context.logger
        logger.logLevel = .trace
        log(logger)
        var job = ClaimedJob(
            execution: context.executionID, attempt: 2, maxAttempts: 3, queue: "mail", kind: "send-email",
            payload: Array("\"secret\"".utf8),
            startedAt: start)
        (job.meta, job.trace, job.parent, job.root) = (["tenant": "a"], caller, parent, parent)
        var report = ErrorReport(
            job, in: context, outcome: .failed, error: StoredError(type: "SMTPError", message: "550 no such user", code: 550),
            nextAttemptAt: nil, occurredAt: failure)
        change(&report)
        return report
    }

    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }
}

/// An event as JSON, taken apart.
struct ReadEvent {
    let bytes: [UInt8]
    let members: [String: Any]

    init(bytes: [UInt8]) throws {
        self.bytes = bytes
        members = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    init(_ report: ErrorReport, _ change: (inout SentryOptions) -> Void = { _ in }) throws {
        var generator = SeededGenerator(seed: 1)
        try self.init(bytes: SentryEvent(report: report, id: EventID(using: &generator), options: SentryOptions(change)).bytes)
    }

    /// The event of an envelope.
    init(envelope: [UInt8]) throws {
        try self.init(bytes: Array(#require(envelope.split(separator: UInt8(ascii: "\n")).dropFirst(2).first)))
    }

    func text(_ name: String) -> String? { members[name] as? String }
    func object(_ names: String...) -> [String: Any] {
        names.reduce(members) { object, name in object[name] as? [String: Any] ?? [:] }
    }
    var tags: [String: String] { members["tags"] as? [String: String] ?? [:] }
    var exception: [String: Any] { (object("exception")["values"] as? [[String: Any]])?.first ?? [:] }
    var frames: [String] {
        ((exception["stacktrace"] as? [String: Any])?["frames"] as? [[String: Any]] ?? []).compactMap { $0["function"] as? String }
    }
    var breadcrumbs: [[String: Any]] { object("breadcrumbs")["values"] as? [[String: Any]] ?? [] }
}
#endif
