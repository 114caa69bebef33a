// What is handed to a store at once during an import: jobs with their log lines, at most so many and so large.

import Errand
import ErrandContext

/// Jobs and log lines that were read and are not in the store yet.
struct ImportBatch {
    /// A batch has at most so many jobs.
    static let mostJobs = 500
    /// A batch is handed over when it has so many bytes: 4 MiB.
    static let mostBytes = 4 << 20

    /// A log line of an execution.
    struct Line {
        var execution: ExecutionID
        var fragment: [UInt8]
        var line: [UInt8]
        var record: LogRecord
    }

    /// The workflows, each with the number of its line.
    var workflows: [(number: Int, workflow: WorkflowStatus)] = []
    /// The jobs, each with the number of its line.
    var jobs: [(number: Int, job: ExportedJob)] = []
    /// The log lines.
    var lines: [Line] = []
    /// How long the lines of the file are that hold them.
    var bytes = 0

    var isFull: Bool { jobs.count >= ImportBatch.mostJobs || bytes >= ImportBatch.mostBytes }
}

/// Whose log lines an import takes in, and from which on.
struct LogOwner {
    /// The job.
    let job: JobID
    /// Whether its lines are wanted at all.
    var isWanted = true
    /// Whether it came in just now: nothing of its log is here.
    var isNew = false
    /// When its executions began, as the file has it; `nil` when the file does not hold the job.
    var told: [Int64: Timestamp]?
    /// When its executions began, as the store has it.
    private var here: [Int64: Timestamp] = [:]
    /// Up to which number the lines of an execution are here.
    private var known: [Int64: Int64] = [:]

    /// A job that was imported, or that was there.
    init(_ job: ExportedJob, result: ImportResult) {
        self.job = job.id
        isNew = result == .imported
        isWanted = isNew || result == .existing
        told = Dictionary(job.executions.map { ($0.execution.ordinal, $0.startedAt) }) { $1 }
    }

    /// A job that the file has not told of lately.
    init(_ job: JobID) { self.job = job }

    /// Looks up what the store has of it.
    /// - Throws: `JobStoreError`.
    mutating func look(in store: Store) async throws(JobStoreError) {
        guard isWanted, !isNew else { return }
        guard let detail = try await store.inspection.job(job) else {
            isWanted = false
            return
        }
        for execution in detail.executions { here[execution.execution.ordinal] = execution.startedAt }
    }

    /// Whether a line is to be taken in: it is not here, and it is not that of another execution which has the same ordinal here.
    /// - Throws: `JobStoreError`.
    mutating func takes(_ line: ImportBatch.Line, in store: Store) async throws(JobStoreError) -> Bool {
        guard isWanted else { return false }
        guard !isNew else { return true }
        let ordinal = line.execution.ordinal
        if let told {
            if let began = here[ordinal], let toldBegan = told[ordinal], began != toldBegan { return false }
        } else if here[ordinal] == nil {
            return false
        }
        if known[ordinal] == nil { known[ordinal] = try await store.logs.lastSequence(of: line.execution) }
        return line.record.sequence > known[ordinal] ?? 0
    }
}
