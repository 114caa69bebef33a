// Exports for spreadsheets and DuckDB: one kind of record in each file, CSV as RFC 4180 has it.

import Errand
import ErrandContext
import FoundationEssentials

/// Writes records as CSV.
enum ExportCSV {
    /// The columns of each kind of file.
    static let headings: [ExportHeader.Part: [String]] = [
        .jobs: [
            "id", "kind", "queue", "state", "priority", "attempts", "max_attempts", "crashes", "created_at", "due_at", "run_at",
            "finished_at", "reason", "key", "label", "tags", "limit_key", "sequence", "unique_key", "expires_at", "deadline", "timeout_us",
            "parent_execution_id", "root_execution_id", "trace_id", "meta", "executions", "error_type", "error_message", "error_code",
            "payload", "payload_key", "result", "result_key",
        ],
        .executions: [
            "execution_id", "job_id", "ordinal", "attempt", "kind", "queue", "worker", "started_at", "finished_at", "outcome", "error_type",
            "error_message", "error_code", "error_stack",
        ],
        .logs: [
            "execution_id", "job_id", "ordinal", "attempt", "kind", "queue", "seq", "ts", "level", "stream", "flags", "logger", "message",
            "metadata",
        ],
    ]

    /// A line with these values, with its end. A value with a comma, a quote or a line's end in it stands in quotes.
    static func row(_ values: [String?]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            guard let value else { continue }
            guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0D || $0 == 0x0A }) else {
                bytes.append(contentsOf: value.utf8)
                continue
            }
            bytes.append(0x22)
            for byte in value.utf8 {
                if byte == 0x22 { bytes.append(0x22) }
                bytes.append(byte)
            }
            bytes.append(0x22)
        }
        return bytes + [0x0D, 0x0A]
    }

    /// A row of the jobs' file.
    static func job(_ job: ExportedJob) -> [UInt8] {
        let input = job.job
        let error = job.state == .completed ? nil : job.executions.last { $0.error != nil }?.error
        let (payload, payloadKey) = value(input.payload)
        let (result, resultKey) = value(job.result)
        let meta =
            input.meta.isEmpty
            ? nil
            : String(
                decoding: JSONWriter.object { writer in
                    for (name, value) in input.meta.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
                }, as: UTF8.self)
        var values: [String?] = [
            job.id.description, input.kind, input.queue, job.state.rawValue, "\(input.priority)", "\(job.attempts)", "\(input.maxAttempts)",
            "\(job.crashes)", job.createdAt.description, input.runAt?.description, job.startsAt?.description, job.finishedAt?.description,
        ]
        values += [
            job.reason, input.key, input.label, input.terms.tags.isEmpty ? nil : input.terms.tags.joined(separator: " "),
            input.terms.limitKey, input.terms.sequence?.key, input.terms.uniqueness?.key, input.terms.expiresAt?.description,
            input.terms.deadline?.description, input.timeout.map { "\($0.wholeMicroseconds)" },
        ]
        values += [
            input.parent?.description, input.root?.description, input.trace?.traceID, meta, "\(job.executions.count)", error?.type,
            error?.message, error?.code.map { "\($0)" }, payload, payloadKey, result, resultKey,
        ]
        return row(values)
    }

    /// The rows of a job's executions.
    static func executions(of job: ExportedJob) -> [[UInt8]] {
        job.executions.map { record in
            row([
                record.execution.description, job.id.description, "\(record.execution.ordinal)", "\(record.attempt)", job.job.kind,
                job.job.queue, record.worker?.description, record.startedAt.description, record.finishedAt?.description,
                record.outcome?.rawValue, record.error?.type, record.error?.message, record.error?.code.map { "\($0)" },
                record.error?.stack,
            ])
        }
    }

    /// A row of a log line.
    static func log(_ record: LogRecord) -> [UInt8] {
        let execution = record.identity.executionID
        return row([
            execution?.description, execution?.job.description, execution.map { "\($0.ordinal)" }, record.identity.attempt.map { "\($0)" },
            record.identity.kind, record.identity.queue, "\(record.sequence)", record.time.description, record.level.rawValue,
            record.stream.rawValue, record.flags.isEmpty ? nil : record.flags.setNames.joined(separator: " "), record.logger,
            record.message, record.metadata.elementsEqual("{}".utf8) ? nil : String(decoding: record.metadata, as: UTF8.self),
        ])
    }

    /// A value as text, or the key that opens it.
    private static func value(_ bytes: [UInt8]?) -> (String?, String?) {
        guard let bytes else { return (nil, nil) }
        if let sealed = SealedBytes(bytes) { return (nil, sealed.keyID) }
        return (String(decoding: bytes, as: UTF8.self), nil)
    }
}
