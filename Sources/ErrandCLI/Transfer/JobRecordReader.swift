// A line of an export as the job that it tells of.

import Errand
import ErrandContext
import FoundationEssentials

/// Reads what ``JobRecord`` has written.
struct JobRecordReader {
    private let members: JSONMembers

    /// The job in `members`.
    /// - Throws: ``TransferProblem`` that names the member.
    static func job(_ members: JSONMembers) throws(TransferProblem) -> ExportedJob { try JobRecordReader(members: members).job() }

    /// The workflow in `members`, without its counts.
    /// - Throws: ``TransferProblem`` that names the member.
    static func workflow(_ members: JSONMembers) throws(TransferProblem) -> WorkflowStatus {
        let reader = JobRecordReader(members: members)
        guard let id = WorkflowID(try reader.required("id", reader.text("id"))) else {
            throw TransferProblem("its \"id\" is no workflow's ID")
        }
        return WorkflowStatus(
            id: id, name: try reader.text("name"), key: try reader.text("key"), isOpen: members.isTrue("open"), total: 0, live: 0, dead: 0,
            cancelled: 0, startedAt: try reader.required("started_at", reader.time("started_at")), endedAt: nil)
    }

    private func readDependencies(into input: inout NewJob) throws(TransferProblem) {
        if let text = try text("workflow") {
            guard let id = WorkflowID(text) else { throw TransferProblem("its \"workflow\" is no workflow's ID: \(text)") }
            input.workflow = id
        }
        for element in try elements("after") {
            let reader = JobRecordReader(members: element)
            let text = try reader.required("id", reader.text("id"))
            guard let prerequisite = WorkflowID(text).map({ Prerequisite.workflow($0) }) ?? JobID(text).map({ .job($0) }) else {
                throw TransferProblem("its \"after\" names \(text), which is no ID")
            }
            let word = try reader.text("if_failed") ?? DependencyPolicy.cascade.rawValue
            guard let policy = DependencyPolicy(rawValue: word) else { throw TransferProblem("the policy \"\(word)\" is unknown") }
            input.after.append(Dependency(prerequisite, ifFailed: policy))
        }
    }

    private func job() throws(TransferProblem) -> ExportedJob {
        guard let id = JobID(try required("id", text("id"))) else { throw TransferProblem("its \"id\" is no job's ID") }
        guard let payload = try TransferValue.read("payload", of: members) else { throw TransferProblem("it has no \"payload\"") }
        var input = NewJob(kind: try required("kind", text("kind")), payload: payload)
        input.queue = try required("queue", text("queue"))
        input.priority = try number("priority") ?? 0
        input.maxAttempts = try required("max_attempts", number("max_attempts"))
        input.runAt = try required("due_at", time("due_at"))
        try readWords(into: &input)
        try readOrigin(into: &input)
        try readDependencies(into: &input)

        let state = try required("state", text("state"))
        guard let known = JobState(rawValue: state) else { throw TransferProblem("its state \"\(state)\" is unknown") }
        var job = ExportedJob(id: id, job: input, createdAt: try required("created_at", time("created_at")), state: known)
        job.attempts = try number("attempts") ?? 0
        job.crashes = try number("crashes") ?? 0
        job.ordinal = Int64(try number("ordinal") ?? 0)
        job.isSuspect = members.isTrue("suspect")
        job.startsAt = try time("run_at")
        job.finishedAt = try time("finished_at")
        job.reason = try text("reason")
        job.uniqueUntil = try time("unique_until")
        job.hasTurn = members.isTrue("has_turn")
        job.result = try TransferValue.read("result", of: members)
        if let requestedAt = try time("cancel_requested_at") {
            job.cancellation = .init(requestedAt: requestedAt, reason: try text("cancel_reason"))
        }
        job.progress = try progress(of: id)
        for element in try elements("executions") { job.executions.append(try JobRecordReader(members: element).execution()) }
        for element in try elements("steps") { job.steps.append(try JobRecordReader(members: element).step(of: id)) }
        return job
    }

    private func readWords(into input: inout NewJob) throws(TransferProblem) {
        input.key = try text("key")
        input.label = try text("label")
        input.timeout = try number("timeout_us").map { .microseconds($0) }
        if let meta = try object("meta") {
            for name in meta.names { input.meta[name] = try JobRecordReader(members: meta).text(name) }
        }
        if let terms = members.raw("terms") {
            do {
                input.terms = try JSONDecoder().decode(JobTerms.self, from: Data(terms))
            } catch {
                throw TransferProblem("its \"terms\" cannot be read: \(error)")
            }
        }
        if let text = try text("fingerprint") {
            guard let bytes = Data(base64Encoded: text) else { throw TransferProblem("its \"fingerprint\" is no Base64") }
            input.fingerprints = [Array(bytes)]
        }
    }

