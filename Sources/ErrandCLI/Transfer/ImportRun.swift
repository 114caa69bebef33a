// Reads an export line by line and hands it to a store, batch after batch: whatever is there already is passed over.

import Errand
import ErrandContext

/// One import.
struct ImportRun {
    let store: Store
    let transfer: any TransferStore
    let session: Session

    /// The longest line: a job with all its steps and executions. 64 MiB.
    static let lineLimit = 64 << 20
    /// How deep the JSON of a line may nest: a payload's depth, and what stands around it.
    private static let depth = Limits.jsonDepth + 4

    private(set) var counts = ImportCounts()
    private var header: ExportHeader?
    private var isEnded = false
    /// The number of the line at which the input was cut.
    private(set) var tornLine: Int?
    private var batch = ImportBatch()
    /// Workflows that are closed in the store that they come from.
    private var closed: Set<WorkflowID> = []
    private var owner: LogOwner?
    private let startedAt: Duration

    init(store: Store, transfer: any TransferStore, session: Session) {
        (self.store, self.transfer, self.session) = (store, transfer, session)
        startedAt = session.clock.uptime()
    }

    /// Whether the input told its end, so that nothing is missing behind it.
    var isComplete: Bool { isEnded && tornLine == nil }

    /// Takes in every record of `source`.
    /// - Throws: ``Failure``: 2 for an input that is no export, 4 when the store takes no more; what the source throws.
    mutating func run(_ source: ByteSource) async throws {
        var lines = LineReader(source, limit: ImportRun.lineLimit)
        var number = 0
        var firstOpen = 1
        do {
            var upcoming = try lines.next()
            while let line = upcoming {
                upcoming = try lines.next()
                number += 1
                if batch.jobs.isEmpty, batch.lines.isEmpty { firstOpen = number }
                try take(line, number, isLast: upcoming == nil)
                if batch.isFull { try await hand() }
            }
            try await hand()
            // Only now can nothing of them be missing.
            if isComplete { for workflow in closed.sorted() { _ = try await store.workflows.close(workflow) } }
        } catch let error as JobStoreError {
            try showProgress(isLast: true)
            throw Failure(
                .unavailable,
                "\(session.inOwnName(error.description)); line \(firstOpen) is the first that is not imported: type the same command again, which goes on there"
            )
        }
        guard number > 0 else { throw Failure(.usage, "there is nothing to import: not even the first line of an export") }
        try showProgress(isLast: true)
    }

    // MARK: Reading

