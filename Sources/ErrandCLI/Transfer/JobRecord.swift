// A job as one line of an export. Members that are as by default are left out, so that most jobs are short.

import Errand
import ErrandContext
import FoundationEssentials

/// Writes jobs as records; ``JobRecordReader`` reads them.
///
/// A record of a version (`v`) that a reader knows may have members that it does not know: it passes them over. So whoever adds a member
/// without which a job would do something else writes the records that have it with a higher `v`.
enum JobRecord {
    /// The newest version of a record that this Errand reads.
    static let version = 1

    /// `job` as a line, without its end.
    static func json(_ job: ExportedJob) throws -> [UInt8] {
        let input = job.job
        let terms = input.terms.isEmpty ? nil : Array(try encoder.encode(input.terms))
        return JSONWriter.versioned { writer in
            writer.member("record", "job")
            writer.member("id", job.id.description)
            writer.some("key", input.key)
            writer.member("kind", input.kind)
            writer.member("queue", input.queue)
            writer.member("state", job.state.rawValue)
            writer.member("priority", input.priority)
            writer.member("attempts", job.attempts)
            writer.member("max_attempts", input.maxAttempts)
            if job.crashes > 0 { writer.member("crashes", job.crashes) }
            writer.member("ordinal", Int(job.ordinal))
            if job.isSuspect { writer.member("suspect", true) }
            writer.member("created_at", job.createdAt)
            writer.member("due_at", input.runAt ?? job.createdAt)
            writer.some("run_at", job.startsAt?.description)
            writer.some("finished_at", job.finishedAt?.description)
            writer.some("reason", job.reason)
            if !input.meta.isEmpty { writer.member("meta", input.meta) }
            writer.some("label", input.label)
            if let timeout = input.timeout { writer.member("timeout_us", Int(timeout.wholeMicroseconds)) }
            if let terms { writer.member("terms", raw: terms) }
            writer.some("workflow", input.workflow?.description)
            if !input.after.isEmpty { writer.member("after", raw: JSONWriter.array(input.after.map(dependency))) }
            writer.some("unique_until", job.uniqueUntil?.description)
            if job.hasTurn { writer.member("has_turn", true) }
            origin(of: input, to: &writer)
            if let fingerprint = input.fingerprints.first { writer.member("fingerprint", Data(fingerprint).base64EncodedString()) }
            TransferValue.write("payload", input.payload, to: &writer)
            TransferValue.write("result", job.result, to: &writer)
            history(of: job, to: &writer)
        }
    }

    /// A workflow as a line, without its end: before the first job that names it.
    static func json(_ workflow: WorkflowStatus) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("record", "workflow")
            writer.member("id", workflow.id.description)
            writer.some("name", workflow.name)
            writer.some("key", workflow.key)
            writer.member("open", workflow.isOpen)
            writer.member("started_at", workflow.startedAt)
        }
    }

    private static func dependency(_ dependency: Dependency) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("id", dependency.prerequisite.description)
            if dependency.ifFailed != .cascade { writer.member("if_failed", dependency.ifFailed.rawValue) }
        }
    }

    private static func origin(of input: NewJob, to writer: inout JSONWriter) {
        writer.some("trace_parent", input.trace?.traceParent)
        writer.some("trace_state", input.trace?.traceState)
        writer.some("baggage", input.trace?.baggage)
        if input.traceRelation != .child { writer.member("trace_relation", input.traceRelation.rawValue) }
        writer.some("parent_execution_id", input.parent?.description)
        writer.some("root_execution_id", input.root?.description)
    }

    private static func history(of job: ExportedJob, to writer: inout JSONWriter) {
        if let cancellation = job.cancellation {
            writer.member("cancel_requested_at", cancellation.requestedAt)
            writer.some("cancel_reason", cancellation.reason)
        }
        if let progress = job.progress { writer.member("progress", raw: JobRecord.progress(progress)) }
        if !job.executions.isEmpty { writer.member("executions", raw: JSONWriter.array(job.executions.map(JobJSON.execution))) }
        if !job.steps.isEmpty { writer.member("steps", raw: JSONWriter.array(job.steps.map(step))) }
    }

    private static func progress(_ progress: JobProgress) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("ordinal", Int(progress.execution.ordinal))
            writer.member("at", progress.at)
            // The shortest text that reads back as the same number; the rules of progress leave no infinities.
            if let fraction = progress.fraction { writer.member("fraction", raw: Array("\(fraction)".utf8)) }
            writer.some("message", progress.message)
        }
    }

    private static func step(_ step: JobStep) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("name", step.name)
            if step.isCursor { writer.member("cursor", true) }
            writer.member("ordinal", Int(step.execution.ordinal))
            writer.member("recorded_at", step.recordedAt)
            TransferValue.write("result", step.result, to: &writer)
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

extension JSONWriter {
    /// A string, where there is one.
    mutating func some(_ name: String, _ text: String?) {
        if let text { member(name, text) }
    }
}