    private func readOrigin(into input: inout NewJob) throws(TransferProblem) {
        if let parent = try text("trace_parent") {
            input.trace = TraceContext(traceParent: parent, traceState: try text("trace_state"), baggage: try text("baggage"))
        }
        if let word = try text("trace_relation") {
            guard let relation = TraceRelation(rawValue: word) else { throw TransferProblem("its trace relation \"\(word)\" is unknown") }
            input.traceRelation = relation
        }
        input.parent = try execution("parent_execution_id")
        input.root = try execution("root_execution_id")
    }

    private func execution() throws(TransferProblem) -> ExecutionRecord {
        var outcome: Outcome?
        if let word = try text("outcome") {
            guard let known = Outcome(rawValue: word) else { throw TransferProblem("the outcome \"\(word)\" is unknown") }
            outcome = known
        }
        var worker: WorkerID?
        if let word = try text("worker") {
            guard let known = WorkerID(word) else { throw TransferProblem("\"\(word)\" is no worker's ID") }
            worker = known
        }
        return ExecutionRecord(
            execution: try required("execution_id", execution("execution_id")), attempt: try required("attempt", number("attempt")),
            worker: worker, startedAt: try required("started_at", time("started_at")), finishedAt: try time("finished_at"),
            outcome: outcome,
            error: try object("error").map { (error) throws(TransferProblem) in try JobRecordReader(members: error).error() })
    }

    private func error() throws(TransferProblem) -> StoredError {
        StoredError(
            type: try required("type", text("type")), message: try required("message", text("message")), code: try number("code"),
            stack: try text("stack"))
    }

    private func step(of job: JobID) throws(TransferProblem) -> JobStep {
        let ordinal = try required("ordinal", number("ordinal"))
        return JobStep(
            name: try required("name", text("name")), isCursor: members.isTrue("cursor"), execution: ExecutionID(job, Int64(ordinal)),
            result: try TransferValue.read("result", of: members), recordedAt: try required("recorded_at", time("recorded_at")))
    }

    private func progress(of job: JobID) throws(TransferProblem) -> JobProgress? {
        guard let members = try object("progress") else { return nil }
        let reader = JobRecordReader(members: members)
        let fraction = members.raw("fraction").flatMap { Double(String(decoding: $0, as: UTF8.self)) }
        let ordinal = try required("ordinal", reader.number("ordinal"))
        return JobProgress(
            execution: ExecutionID(job, Int64(ordinal)), fraction: fraction, message: try reader.text("message"),
            at: try required("at", reader.time("at")))
    }
}

// MARK: Members

extension JobRecordReader {
    private func required<Value>(_ name: String, _ value: Value?) throws(TransferProblem) -> Value {
        guard let value else { throw TransferProblem("it has no \"\(name)\"") }
        return value
    }

    /// The bytes of a member that is there and not `null`.
    private func raw(_ name: String) -> ArraySlice<UInt8>? {
        members.raw(name).flatMap { $0.elementsEqual("null".utf8) ? nil : $0 }
    }

    private func text(_ name: String) throws(TransferProblem) -> String? {
        guard let raw = raw(name) else { return nil }
        guard let text = JSONMembers.text(of: raw) else { throw TransferProblem("its \"\(name)\" is no string") }
        return text
    }

    private func number(_ name: String) throws(TransferProblem) -> Int? {
        guard let raw = raw(name) else { return nil }
        guard let number = Int(String(decoding: raw, as: UTF8.self)) else { throw TransferProblem("its \"\(name)\" is no whole number") }
        return number
    }

    private func time(_ name: String) throws(TransferProblem) -> Timestamp? {
        guard let text = try text(name) else { return nil }
        guard let time = Timestamp(text) else { throw TransferProblem("its \"\(name)\" is no RFC 3339 time: \(text)") }
        return time
    }

    private func execution(_ name: String) throws(TransferProblem) -> ExecutionID? {
        guard let text = try text(name) else { return nil }
        guard let id = ExecutionID(text) else { throw TransferProblem("its \"\(name)\" is no execution's ID: \(text)") }
        return id
    }

    private func object(_ name: String) throws(TransferProblem) -> JSONMembers? {
        guard let raw = raw(name) else { return nil }
        guard let members = JSONMembers(object: raw) else { throw TransferProblem("its \"\(name)\" is no object") }
        return members
    }

    private func elements(_ name: String) throws(TransferProblem) -> [JSONMembers] {
        guard let raw = raw(name) else { return [] }
        guard let elements = JSONMembers.elements(of: raw) else { throw TransferProblem("its \"\(name)\" is no array") }
        var objects: [JSONMembers] = []
        for element in elements {
            guard let members = JSONMembers(object: element) else {
                throw TransferProblem("its \"\(name)\" has an element that is no object")
            }
            objects.append(members)
        }
        return objects
    }
}
