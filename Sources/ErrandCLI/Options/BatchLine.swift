// One line of a batch: a JSON object with what `enqueue` takes on the command line.

import ArgumentParser
import Errand
import ErrandHandlers

/// Reads the lines of `enqueue --batch`.
struct BatchLine {
    /// The kind where a line names none; empty for none.
    let kind: String
    /// What holds where a line says nothing else.
    let form: EnqueueForm
    /// What relative times count from.
    let times: TimeReading

    /// What is wrong with a line.
    struct Problem: Error, Hashable {
        var text: String
    }

    /// The members that a line may have.
    static let names = [
        "kind", "payload", "queue", "priority", "in", "at", "max_attempts", "timeout", "key", "meta", "label", "tags", "limit_key",
        "sequence", "halt", "unique", "expires", "deadline", "name", "after", "if_failed", "trace_parent", "trace_state", "baggage",
    ]

    /// The job of a line; with `command` one that runs that.
    /// - Throws: ``Problem``.
    func job(_ line: [UInt8], command: CommandPayload? = nil) throws(Problem) -> NewJob {
        do throws(JSONValidator.Problem) {
            // The payload stands one level deeper than by itself.
            try JSONValidator.validate(line, maximumDepth: Limits.jsonDepth + 1)
        } catch {
            throw Problem(text: "not valid JSON: \(error)")
        }
        guard let members = JSONMembers(object: JSONMembers.trimmed(line[...])) else {
            throw Problem(text: "no JSON object: write {\"kind\": \"mail\", \"payload\": {\"to\": \"ada\"}}")
        }
        if let unknown = members.names.first(where: { !BatchLine.names.contains($0) }) {
            throw Problem(text: "\"\(unknown)\" is not known: use \(BatchLine.names.joined(separator: ", "))")
        }
        let kind = try text("kind", members) ?? kind
        guard !kind.isEmpty else { throw Problem(text: "no kind: add \"kind\", or name one for all lines on the command line") }
        var base = NewJob(kind: kind, payload: Array("{}".utf8))
        if let command {
            base.payload = command.json
            base.maxAttempts = 1
            base.label = PlainCommand.label(of: command.argv)
        }
        let start = base
        var job = try BatchLine.explained { try form.begun(start) }
        if let payload = members.raw("payload") { job.payload = Array(payload) }
        try readOptions(members, into: &job)
        let uniqueKey = try text("unique", members)
        try BatchLine.explained { try form.complete(&job, uniqueKey: uniqueKey) }
        try readHalt(members, into: &job)
        if let problem = JobRules.problem(with: job) { throw Problem(text: problem) }
        return job
    }

    /// What `body` gives; what it throws, as a problem of the line.
    private static func explained<Value>(_ body: () throws -> Value) throws(Problem) -> Value {
        do {
            return try body()
        } catch {
            throw Problem(text: (error as? Failure)?.description ?? "\(error)")
        }
    }

    private func readOptions(_ members: JSONMembers, into job: inout NewJob) throws(Problem) {
        if let queue = try text("queue", members) { job.queue = queue }
        if let priority = try number("priority", members) { job.priority = priority }
        if let attempts = try number("max_attempts", members) { job.maxAttempts = attempts }
        if let timeout = try duration("timeout", members) { job.timeout = timeout }
        if let key = try text("key", members) { job.key = key }
        if let label = try text("label", members) { job.label = label }
        if let limitKey = try text("limit_key", members) { job.terms.limitKey = limitKey }
        if let sequence = try text("sequence", members) {
            job.terms.sequence = JobSequence(sequence, haltsOnDeath: job.terms.sequence?.haltsOnDeath ?? false)
        }
        if let expires = try duration("expires", members) { job.terms.expiresAt = times.now + expires }
        if let deadline = try duration("deadline", members) { job.terms.deadline = times.now + deadline }
        if let raw = members.raw("tags") {
            guard let elements = JSONMembers.elements(of: raw), members.texts("tags").count == elements.count else {
                throw Problem(text: "\"tags\" is no list of texts: write [\"import\", \"nightly\"]")
            }
            job.terms.tags = Set(job.terms.tags).union(members.texts("tags")).sorted()
        }
        if let raw = members.raw("meta") { try readMeta(raw, into: &job) }
        try readTime(members, into: &job)
        if let name = try text("name", members) { job.terms.name = name }
        try readDependencies(members, into: &job)
        if let parent = try text("trace_parent", members) {
            job.trace = TraceContext(
                traceParent: parent, traceState: try text("trace_state", members), baggage: try text("baggage", members))
        }
    }

