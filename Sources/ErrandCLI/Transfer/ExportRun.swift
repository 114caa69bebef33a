// Walks over a store, oldest job first, and writes what it finds: never more of it in memory than a page.

import Errand
import ErrandContext

/// How the records of an export are written.
enum ExportFormat: String, CaseIterable {
    case jsonl
    case csv
}

/// The last record that an export has written.
struct ExportPlace: Hashable {
    /// The job that it is, or that its log line belongs to.
    var job: JobID
    /// The log line; `nil` when the record is the job itself.
    var line: (ordinal: Int64, sequence: Int64)?

    static func == (lhs: ExportPlace, rhs: ExportPlace) -> Bool {
        lhs.job == rhs.job && lhs.line?.ordinal == rhs.line?.ordinal && lhs.line?.sequence == rhs.line?.sequence
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(job)
        hasher.combine(line?.ordinal)
        hasher.combine(line?.sequence)
    }
}

/// One export, or the rest of one.
struct ExportRun {
    let store: Store
    let header: ExportHeader
    let format: ExportFormat
    /// Takes a record: JSON without its line's end, or a row of CSV with it.
    let put: ([UInt8]) throws -> Void
    /// Called after each page.
    let flush: (ExportCounts) throws -> Void
    var counts = ExportCounts()
    /// Workflows that were written.
    private var workflows: Set<WorkflowID> = []

    init(
        store: Store, header: ExportHeader, format: ExportFormat, put: @escaping ([UInt8]) throws -> Void,
        flush: @escaping (ExportCounts) throws -> Void
    ) {
        (self.store, self.header, self.format, self.put, self.flush) = (store, header, format, put, flush)
    }

    /// At most so many jobs are read at once; a store gives fewer where they are large.
    private static let page = 200
    /// At most so many chunks of log lines are read at once.
    private static let chunks = 16

    /// Writes everything behind `place`; `nil` is the beginning, with the first line.
    /// - Throws: `JobStoreError`, and what ``put`` throws.
    mutating func run(behind place: ExportPlace? = nil, isBegun: Bool = false) async throws {
        if !isBegun { try begin() }
        var cursor = header.after
        if let place {
            if header.parts.contains(.logs) { try await writeLog(of: place.job, behind: place.line) }
            cursor = place.job
        }
        if let through = header.through, let transfer = store.transfer {
            repeat {
                let page = try await transfer.exportJobs(
                    matching: header.selector, after: cursor, through: through, limit: ExportRun.page)
                for job in page.jobs { try await write(job) }
                try flush(counts)
                cursor = page.next
            } while cursor != nil
        }
        if format == .jsonl { try put(end) }
    }

    private func begin() throws {
        switch format {
        case .jsonl: try put(header.json)
        case .csv: if let part = header.parts.first { try put(ExportCSV.row(ExportCSV.headings[part] ?? [])) }
        }
    }

    /// The last line: whoever reads it knows that nothing is missing behind the others.
    private var end: [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("record", "end")
            writer.member("jobs", counts.jobs)
            writer.member("lines", counts.lines)
        }
    }

    private mutating func write(_ job: ExportedJob) async throws {
        if header.parts.contains(.jobs) {
            if format == .jsonl { try await writeWorkflows(of: job.job) }
            try put(format == .csv ? ExportCSV.job(job) : try JobRecord.json(job))
            counts.jobs += 1
            counts.executions += job.executions.count
            if job.state == .running { counts.running += 1 }
            if header.isDecrypted, let sealed = SealedBytes(job.job.payload) { counts.sealed[sealed.keyID, default: 0] += 1 }
        } else if header.parts.contains(.executions) {
            for row in ExportCSV.executions(of: job) { try put(row) }
            counts.executions += job.executions.count
        }
        if header.parts.contains(.logs) { try await writeLog(of: job.id, behind: nil) }
    }

    /// Writes the workflows that a job names, before the first that does. Again after a resumption: reading one twice is reading it once.
    private mutating func writeWorkflows(of job: NewJob) async throws {
        let others = job.after.compactMap { if case .workflow(let id) = $0.prerequisite { id } else { nil } }
        for id in [job.workflow].compactMap(\.self) + others where workflows.insert(id).inserted {
            if let status = try await store.workflows.workflow(id) { try put(JobRecord.json(status)) }
        }
    }

    private mutating func writeLog(of job: JobID, behind line: (ordinal: Int64, sequence: Int64)?) async throws {
        var position: LogPosition?
        while true {
            let page = try await store.logs.chunks(of: job, ordinal: nil, after: position, limit: ExportRun.chunks)
            for stored in page {
                for record in LogFraming.records(in: stored.chunk) {
                    if let line, (stored.chunk.ordinal, record.sequence) <= (line.ordinal, line.sequence) { continue }
                    try put(format == .csv ? ExportCSV.log(record) : LogRecordLine.json(record))
                    counts.lines += 1
                }
            }
            guard let last = page.last, page.count == ExportRun.chunks else { return }
            position = last.position
        }
    }
}
