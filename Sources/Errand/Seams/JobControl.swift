// The seam to the database, as an operator uses it: cancel, retry, prune.

/// Changes jobs on an operator's behalf. Each call is one durable commit or a bounded series of them.
public protocol JobControl: Sendable {
    /// Ends jobs that have not started, and asks for the end of running ones; results in the order of `ids`.
    /// - Throws: ``JobStoreError``.
    func cancel(_ ids: [JobID], reason: String?) async throws(JobStoreError) -> [CancelResult]

    /// Makes jobs available again: dead, cancelled and retryable ones, at once. A plain retry grants one more attempt;
    /// `resettingAttempts` grants them all again. Completed jobs are left alone, and so are those whose unique key another job has by now.
    /// A job that has ended waits again for what it depends on, as far as that has not ended; what has failed is ignored from now on.
    /// Expiry and deadline of a job that had ended no longer hold. Jobs that `edits` names are changed before, in the same commit; an
    /// edit's `runAt` is not looked at.
    /// - Throws: ``JobStoreError``.
    func retry(_ ids: [JobID], resettingAttempts: Bool, edits: [JobID: JobEdit]) async throws(JobStoreError) -> [RetryResult]

    /// Makes scheduled and retryable jobs available at once, in the line as if they had become due now; with `despiteDependencies` those
    /// as well that are blocked, which wait for nothing any more then.
    /// - Throws: ``JobStoreError``.
    func promote(_ ids: [JobID], despiteDependencies: Bool) async throws(JobStoreError) -> [ChangeResult]

    /// Changes jobs that neither run nor are over; each change is whole or not made. `JobRules.problem(with:)` tells
    /// beforehand what is wrong with an edit.
    /// - Throws: ``JobStoreError``.
    func edit(_ ids: [JobID], _ edit: JobEdit) async throws(JobStoreError) -> [ChangeResult]

    /// Deletes jobs that are over, with everything that the store keeps about them except their logs: ``Store/delete(_:evenLive:)``
    /// deletes those too. With `evenLive` those as well that wait; a running job is refused always: cancel it first.
    /// - Throws: ``JobStoreError``.
    func delete(_ ids: [JobID], evenLive: Bool) async throws(JobStoreError) -> [ChangeResult]

    /// Tells live workers what to do, from any process; whether each of them was there to be told. It has happened once the worker has
    /// made its next step, which the control doorbell asks for: ``StoreStats/WorkerStatus/hasHeard``.
    /// - Throws: ``JobStoreError``.
    func direct(_ workers: [WorkerID], _ directive: WorkerDirective) async throws(JobStoreError) -> [Bool]

    /// Deletes a bounded slice (at most `limit` jobs) of finished jobs that `policy` no longer keeps, and results of others.
    /// - Throws: ``JobStoreError``.
    func prune(_ policy: RetentionPolicy, limit: Int) async throws(JobStoreError) -> PruneReport
}

extension JobControl {
    /// Makes jobs available again as they are: ``retry(_:resettingAttempts:edits:)`` without edits.
    /// - Throws: ``JobStoreError``.
    public func retry(_ ids: [JobID], resettingAttempts: Bool) async throws(JobStoreError) -> [RetryResult] {
        try await retry(ids, resettingAttempts: resettingAttempts, edits: [:])
    }

    /// Makes scheduled and retryable jobs available at once: ``promote(_:despiteDependencies:)`` without those that are blocked.
    /// - Throws: ``JobStoreError``.
    public func promote(_ ids: [JobID]) async throws(JobStoreError) -> [ChangeResult] {
        try await promote(ids, despiteDependencies: false)
    }
}

extension Store {
    /// Deletes jobs with their logs (``JobControl/delete(_:evenLive:)``). The jobs go first: a crash in between leaves logs of jobs that
    /// are gone, which retention deletes by their age.
    /// - Throws: ``JobStoreError``.
    public func delete(_ ids: [JobID], evenLive: Bool = false) async throws(JobStoreError) -> [ChangeResult] {
        let results = try await control.delete(ids, evenLive: evenLive)
        let gone = zip(ids, results).filter { $0.1 == .changed }.map(\.0)
        if !gone.isEmpty { try await logs.delete(logsOf: gone) }
        return results
    }
}

/// What a wish to promote, edit or delete a job brought.
public enum ChangeResult: Sendable, Hashable {
    /// It is done.
    case changed
    /// The job is in a state that forbids it.
    case refused(JobState)
    /// Its unique key would be that of this other job.
    case uniqueConflict(JobID)
    /// There is no such job.
    case notFound
}

/// What a wish to cancel brought.
public enum CancelResult: Sendable, Hashable {
    /// The job had not started and never will.
    case cancelled
    /// The job runs; its worker was asked to end this execution.
    case requested(ExecutionID)
    /// The job had ended before.
    case finished(JobState)
    /// There is no such job.
    case notFound
}

/// What a wish to retry brought.
public enum RetryResult: Sendable, Hashable {
    /// The job is available.
    case retried
    /// The job is in a state that cannot be retried.
    case refused(JobState)
    /// The job's unique key belongs to that job by now.
    case uniqueConflict(JobID)
    /// The job was refused when it came in, for this reason: it is on record, and cannot run.
    case invalid(reason: String)
    /// There is no such job.
    case notFound
}

/// What a slice of pruning deleted.
public struct PruneReport: Sendable, Hashable {
    /// The jobs, whose logs can go too.
    public var jobs: [JobID]
    /// Jobs that stay, and whose logs shall go.
    public var logs: [JobID]
    /// How many jobs that stay have lost their results.
    public var results: Int
    /// Whether another slice would find more.
    public var hasMore: Bool

    /// Puts together a report; used by stores.
    public init(jobs: [JobID], logs: [JobID] = [], results: Int = 0, hasMore: Bool) {
        self.jobs = jobs
        self.logs = logs
        self.results = results
        self.hasMore = hasMore
    }
}
