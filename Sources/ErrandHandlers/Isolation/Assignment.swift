// What an isolated execution's process is told: the whole execution, as its worker claimed it.

import Errand
import FoundationEssentials
import Glibc
import Logging

/// An execution on its way into a process of its own.
struct Assignment: Sendable, Hashable {
    /// The job and its execution.
    var job: ClaimedJob
    /// Where the execution stands in its trace, which a tracer of the worker may have chosen.
    var position: TraceContext
    /// The lowest level that loggers keep.
    var level: Logger.Level
    /// What its log must not show.
    var redaction: Redaction?
    /// What earlier executions of the job have recorded.
    var steps: [RecordedStep] = []
    /// What the job has waited for.
    var prerequisites: [KnownPrerequisite] = []
    /// The worker: who is told, and with whom the process ends.
    var worker: pid_t

    /// Everything but the payload.
    private struct Head: Codable {
        var execution: ExecutionID
        var attempt: Int
        var maxAttempts: Int
        var crashes: Int
        var isSuspect: Bool
        var queue: String
        var kind: String
        var timeout: Int64?
        var key: String?
        var meta: [String: String]
        var trace: Place?
        var isLinked: Bool
        var parent: ExecutionID?
        var root: ExecutionID?
        var previous: ExecutionID?
        var dueAt: Int64?
        var startedAt: Int64
        var position: Place
        var level: Logger.Level
        var hiddenNames: [String]?
        var secrets: [String]?
        var steps: [Step]?
        var prerequisites: [KnownPrerequisite]?
        var workflow: WorkflowID?
        var name: String?
        var worker: pid_t
    }

    /// A step with its result as text.
    private struct Step: Codable {
        var name: String
        var isCursor: Bool
        var execution: ExecutionID
        var result: String
    }

    /// A place in a trace as its headers.
    private struct Place: Codable {
        var parent: String
        var state: String?
        var baggage: String?

        init(_ trace: TraceContext) { (parent, state, baggage) = (trace.traceParent, trace.traceState, trace.baggage) }

        var trace: TraceContext? { TraceContext(traceParent: parent, traceState: state, baggage: baggage) }
    }

    /// The assignment as one text: a line of JSON, then the payload as it is.
    func bytes() throws -> [UInt8] {
        let head = Head(
            execution: job.execution, attempt: job.attempt, maxAttempts: job.maxAttempts, crashes: job.crashes, isSuspect: job.isSuspect,
            queue: job.queue, kind: job.kind, timeout: job.timeout?.wholeMicroseconds, key: job.key, meta: job.meta,
            trace: job.trace.map { Place($0) },
            isLinked: job.traceRelation == .link, parent: job.parent, root: job.root, previous: job.previous,
            dueAt: job.dueAt?.microseconds, startedAt: job.startedAt.microseconds, position: Place(position), level: level,
            hiddenNames: redaction?.parts.names, secrets: redaction?.parts.secrets,
            steps: steps.isEmpty
                ? nil
                : steps.map {
                    Step(
                        name: $0.name, isCursor: $0.isCursor, execution: $0.execution, result: String(decoding: $0.result, as: UTF8.self))
                },
            prerequisites: prerequisites.isEmpty ? nil : prerequisites, workflow: job.workflow, name: job.terms.name,
            worker: worker)
        return Array(try JSONEncoder().encode(head)) + [UInt8(ascii: "\n")] + job.payload
    }

    init(
        job: ClaimedJob, position: TraceContext, level: Logger.Level, redaction: Redaction? = nil, steps: [RecordedStep] = [],
        prerequisites: [KnownPrerequisite] = [], worker: pid_t
    ) {
        self.steps = steps
        self.prerequisites = prerequisites
        self.job = job
        self.position = position
        self.level = level
        self.redaction = redaction
        self.worker = worker
    }

    /// Reads what ``bytes()`` gave.
    /// - Throws: `DecodingError`; ``Unreadable`` when a part is missing.
    init(bytes: [UInt8]) throws {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { throw Unreadable() }
        let head = try JSONDecoder().decode(Head.self, from: Data(bytes[..<end]))
        guard let position = head.position.trace else { throw Unreadable() }
        job = ClaimedJob(
            execution: head.execution, attempt: head.attempt, maxAttempts: head.maxAttempts, crashes: head.crashes,
            isSuspect: head.isSuspect, queue: head.queue, kind: head.kind, payload: Array(bytes[(end + 1)...]),
            timeout: head.timeout.map { .microseconds($0) }, key: head.key,
            meta: head.meta, trace: head.trace?.trace, traceRelation: head.isLinked ? .link : .child, parent: head.parent,
            root: head.root, previous: head.previous, dueAt: head.dueAt.map { Timestamp(microseconds: $0) },
            startedAt: Timestamp(microseconds: head.startedAt))
        job.workflow = head.workflow
        job.terms.name = head.name
        prerequisites = head.prerequisites ?? []
        self.position = position
        level = head.level
        redaction = head.hiddenNames.map { Redaction(names: $0, secrets: head.secrets ?? []) }
        steps = (head.steps ?? []).map {
            RecordedStep(name: $0.name, isCursor: $0.isCursor, result: Array($0.result.utf8), execution: $0.execution)
        }
        worker = head.worker
    }

    /// What the process found is no assignment.
    struct Unreadable: Error {}
}
