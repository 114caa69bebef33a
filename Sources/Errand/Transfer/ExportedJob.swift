// A job on its way from one store to another: all that is needed to have the same job there.

/// A job as it leaves a store and enters another: its input, where it stands, and what became of its executions.
public struct ExportedJob: Sendable, Hashable {
    /// Its identity, which it keeps.
    public var id: JobID
    /// Its input, payload and key included. ``NewJob/runAt`` is when it became due for the first time, its place in the line for life;
    /// ``NewJob/after`` is what it waits for, or has waited for; ``NewJob/fingerprints`` is empty where a repeated enqueue is recognised by kind and payload as they stand here.
    public var job: NewJob
    /// When it was enqueued.
    public var createdAt: Timestamp
    /// Where it stands.
    public var state: JobState
    /// When it starts, while it is scheduled or retryable; `nil` otherwise.
    public var startsAt: Timestamp?
    /// How many attempts have counted; the running execution is not among them.
    public var attempts = 0
    /// How many executions took their process down.
    public var crashes = 0
    /// The highest ordinal that was ever given out for it, 0 before its first execution. Ordinals skip: it may be higher than that of any
    /// execution on record.
    public var ordinal: Int64 = 0
    /// When it ended for good; `nil` for a live job.
    public var finishedAt: Timestamp?
    /// Why it is cancelled or dead, where there is a reason.
    public var reason: String?
    /// What its handler returned: JSON, or sealed.
    public var result: [UInt8]?
    /// Whether it is suspected of taking its workers down.
    public var isSuspect = false
    /// Until when its unique key is kept although it completes sooner; `nil` where that has no end of its own, or the job does not have it.
    public var uniqueUntil: Timestamp?
    /// Whether it has its turn in its sequence; a dead one has it that halts the sequence.
    public var hasTurn = false
    /// The wish to cancel the execution that runs.
    public var cancellation: Cancellation?
    /// What the newest execution has said of its progress.
    public var progress: JobProgress?
    /// Every execution on record, oldest first; the running one is the last and has no outcome.
    public var executions: [ExecutionRecord] = []
    /// What executions have completed, in the order of time.
    public var steps: [JobStep] = []

    /// A wish to end the running execution.
    public struct Cancellation: Sendable, Hashable {
        /// When somebody asked.
        public var requestedAt: Timestamp
        /// Why, for people.
        public var reason: String?

        /// A wish.
        public init(requestedAt: Timestamp, reason: String?) {
            self.requestedAt = requestedAt
            self.reason = reason
        }
    }

    /// `job`, which was enqueued at `createdAt` and has not started.
    public init(id: JobID, job: NewJob, createdAt: Timestamp, state: JobState) {
        self.id = id
        self.job = job
        self.createdAt = createdAt
        self.state = state
    }
}

extension ExportedJob {
    /// The job as it stands where nobody runs it. The execution that ran is interrupted at `time`, and its attempt refunded, as at any
    /// shutdown: the job is available again, or cancelled, where somebody had asked for that. Any other job stays as it is.
    public func settled(at time: Timestamp) -> ExportedJob {
        guard state == .running else { return self }
        var job = self
        let end = max(time, executions.last?.startedAt ?? time)
        if let last = job.executions.indices.last, job.executions[last].outcome == nil {
            job.executions[last].outcome = .interrupted
            job.executions[last].finishedAt = end
            job.executions[last].error = StoredError(
                type: "Exported", message: "it ran when its store was exported; what became of it is known there only")
        }
        job.cancellation = nil
        if let cancellation {
            (job.state, job.finishedAt, job.reason, job.isSuspect) = (.cancelled, end, cancellation.reason, false)
        } else {
            job.state = .available
        }
        return job
    }

    /// Whether the end of the job is also that of its last execution.
    package var endedInLastExecution: Bool {
        guard state.isFinal, let last = executions.last, let outcome = last.outcome else { return false }
        return last.execution.ordinal == ordinal && last.finishedAt == finishedAt
            && last.attempt == attempts + (outcome.isRefunded ? 1 : 0)
    }

    /// Whether it waits behind the job that has its unique key: it has none of its own, and has never started.
    package var waitsBehindOwner: Bool {
        guard let uniqueness = job.terms.uniqueness else { return false }
        return state == .waiting && executions.isEmpty && uniqueness.until == .ended && uniqueness.onConflict == .keepLast
    }

    /// Whether it has completed, and its unique key is kept beyond that.
    package func keepsUniqueKey(at now: Timestamp) -> Bool { state == .completed && uniqueUntil.map { $0 > now } ?? false }

    /// About how many bytes of it a store, or a page, has to hold.
    package var bytes: Int {
        var sum = job.payload.count + (result?.count ?? 0) + 512
        for step in steps { sum += (step.result?.count ?? 0) + 128 }
        for execution in executions { sum += (execution.error?.message.utf8.count ?? 0) + (execution.error?.stack?.utf8.count ?? 0) + 128 }
        return sum
    }
}
