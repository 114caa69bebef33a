// The seam to the database, as export and import use it: jobs leave a store and enter another as they stand.

/// Gives out jobs in full, and takes in jobs that were given out.
///
/// Rules that every store keeps (the conformance suite in ErrandTesting checks them):
/// - An export gives every job once, oldest first. A job is seen at one moment; different jobs may be seen at different ones.
/// - An imported job keeps its ID, its history and its place in the line; its next execution has a higher ordinal than all before.
/// - What holds among the jobs of a store holds for imported ones too: keys, unique keys, limits, sequences, expiries.
/// - Importing a job twice is importing it once.
/// - A job waits here for what it waited for there, as far as that has not ended; for what is not here it waits until somebody promotes it.
public protocol TransferStore: Sendable {
    /// Jobs that match, oldest first: those behind `cursor` (`nil` is the beginning) up to and with `last`, at most `limit`. A page may be
    /// shorter although more follow, so that neither its time nor its memory grows with the store: go on until ``ExportPage/next`` is `nil`.
    /// - Throws: ``JobStoreError``.
    func exportJobs(
        matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int
    ) async throws(JobStoreError) -> ExportPage

    /// Takes in jobs as they stand, all of those that may in one durable commit; results in the same order. Give older ones first. Live
    /// jobs may be claimed at once; the event stream tells them as `enqueued`, and does not tell those that are over, since nothing
    /// happens to them here.
    /// - Parameter jobs: None of them running (``ExportedJob/settled(at:)``); at most a few hundred, or a few MiB.
    /// - Throws: ``JobStoreError`` when nothing was taken in.
    func importJobs(_ jobs: [ExportedJob]) async throws(JobStoreError) -> [ImportResult]

    /// Takes in a workflow, without its jobs, which count themselves as they come: open, so that it does not end before the last of them has
    /// come. Whoever imports closes it then. Give it before the jobs that name it.
    /// - Throws: ``JobStoreError``.
    func importWorkflow(_ workflow: WorkflowStatus) async throws(JobStoreError) -> ImportResult
}

/// A piece of an export.
public struct ExportPage: Sendable, Hashable {
    /// Oldest first.
    public var jobs: [ExportedJob]
    /// The cursor for what follows; `nil` at the end.
    public var next: JobID?

    /// Puts together a page; used by stores.
    public init(jobs: [ExportedJob], next: JobID?) {
        self.jobs = jobs
        self.next = next
    }
}

/// What became of one job of an import; the others are not affected.
public enum ImportResult: Sendable, Hashable {
    /// It is there now.
    case imported
    /// It was there before: a job of this ID and kind that was enqueued at the same moment. Nothing was changed.
    case existing
    /// Its ID is that of another job.
    case idTaken
    /// Its idempotency key belongs to this job.
    case keyTaken(JobID)
    /// This job has its unique key.
    case uniqueTaken(JobID)
    /// It breaks a rule; the text says which.
    case refused(reason: String)
}
