// Redaction of what jobs carry: payloads, results, errors, and all that a view shows of them.

extension Redaction {
    /// The same, and what `payload` holds under hidden names is a secret wherever it stands: a handler may print it without its name.
    package func learning(from payload: [UInt8]) -> Redaction {
        let values = values(in: payload)
        return values.isEmpty ? self : adding(secrets: values.flatMap { Redaction.meanings(of: $0) + Redaction.leaves(of: $0) })
    }

    /// A text as it is written in JSON, as a handler sees it, and, where it is JSON within JSON, as one sees it that reads that too.
    private static func meanings(of written: ArraySlice<UInt8>) -> [String] {
        let quote = UInt8(ascii: "\"")
        var meanings = [String(decoding: written, as: UTF8.self)]
        while let last = meanings.last, let meant = JSONMembers.text(of: [quote] + Array(last.utf8) + [quote]), meant != last {
            meanings.append(meant)
        }
        return meanings
    }

    /// What the members and elements of an object or array are, at any depth: a handler prints one of them, hardly the whole.
    private static func leaves(of value: ArraySlice<UInt8>) -> [String] {
        if let members = JSONMembers(object: value) { return members.names.compactMap { members.raw($0) }.flatMap { leaves(of: $0) } }
        if let elements = JSONMembers.elements(of: value) { return elements.flatMap { leaves(of: $0) } }
        return [JSONMembers.text(of: value) ?? String(decoding: value, as: UTF8.self)]
    }

    /// JSON without its secrets: still JSON. Where taking them out leaves none, as of a number that is itself a secret, the whole is the mark.
    package func redacted(json: [UInt8]) -> [UInt8] {
        var bytes = json
        guard redact(&bytes, quotesMark: true) else { return json }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(bytes)
            return bytes
        } catch {
            return Array("\"\(Redaction.mark)\"".utf8)
        }
    }

    func redacted(_ job: JobSummary) -> JobSummary {
        var job = job
        job.key = job.key.map { redacted($0) }
        job.label = job.label.map { redacted($0) }
        job.reason = job.reason.map { redacted($0) }
        job.meta = redacted(job.meta)
        job.tags = job.tags.map { redacted($0) }
        return job
    }

    func redacted(_ terms: JobTerms) -> JobTerms {
        var terms = terms
        terms.tags = terms.tags.map { redacted($0) }
        terms.limitKey = terms.limitKey.map { redacted($0) }
        if let uniqueness = terms.uniqueness { terms.uniqueness?.key = redacted(uniqueness.key) }
        return terms
    }

    func redacted(_ executions: [ExecutionRecord]) -> [ExecutionRecord] {
        executions.map { record in
            var record = record
            record.error = record.error?.redacted(by: self)
            return record
        }
    }
}

extension StoredError {
    /// The same error without secrets.
    func redacted(by redaction: Redaction) -> StoredError {
        var error = self
        error.type = redaction.redacted(type)
        error.message = redaction.redacted(message)
        error.stack = stack.map { redaction.redacted($0) }
        return error
    }
}
