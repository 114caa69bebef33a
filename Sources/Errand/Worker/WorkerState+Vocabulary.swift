// What the worker's mind is told, what it answers, and what it knows from the start.

extension WorkerState {
    /// What does not change while the worker runs.
    package struct Settings: Sendable {
        package var concurrency: Int
        package var queues: [ClaimRequest.QueueShare]
        package var kinds: [String]
        package var until: Worker.Until
        package var lease: Duration
        package var grace: Duration
        /// How long an execution may ignore its cancellation until it counts as stuck.
        package var stuckAfter: Duration
        /// How many stuck executions may have freed their slots at a time.
        package var stuckLimit: Int
        package var order: QueueOrder
        package var spare: SpareSlots?

        package init(
            concurrency: Int, queues: [ClaimRequest.QueueShare], kinds: [String], until: Worker.Until = .stopped,
            lease: Duration = .seconds(30), grace: Duration = .seconds(30), stuckAfter: Duration = .seconds(10), stuckLimit: Int? = nil,
            order: QueueOrder = .weighted, spare: SpareSlots? = nil
        ) {
            self.concurrency = concurrency
            self.queues = queues
            self.kinds = kinds
            self.until = until
            self.lease = lease
            self.grace = grace
            self.stuckAfter = stuckAfter
            self.stuckLimit = stuckLimit ?? concurrency
            self.order = order
            self.spare = spare
        }
    }

    /// A moment on both clocks.
    package struct Moment: Sendable, Hashable {
        package var uptime: Duration
        package var wall: Timestamp

        package init(uptime: Duration, wall: Timestamp) {
            self.uptime = uptime
            self.wall = wall
        }
    }

    /// What happened.
    package enum Event: Sendable {
        /// The store has registered the worker.
        case joined(WorkerID)
        /// The store could not register it.
        case joinFailed(JobStoreError)
        /// Somebody rang, or the store noticed a change: jobs may be claimable, or (`wantsAttention`) somebody asked for something.
        case rang(wantsAttention: Bool)
        /// The time of the last ``Action/wake(at:)`` has come.
        case woke
        /// An execution has ended.
        case ended(ExecutionReport)
        /// The worker lacks what executions need, such as open files: nothing should be started for so long.
        case hindered(reason: String, pause: Duration)
        /// An execution has taken longer than its timeout.
        case timedOut(ExecutionID, after: Duration)
        /// An execution has shown no sign of life for so long.
        case silent(ExecutionID, after: Duration)
        /// Executions have told of progress that the shell holds; it goes with the next exchange.
        case progressed
        /// The deadline of an execution's job has come.
        case reachedDeadline(ExecutionID)
        /// The slots of periodic jobs that were due are fired, or somebody else was faster.
        case fired
        /// Slots could not be fired.
        case firingFailed(JobStoreError)
        /// The exchange under way was committed.
        case exchanged(ExchangeReply)
        /// The exchange under way came to nothing.
        case exchangeFailed(JobStoreError)
        /// A shutdown: finish what runs, within the grace period.
        case drainRequested
        /// The shutdown must not wait for handlers any more.
        case cancelRequested
    }

    /// What to do.
    package enum Action: Sendable, Hashable {
        case join
        case exchange(ExchangeRequest)
        /// Fires the slots of periodic jobs that are due.
        case fire
        case start(ClaimedJob)
        case cancel(ExecutionID, CancelCause)
        case wake(at: Duration)
        case note(Note)
        case finish(Worker.End)
    }

    /// What the worker's own log must say.
    package enum Note: Sendable, Hashable {
        case storeFailed(JobStoreError, consecutive: Int, unwritten: Int)
        case storeRecovered
        /// Slots of periodic jobs could not be fired; it is tried again.
        case firingFailed(JobStoreError)
        case claimsPaused(reason: String)
        case claimsResumed
        case hindered(reason: String, pause: Duration)
        /// What the store holds cannot be read: nothing more is claimed, and the worker leaves.
        case storeDamaged(JobStoreError)
        case leaseLost(ExecutionID)
        case rescued(held: Int)
        case draining(running: Int)
        /// Operators want this of the worker from now on.
        case ordered(WorkerOrders)
        case abandoned(ExecutionID)
        /// It ignores its cancellation; whether its slot is free for others.
        case stuck(ExecutionID, isSlotFree: Bool)
    }
}
