// What the in-memory store knows, as a plain value: every rule of the queue is a method here, without locks, clocks or waiting.

import Errand
import ErrandContext

/// The contents of a ``ModelStore``.
struct ModelTables {
    /// Every job that is kept.
    var jobs: [JobID: ModelJob] = [:]
    /// Every worker that stands in the register.
    var workers: [WorkerID: ModelWorker] = [:]
    /// Workers that were taken out of the register while their processes lived.
    var condemnedAlive: Set<WorkerID> = []
    /// Which job an idempotency key belongs to.
    var keys: [String: JobID] = [:]
    /// Whose a unique key is.
    var uniqueKeys: [[UInt8]: ModelUniqueKey] = [:]
    /// When all permits of a key are back, in microseconds since 1970.
    var keyMeters: [ModelKey: Int64] = [:]
    /// Where the next job of a key stands in a fair queue.
    var keyTags: [ModelKey: Int64] = [:]
    /// Sequences with live jobs, or halted.
    var sequences: [ModelKey: ModelSequence] = [:]
    /// How far weighted queues have come.
    var passes = QueuePasses()
    /// What stands for queues, kinds and keys.
    var limits: [LimitScope: ModelLimit] = [:]
    /// Queues and kinds that any job has ever named.
    var usedScopes: Set<LimitScope> = []
    /// The highest ID that was ever given out; survives the deletion of its job.
    var lastID: Int64 = 0
    /// What was waited and run, by queue and kind.
    var times: [TimeHistogram] = []
    /// How executions have ended since the store was made.
    var outcomes: [StoreMetrics.OutcomeTotal] = []
    /// Periodic jobs by name.
    var periodic: [String: PeriodicEntry] = [:]
    /// Until when one of them is put off.
    var heldPeriodic: [String: Timestamp] = [:]
    /// The worker that fires their slots.
    var leader: WorkerID?
    /// What jobs wait for, or have waited for.
    var edges: [JobID: [ModelEdge]] = [:]
    /// Ends that those who wait for them have not been told of yet.
    var settling: [Int64: (Prerequisite, JobState)] = [:]
    /// What workflows began with.
    var workflowShapes: [WorkflowID: [UInt8]] = [:]
    /// Workflows that are kept.
    var workflows: [WorkflowID: WorkflowStatus] = [:]
    /// What executions have completed, in the order of time.
    var steps: [JobID: [JobStep]] = [:]
    /// What happened, oldest first.
    var events: [JobEvent] = []
    /// What the doorbell is to be rung about once the change is made.
    var rings: Set<DoorbellTopic> = []
    /// The rules that this store is told to break.
    var faults: ModelStore.Fault = []

    /// The two clocks at the moment of a call.
    struct Moment {
        var wall: Timestamp
        var uptime: Duration
    }

    /// Jobs, oldest first: the order of IDs is the order of enqueueing.
    var jobsByID: [ModelJob] { jobs.values.sorted { $0.id < $1.id } }
}

/// One job with its whole history.
struct ModelJob {
    var id: JobID
    var input: NewJob
    /// The kind and payload that an idempotency key stands for, once an edit or a second job has changed them.
    var keyed: Keyed?
    var createdAt: Timestamp
    /// When it became due for the first time: its place in the line for life, retries included.
    var dueAt: Timestamp
    /// When it starts, while it is scheduled or retryable.
    var startsAt: Timestamp
    var state: JobState
    /// What it waits for, while it is waiting.
    var waits = Waits.behindOwner
    /// Its place in a fair queue.
    var rank: Int64?
    /// Whether it has its turn together with the others of a fair queue that have no limit key.
    var sharesTurn = false
    /// How many attempts have counted.
    var attempts = 0
    var crashes = 0
    /// The ordinal of the newest claim, 0 before the first.
    var ordinal: Int64 = 0
    /// Who holds it, while it runs.
    var worker: WorkerID?
    var finishedAt: Timestamp?
    var reason: String?
    var result: [UInt8]?
    /// Whether its logs were deleted while it is kept.
    var logsAreGone = false
    /// The wish to end the running execution.
    var cancellation: Cancellation?
    /// Whether it is suspected of taking its workers down.
    var isSuspect = false
    /// Since when the running execution ignores its cancellation.
    var stuckSince: Timestamp?
    /// What an execution has said of its progress.
    var progress: JobProgress?
    /// Every execution, oldest first.
    var executions: [ExecutionRecord] = []

    /// What an idempotency key stands for.
    struct Keyed: Equatable {
        var kind: String
        var payload: [UInt8]
    }

    /// What the idempotency key of the job stands for.
    var original: Keyed { keyed ?? Keyed(kind: input.kind, payload: input.payload) }

    /// What a waiting job waits for.
    enum Waits {
        /// The end of the job that has its unique key.
        case behindOwner
        /// Its turn in its sequence.
        case forTurn
        /// Room under its limit key.
        case forKey
    }

    struct Cancellation {
        var requestedAt: Timestamp
        var reason: String?
    }

    /// The newest claim's identity.
    var execution: ExecutionID { ExecutionID(id, ordinal) }

    /// At how many deaths in a row it was in flight.
    var deathsInARow: Int { Suspicion.deathsInARow(executions.reversed().lazy.map { ($0.outcome, $0.error) }) }

    /// Ends the newest execution in the record.
    mutating func close(_ outcome: Outcome, error: StoredError?, at time: Timestamp) {
        executions[executions.count - 1].outcome = outcome
        executions[executions.count - 1].error = error
        executions[executions.count - 1].finishedAt = time
        if !outcome.isRefunded { attempts += 1 }
        if outcome == .crashed { crashes += 1 }
        if outcome.clearsSuspicion { isSuspect = false }
        worker = nil
        cancellation = nil
        stuckSince = nil
    }

    /// Ends the job.
    mutating func finish(as final: JobState, reason: String?, at time: Timestamp) {
        state = final
        isSuspect = false
        self.reason = reason
        finishedAt = time
    }

    /// Puts the job back into its line.
    mutating func makeAvailable() {
        state = .available
        rank = nil
        logsAreGone = false
        finishedAt = nil
        reason = nil
        result = nil
    }
}

/// One worker in the register.
struct ModelWorker {
    var description: WorkerDescription
    /// Grows with every sign of life.
    var beat: Int64 = 1
    /// When the last sign of life came, in uptime.
    var renewedAt: Duration
    /// Before this uptime it rescues nobody by time, since it was late itself.
    var watchesFrom: Duration
    /// Whether its process lives.
    var isPresent = true
    /// What operators want of it.
    var orders = WorkerOrders()
    /// Whether it has made a step since they said so.
    var hasHeard = true

    var leaseEnd: Duration { renewedAt + description.lease }
    /// The last moment at which its renewal counts as punctual: two thirds of a lease.
    var punctualUntil: Duration { renewedAt + description.lease * 2 / 3 }

    /// Takes a sign of life. One that comes late makes the worker doubt its own view of the others for half a lease.
    mutating func renew(at uptime: Duration) {
        if uptime > punctualUntil { watchesFrom = uptime + description.lease / 2 }
        beat += 1
        renewedAt = uptime
    }

    /// Whether it may judge others by time.
    func isInGoodStanding(at uptime: Duration) -> Bool { uptime <= punctualUntil && uptime >= watchesFrom }
}
