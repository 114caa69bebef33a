// What a job must look like to be imported: whoever wrote the file may have been anybody.

import ErrandContext

/// The rules for jobs that come from elsewhere.
package enum TransferRules {
    /// How far an ID may be ahead of the clock of the store that takes it in: ten years. IDs given out later are higher, and must not run
    /// out.
    static let idLead = Limits.longestDuration
    /// The highest ordinal: far below where adding to it would overflow, and exact in every JSON reader.
    static let ordinals: ClosedRange<Int64> = 0...(1 << 53)

    /// What is wrong with `job`, or `nil` when a store may take it in at `now`.
    package static func problem(with job: ExportedJob, at now: Timestamp) -> String? {
        identityProblem(job, at: now) ?? stateProblem(job) ?? executionsProblem(job)
            ?? valuesProblem(with: job)
    }

    /// What is wrong with `workflow`, or `nil` when a store may take it in at `now`.
    package static func problem(with workflow: WorkflowStatus, at now: Timestamp) -> String? {
        idProblem(workflow.id.rawValue, "\(workflow.id)", at: now) ?? JobRules.timeProblem(workflow.startedAt)
            ?? JobRules.textProblem(workflow.name, limit: Limits.labelBytes, what: "name of the workflow")
            ?? JobRules.textProblem(workflow.key, limit: Limits.keyBytes, what: "key of the workflow")
    }

    private static func idProblem(_ id: Int64, _ text: String, at now: Timestamp) -> String? {
        guard id > 0 else { return "the ID \(text) is none that a store gives out" }
        let epoch = Timestamp(microseconds: 1_735_689_600_000_000)
        let given = epoch + .milliseconds(id >> 22)
        guard given <= now + idLead else { return "the ID \(text) belongs to the far future: the clock that made it was wrong" }
        return nil
    }

    /// What is wrong with the values that may be sealed: payload, result, steps.
    static func valuesProblem(with job: ExportedJob) -> String? {
        inputProblem(job.job) ?? valueProblem(job.result, limit: Limits.resultBytes, what: "result") ?? stepsProblem(job)
    }

    private static func inputProblem(_ job: NewJob) -> String? {
        var input = job
        // Sealed bytes are no JSON, and whether the job could still be enqueued at its time is not the question.
        if SealedBytes(job.payload) != nil {
            guard job.payload.count <= Limits.payloadBytes + SealedBytes.overhead else {
                return "the payload has \(job.payload.count) bytes, and at most \(Limits.payloadBytes) (1 MiB) are allowed"
            }
            input.payload = Array("{}".utf8)
        }
        input.runAt = nil
        // Whoever has taken the place of a job that waits for others waits as that did.
        (input.after, input.workflow) = ([], nil)
        guard job.after.count <= Dependency.most else {
            return "it waits for \(job.after.count) others, and at most \(Dependency.most) are allowed"
        }
        return JobRules.problem(with: input) ?? job.runAt.flatMap(JobRules.timeProblem)
    }

    private static func identityProblem(_ job: ExportedJob, at now: Timestamp) -> String? {
        if let problem = idProblem(job.id.rawValue, "\(job.id)", at: now) { return problem }
        for dependency in job.job.after {
            guard let other = dependency.prerequisite.rawValue else { return "it waits for what has no ID" }
            if case .job = dependency.prerequisite, other >= job.id.rawValue {
                return "it waits for \(dependency.prerequisite), which is younger"
            }
        }
        return ([job.createdAt, job.startsAt, job.finishedAt, job.uniqueUntil] as [Timestamp?])
            .lazy.compactMap { $0.flatMap(JobRules.timeProblem) }.first
    }

    private static func stateProblem(_ job: ExportedJob) -> String? {
        switch job.state {
        case .running: return "it runs in the store that it comes from"
        case .blocked: if job.job.after.isEmpty { return "it is blocked, and does not say what it waits for" }
        case .scheduled, .retryable: if job.startsAt == nil { return "it is \(job.state.rawValue), and does not say when it starts" }
        case .available, .waiting, .completed, .cancelled, .dead: break
        }
        guard job.state.isFinal == (job.finishedAt != nil) else {
            return job.state.isFinal
                ? "it is \(job.state.rawValue), and does not say since when" : "it has ended, and is \(job.state.rawValue)"
        }
        guard (0...1_000_000).contains(job.attempts), (0...1_000_000).contains(job.crashes) else {
            return "its attempts (\(job.attempts)) or crashes (\(job.crashes)) cannot be"
        }
        return nil
    }

    private static func executionsProblem(_ job: ExportedJob) -> String? {
        guard ordinals.contains(job.ordinal) else { return "the ordinal \(job.ordinal) cannot be" }
        var last: Int64 = 0
        for record in job.executions {
            let name = "the execution \(record.execution)"
            guard record.execution.job == job.id else { return "\(name) is another job's" }
            guard record.execution.ordinal > last else { return "\(name) is not behind the one before it" }
            guard record.outcome != nil, record.finishedAt != nil else { return "\(name) has no end" }
            guard record.worker != nil else { return "\(name) has no worker" }
            last = record.execution.ordinal
        }
        guard last <= job.ordinal else { return "the ordinal \(job.ordinal) is below that of the execution \(job.id).\(last)" }
        if let progress = job.progress, progress.execution.job != job.id || !(progress.fraction ?? 0).isFinite {
            return "its progress is not its own, or no number"
        }
        return nil
    }

    private static func stepsProblem(_ job: ExportedJob) -> String? {
        var names: Set<String> = []
        var total = 0
        for step in job.steps {
            if let problem = StepRules.nameProblem(step.name) { return problem }
            guard names.insert(step.name).inserted else { return "it has two steps \"\(step.name)\"" }
            if let problem = valueProblem(step.result, limit: StepRules.resultBytes, what: "result of the step \"\(step.name)\"") {
                return problem
            }
            let bytes = step.result?.count ?? 0
            if let problem = StepRules.roomProblem(name: step.name, bytes: bytes, beside: names.count - 1, total: total) { return problem }
            total += bytes
        }
        return nil
    }

    private static func valueProblem(_ value: [UInt8]?, limit: Int, what: String) -> String? {
        guard let value else { return nil }
        let isSealed = SealedBytes(value) != nil
        guard value.count <= limit + (isSealed ? SealedBytes.overhead : 0) else {
            return "the \(what) has \(value.count) bytes, and at most \(limit) are allowed"
        }
        guard !isSealed else { return nil }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(value)
            return nil
        } catch {
            return "the \(what) is not valid JSON: \(error)"
        }
    }
}
