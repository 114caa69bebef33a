// Jobs as JSON objects, version 1: what scripts read.

import Errand

/// Writes jobs as JSON.
enum JobJSON {
    /// One line of `errand jobs --json`, without its newline.
    static func summary(_ job: JobSummary) -> [UInt8] {
        JSONWriter.versioned { members(of: job, to: &$0) }
    }

    /// What `errand show --json` prints. Payload and result are the stored bytes, on one line.
    static func detail(_ job: JobDetail, steps: [JobStep] = [], after: [DependencyRecord] = []) -> [UInt8] {
        JSONWriter.versioned { writer in
            members(of: job.summary, to: &writer)
            writer.member("reason", job.summary.reason)
            writer.member("expires_at", job.terms.expiresAt)
            writer.member("deadline", job.terms.deadline)
            writer.member("limit_key", job.terms.limitKey)
            writer.member("sequence", job.terms.sequence?.key)
            if let sequence = job.terms.sequence { writer.member("halt", sequence.haltsOnDeath) }
            writer.member("unique", raw: job.terms.uniqueness.map(unique))
            writer.member("timeout_ms", job.timeout.map { Int($0.wholeMicroseconds / 1000) })
            writer.member("parent_execution_id", job.parent?.description)
            writer.member("root_execution_id", job.root?.description)
            writer.member("trace_parent", job.trace?.traceParent)
            writer.member("cancel_requested_at", job.cancelRequestedAt)
            writer.member("progress", raw: job.progress.map(ProgressText.json))
            add("payload", job.payload, to: &writer)
            add("result", job.result, to: &writer)
            writer.member("error", raw: job.error.map(error))
            writer.member("executions", raw: JSONWriter.array(job.executions.map(execution)))
            writer.member("steps", raw: JSONWriter.array(steps.map(step)))
            writer.member("after", raw: JSONWriter.array(after.map(dependency)))
        }
    }

    private static func dependency(_ record: DependencyRecord) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("id", record.prerequisite.description)
            writer.member("name", record.name)
            writer.member("state", record.state?.rawValue)
            writer.member("if_failed", record.ifFailed.rawValue)
            writer.member("open", record.isOpen)
        }
    }

    private static func step(_ step: JobStep) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("name", step.name)
            writer.member("cursor", step.isCursor)
            writer.member("execution_id", step.execution.description)
            writer.member("recorded_at", step.recordedAt)
            add("result", step.result, to: &writer)
        }
    }

    private static func unique(_ uniqueness: Uniqueness) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("key", uniqueness.key)
            if !uniqueness.fields.isEmpty { writer.member("by", uniqueness.fields.joined(separator: ",")) }
            writer.member("scope", uniqueness.scope.rawValue)
            writer.member("until", uniqueness.until.rawValue)
            writer.member("on_conflict", uniqueness.onConflict.word)
            writer.member("period_ms", uniqueness.period.map { Int($0.wholeMicroseconds / 1000) })
        }
    }

    /// A value as stored, or `null` and the key that it needs: what is sealed is no JSON.
    static func add(_ name: String, _ value: [UInt8]?, to writer: inout JSONWriter) {
        let sealed = value.flatMap { SealedBytes($0) }
        writer.member(name, raw: sealed == nil ? value.map(onOneLine) : nil)
        if let sealed { writer.member("\(name)_key", sealed.keyID) }
    }

    /// Space between the tokens of JSON may be line feeds and tabs, which stand nowhere else in it: a reader of lines would take what follows
    /// for an object of ours.
    static func onOneLine(_ value: [UInt8]) -> [UInt8] { value.map { $0 < 0x20 ? 0x20 : $0 } }

    /// One job of `errand trace --json`, without its newline.
    static func lineage(
        _ job: JobLineage, depth: Int, traceID: String, isAsked: Bool, after: [DependencyRecord] = []
    ) -> [UInt8] {
        JSONWriter.versioned { writer in
            members(of: job.summary, to: &writer)
            writer.member("parent_execution_id", job.parent?.description)
            writer.member("depth", depth)
            writer.member("trace_id", traceID)
            writer.member("trace_relation", job.traceRelation.rawValue)
            writer.member("asked", isAsked)
            writer.member("after", raw: JSONWriter.array(after.map(dependency)))
            writer.member("executions", raw: JSONWriter.array(job.executions.map(execution)))
        }
    }

    /// One execution of `errand show --json`.
    static func execution(_ record: ExecutionRecord) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("execution_id", record.execution.description)
            writer.member("ordinal", Int(record.execution.ordinal))
            writer.member("attempt", record.attempt)
            writer.member("worker", record.worker?.description)
            writer.member("started_at", record.startedAt)
            writer.member("finished_at", record.finishedAt)
            writer.member("outcome", record.outcome?.rawValue)
            writer.member("error", raw: record.error.map(error))
        }
    }

    private static func error(_ error: StoredError) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("type", error.type)
            writer.member("message", error.message)
            if let code = error.code { writer.member("code", code) }
            if let stack = error.stack { writer.member("stack", stack) }
        }
    }

    private static func members(of job: JobSummary, to writer: inout JSONWriter) {
        writer.member("id", job.id.description)
        writer.member("key", job.key)
        writer.member("kind", job.kind)
        writer.member("queue", job.queue)
        writer.member("state", job.state.rawValue)
        writer.member("priority", job.priority)
        writer.member("attempt", job.attempt)
        writer.member("max_attempts", job.maxAttempts)
        writer.member("crashes", job.crashes)
        writer.member("suspect", job.isSuspect)
        writer.member("stuck_at", job.stuckSince)
        writer.member("created_at", job.createdAt)
        writer.member("run_at", job.runAt)
        writer.member("finished_at", job.finishedAt)
        writer.member("meta", job.meta)
        writer.member("tags", raw: JSONWriter.array(job.tags.map(JSONWriter.string)))
        writer.member("label", job.label)
        writer.member("name", job.name)
        writer.member("workflow", job.workflow?.description)
    }
}
