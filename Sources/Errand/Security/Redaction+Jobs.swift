// Redaction of what jobs carry: payloads, results, errors, and all that a view shows of them.

extension Redaction {
    /// The same, and what `payload` holds under hidden names is a secret wherever it stands: a handler may print it without its name.
    package func learning(from payload: [UInt8]) -> Redaction {
        let values = values(in: payload)
        guard !values.isEmpty else { return self }
        return adding(
            secrets: values.flatMap { value -> [String] in
                let written = String(decoding: value, as: UTF8.self)
                // As it is written in JSON, and as a handler sees it.
                guard let meant = JSONMembers.text(of: [UInt8(ascii: "\"")] + value + [UInt8(ascii: "\"")]) else { return [written] }
                return [written, meant]
            })
    }

    /// JSON without its secrets: still JSON. Where taking them out leaves none, as of a bare number, the whole is the mark.
    package func redacted(json: [UInt8]) -> [UInt8] {
        var bytes = json
        guard redact(&bytes) else { return json }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(bytes)
            return bytes
        } catch {
            return Array("\"\(Redaction.mark)\"".utf8)
        }
    }

    func redacted(_ job: JobSummary) -> JobSummary {
        var job = job
        job.label = job.label.map { redacted($0) }
        job.reason = job.reason.map { redacted($0) }
        job.meta = redacted(job.meta)
        return job
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