    /// Once it is known whether there is a sequence.
    private func readHalt(_ members: JSONMembers, into job: inout NewJob) throws(Problem) {
        if let raw = members.raw("halt") {
            guard raw.elementsEqual("true".utf8) || raw.elementsEqual("false".utf8) else {
                throw Problem(text: "\"halt\" is neither true nor false")
            }
            guard job.terms.sequence != nil else { throw Problem(text: "\"halt\" says more about a sequence: give \"sequence\" too") }
            job.terms.sequence?.haltsOnDeath = raw.elementsEqual("true".utf8)
        }
    }

    private func readDependencies(_ members: JSONMembers, into job: inout NewJob) throws(Problem) {
        let word = try text("if_failed", members)
        guard let policy = word.map({ DependencyPolicy(rawValue: $0) }) ?? .cascade else {
            throw Problem(
                text: "\"if_failed\" is none of \(DependencyPolicy.allCases.map(\.rawValue).joined(separator: ", ")): \"\(word ?? "")\"")
        }
        guard let raw = members.raw("after") else {
            if word != nil { throw Problem(text: "\"if_failed\" says more about \"after\": give that too") }
            return
        }
        let texts = members.texts("after")
        guard let elements = JSONMembers.elements(of: raw), texts.count == elements.count else {
            throw Problem(text: "\"after\" is no list of IDs: write [\"06h3k9x8q4p2a\"]")
        }
        for text in texts {
            let prerequisite = WorkflowID(text).map { Prerequisite.workflow($0) } ?? JobID(text).map { .job($0) }
            guard let prerequisite else {
                throw Problem(text: "\"after\": \"\(text)\" is no ID of a job or workflow; names are for `workflow start`")
            }
            job.after.append(Dependency(prerequisite, ifFailed: policy))
        }
    }

    private func readMeta(_ raw: ArraySlice<UInt8>, into job: inout NewJob) throws(Problem) {
        guard let meta = JSONMembers(object: raw) else { throw Problem(text: "\"meta\" is no object: write {\"user\": \"ada\"}") }
        for name in meta.names {
            guard let value = meta.text(name) else { throw Problem(text: "\"meta\": the value of \"\(name)\" is no text") }
            job.meta[name] = value
        }
    }

    private func readTime(_ members: JSONMembers, into job: inout NewJob) throws(Problem) {
        let (delay, at) = (try duration("in", members), try text("at", members))
        if delay != nil, at != nil { throw Problem(text: "\"in\" and \"at\" contradict each other: give one of them") }
        if let delay { job.runAt = times.now + delay }
        guard let at else { return }
        do {
            job.runAt = max(times.now, try times.future(at, option: "\"at\""))
        } catch {
            throw Problem(text: "\(error)")
        }
    }

    private func text(_ name: String, _ members: JSONMembers) throws(Problem) -> String? {
        guard let raw = members.raw(name) else { return nil }
        guard let text = JSONMembers.text(of: raw) else { throw Problem(text: "\"\(name)\" is no text: put it in quotation marks") }
        return text
    }

    private func number(_ name: String, _ members: JSONMembers) throws(Problem) -> Int? {
        guard let raw = members.raw(name) else { return nil }
        guard let number = Int(String(decoding: raw, as: UTF8.self)) else { throw Problem(text: "\"\(name)\" is no whole number") }
        return number
    }

    private func duration(_ name: String, _ members: JSONMembers) throws(Problem) -> Duration? {
        guard let text = try text(name, members) else { return nil }
        do throws(DurationText.Problem) {
            return try DurationText.parse(text)
        } catch {
            throw Problem(text: "\"\(name)\": \(error.description)")
        }
    }
}
