// The seam to the database, as periodic jobs use it: what is set, what is due, and one commit for each slot.

/// Keeps periodic jobs. A store knows no schedules: whoever calls works out slots, and the store sees to it that each is fired once.
///
/// Rules that every store keeps (the conformance suite in ErrandTesting checks them):
/// - A slot is fired in one commit with the jobs that it enqueues, and only while it is the next one of its periodic job.
/// - Setting a periodic job anew keeps its next slot, unless its timing has changed.
/// - Of the registered workers that offer to lead, one is told of slots (``ExchangeReply/nextSlot``).
public protocol PeriodicStore: Sendable {
    /// Sets periodic jobs, all in one durable commit; results in the same order. With `source`, those that the same source has set
    /// before and does not name now are removed.
    /// - Throws: ``JobStoreError``; ``JobStoreError/refused(reason:)`` when there would be too many.
    func setPeriodic(_ drafts: [PeriodicDraft], source: String?) async throws(JobStoreError) -> [PeriodicSetResult]

    /// Removes periodic jobs; whether each was there. Jobs that they have enqueued stay.
    /// - Throws: ``JobStoreError``.
    func removePeriodic(_ names: [String]) async throws(JobStoreError) -> [Bool]

    /// Stops or lets go on: a paused one (`next` `nil`) has no next slot, and slots that pass meanwhile are not missed. Whether it was there.
    /// - Parameters:
    ///   - name: Which.
    ///   - isPaused: Whether it shall be paused.
    ///   - next: Its next slot, when it is not.
    /// - Throws: ``JobStoreError``.
    func pausePeriodic(_ name: String, _ isPaused: Bool, next: Timestamp?) async throws(JobStoreError) -> Bool

    /// All of them, by name.
    /// - Throws: ``JobStoreError``.
    func periodicJobs() async throws(JobStoreError) -> [PeriodicEntry]

    /// Those whose next slot is not after `time`, the longest due first, at most `limit`.
    /// - Throws: ``JobStoreError``.
    func duePeriodic(at time: Timestamp, limit: Int) async throws(JobStoreError) -> [PeriodicEntry]

    /// Looks at a periodic job again at `time`, and not before: its slot stays what it is. For a leader that cannot read it.
    /// - Throws: ``JobStoreError``.
    func holdPeriodic(_ name: String, revision: Int64, until time: Timestamp) async throws(JobStoreError)

    /// Fires slots, each in whole or, when it is not the next any more, not at all; all in one durable commit, results in the same order.
    /// - Throws: ``JobStoreError``: nothing was fired.
    func fire(_ firings: [PeriodicFiring]) async throws(JobStoreError) -> [PeriodicFireResult]
}

/// A periodic job that is to be set.
public struct PeriodicDraft: Sendable, Hashable {
    /// What it is.
    public var periodic: PeriodicJob
    /// Its first slot from now on; counts where its timing is new.
    public var first: Timestamp?

    /// `periodic`, first due at `first`.
    public init(_ periodic: PeriodicJob, first: Timestamp?) {
        self.periodic = periodic
        self.first = first
    }
}

/// What a wish to set a periodic job brought.
public enum PeriodicSetResult: Sendable, Hashable {
    /// It is new.
    case added
    /// It stands otherwise than before.
    case changed
    /// It stood so already.
    case unchanged
    /// It belongs to this source, a file, and only that may change it; nothing was changed.
    case belongs(to: String)
}

/// A periodic job as it stands in a store.
public struct PeriodicEntry: Sendable, Hashable {
    /// What it is.
    public var periodic: PeriodicJob
    /// The file that it comes from; `nil`: it was set at run time.
    public var source: String?
    /// Whether somebody has paused it.
    public var isPaused: Bool
    /// Its next slot; `nil` when it is paused, or over.
    public var next: Timestamp?
    /// What was fired last; `nil`: nothing yet.
    public var last: Fired?
    /// Another one with every change of what it is.
    public var revision: Int64
    /// Why it cannot be read; ``periodic`` has its name only then. Another version of Errand has written it, or it was damaged.
    public var problem: String?

    /// Puts together an entry; used by stores.
    public init(periodic: PeriodicJob, source: String?, isPaused: Bool, next: Timestamp?, last: Fired?, revision: Int64) {
        self.periodic = periodic
        self.source = source
        self.isPaused = isPaused
        self.next = next
        self.last = last
        self.revision = revision
    }

    /// A slot that was fired.
    public struct Fired: Sendable, Hashable {
        /// Its time.
        public var slot: Timestamp
        /// When it was fired.
        public var at: Timestamp
        /// The job that stands for it: its own, or with `wasSkipped` the one in whose favour it was left out.
        public var job: JobID
        /// Whether it was left out because its predecessor had not ended.
        public var wasSkipped: Bool

        /// Puts together what is known about a slot.
        public init(slot: Timestamp, at: Timestamp, job: JobID, wasSkipped: Bool) {
            self.slot = slot
            self.at = at
            self.job = job
            self.wasSkipped = wasSkipped
        }
    }
}

/// Slots of one periodic job that are fired together.
public struct PeriodicFiring: Sendable, Hashable {
    /// Which periodic job.
    public var name: String
    /// What it was when the slots were worked out (``PeriodicEntry/revision``).
    public var revision: Int64
    /// The slot that was its next; `nil` fires out of turn, whatever its next slot is, and leaves that alone.
    public var due: Timestamp?
    /// What is enqueued; nothing when all slots are left out.
    public var runs: [Run]
    /// Its next slot from now on; `nil`: there is none.
    public var next: Timestamp?
    /// Whether what earlier slots have enqueued, and has not ended, is cancelled.
    public var cancelsPrevious: Bool

    /// So many runs, and bytes of payload, share a commit, so that others get their turn.
    package static let runsPerCommit = 200
    package static let bytesPerCommit = 4 << 20

    /// Puts together a firing.
    public init(name: String, revision: Int64, due: Timestamp?, runs: [Run], next: Timestamp?, cancelsPrevious: Bool) {
        self.name = name
        self.revision = revision
        self.due = due
        self.runs = runs
        self.next = next
        self.cancelsPrevious = cancelsPrevious
    }

    /// One slot and its job.
    public struct Run: Sendable, Hashable {
        /// The slot.
        public var slot: Timestamp
        /// The job.
        public var job: NewJob

        /// `job` for `slot`.
        public init(slot: Timestamp, job: NewJob) {
            self.slot = slot
            self.job = job
        }
    }
}

/// What a wish to fire brought.
public enum PeriodicFireResult: Sendable, Hashable {
    /// It is done; what became of each job, in order.
    case fired([EnqueueResult])
    /// Somebody else has fired the slot, or the periodic job was changed, paused or removed.
    case stale
}