    private mutating func take(_ line: LineReader.Line, _ number: Int, isLast: Bool) throws {
        guard case .bytes(let bytes) = line else {
            return try refuse(number, "it is longer than any record: \(ImportRun.lineLimit) bytes are the most")
        }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
        guard header != nil else { return try begin(bytes, number) }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(bytes, maximumDepth: ImportRun.depth)
        } catch {
            if isLast { tornLine = number } else { try refuse(number, "it is no record: \(error)") }
            return
        }
        do throws(TransferProblem) {
            guard let members = JSONMembers(object: JSONMembers.trimmed(bytes[...])) else {
                throw TransferProblem("it is no record: a JSON object is expected")
            }
            try take(members, number, line: bytes)
        } catch {
            try refuse(number, error.text)
        }
    }

    private mutating func begin(_ bytes: [UInt8], _ number: Int) throws {
        do throws(TransferProblem) {
            try begin(try ExportHeader(bytes))
        } catch {
            throw Failure(.usage, "line \(number): \(TerminalText.escaped(error.text))")
        }
    }

    private mutating func begin(_ header: ExportHeader) throws(TransferProblem) {
        guard !header.isRedacted else {
            throw TransferProblem(
                "secrets were taken out of this export, so its jobs are not what they were: export again without --redact")
        }
        self.header = header
        isEnded = false
    }

    private mutating func take(_ members: JSONMembers, _ number: Int, line: [UInt8]) throws(TransferProblem) {
        guard let version = members.number("v") else { throw TransferProblem("it has no version, \"v\"") }
        guard version <= JobRecord.version else {
            throw TransferProblem(
                "its version is \(version), and this Errand reads version \(JobRecord.version): upgrade Errand on this machine, and import again"
            )
        }
        switch members.text("record") {
        case "job":
            let job = try JobRecordReader.job(members)
            batch.jobs.append((number, header.map { job.settled(at: $0.at) } ?? job))
            batch.bytes += line.count
        case "workflow":
            batch.workflows.append((number, try JobRecordReader.workflow(members)))
            batch.bytes += line.count
        case "log":
            let (fragment, rest, record) = try LogRecordLine.read(members)
            guard let execution = record.identity.executionID else { return }
            batch.lines.append(ImportBatch.Line(execution: execution, fragment: fragment, line: rest, record: record))
            batch.bytes += line.count
        case "end": isEnded = true
        // One export behind the other.
        case "export": try begin(try ExportHeader(line))
        case let other?:
            // A kind that a later Errand has added, and that one may do without: else its version would be higher.
            counts.unknown[other, default: 0] += 1
        case nil: throw TransferProblem("it does not say what kind of record it is, \"record\"")
        }
    }

    // MARK: Handing over

    private mutating func hand() async throws {
        for (number, workflow) in batch.workflows {
            switch try await transfer.importWorkflow(workflow) {
            case .imported, .existing: if !workflow.isOpen { closed.insert(workflow.id) }
            case .refused(let reason): try refuse(number, "the workflow \(workflow.id): \(session.inOwnName(reason))")
            case .idTaken, .keyTaken, .uniqueTaken: try refuse(number, "its ID \(workflow.id) is here that of another workflow or job")
            }
        }
        var owners: [JobID: LogOwner] = [:]
        if !batch.jobs.isEmpty {
            let results = try await transfer.importJobs(batch.jobs.map(\.job))
            for ((number, job), result) in zip(batch.jobs, results) {
                try tell(result, of: job, number)
                owners[job.id] = LogOwner(job, result: result)
            }
        }
        var chunks = LogChunks()
        for line in batch.lines {
            let job = line.execution.job
            if owner?.job != job {
                var next = owners[job] ?? LogOwner(job)
                try await next.look(in: store)
                owner = next
            }
            // Taken out while it is asked, so that it is not copied.
            guard var current = owner else { continue }
            owner = nil
            let isTaken = try await current.takes(line, in: store)
            owner = current
            if isTaken {
                chunks.add(line.record, of: line.execution, fragment: line.fragment, line: line.line)
                counts.lines += 1
            } else if current.isWanted {
                counts.knownLines += 1
            } else {
                counts.strayLines += 1
            }
        }
        // The last job's log may go on in the next batch.
        if let last = batch.jobs.last?.job.id, owner?.job != last, var next = owners[last] {
            try await next.look(in: store)
            owner = next
        }
        let all = chunks.take()
        if !all.isEmpty { _ = try await store.logs.append(all, dropping: []) }
        batch = ImportBatch()
        try showProgress(isLast: false)
    }

    private mutating func tell(_ result: ImportResult, of job: ExportedJob, _ number: Int) throws {
        switch result {
        case .imported: counts.imported += 1
        case .existing: counts.existing += 1
        case .idTaken: try refuse(number, "its ID \(job.id) is here that of another job")
        case .keyTaken(let owner): try refuse(number, "the idempotency key of the job \(job.id) belongs here to the job \(owner)")
        case .uniqueTaken(let owner): try refuse(number, "the unique key of the job \(job.id) belongs here to the job \(owner)")
        case .refused(let reason): try refuse(number, "the job \(job.id): \(session.inOwnName(reason))")
        }
    }

    private mutating func refuse(_ number: Int, _ problem: String) throws {
        counts.refused += 1
        try session.talk.line("\(session.talk.isTerminal ? "\r\u{1B}[K" : "")line \(number): \(TerminalText.escaped(problem))")
    }

    /// One line on a terminal, written over itself.
    private func showProgress(isLast: Bool) throws {
        guard session.talk.isTerminal else { return }
        let seconds = Double((session.clock.uptime() - startedAt) / .milliseconds(1)) / 1000
        let jobs = counts.imported + counts.existing
        let rate = seconds > 0 ? ", \(Int(Double(jobs) / seconds)) a second" : ""
        try session.talk.write("\r\u{1B}[K\(isLast ? "" : "\(ExportCounts.text(jobs, "job"))\(rate)")".utf8)
        try session.talk.flush()
    }
}
