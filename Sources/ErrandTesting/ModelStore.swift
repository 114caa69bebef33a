// The oracle: the simplest store that keeps every rule, in memory. Tests compare real stores with it, and users test their jobs on it.

public import Errand
import Synchronization

/// A whole store in memory: ``JobStore``, ``JobInspection``, ``JobControl`` and ``QueueControl`` by itself, logs and doorbell beside it. Nothing leaves
/// the process; ``crash()`` plays the death of every process that uses it.
///
/// ```swift
/// let model = ModelStore(clock: ManualClock())
/// let results = try await model.store.jobs.enqueue([NewJob(kind: "greet", payload: Array("{}".utf8))])
/// ```
public final class ModelStore: Sendable {
    private struct State {
        var tables = ModelTables()
        /// What a crash leaves, for the variant that acknowledges before it commits.
        var durable: ModelTables?
        var generator: any RandomNumberGenerator & Sendable
        /// Runs once in the gap of the variant that claims in two transactions.
        var inTheGap: (@Sendable () async -> Void)?
    }

    /// What the store tells the time by.
    public let clock: any ErrandClock
    /// The logs of its executions.
    public let logs: ModelLogStore
    /// Its wake-ups.
    public let doorbell: ModelDoorbell
    /// What its crashed workers left.
    public let crashes = ModelCrashLedger()

    private let faults: Fault
    private let state: Mutex<State>

    /// An empty store that tells the time by `clock` (a ``ManualClock`` of its own by default) and draws IDs from `generator`.
    public convenience init(
        clock: any ErrandClock = ManualClock(), generator: some RandomNumberGenerator & Sendable = SeededGenerator(seed: 1)
    ) {
        self.init(clock: clock, generator: generator, faults: [])
    }

    /// A store that breaks the rules in `faults`, to show that the conformance suite notices.
    package init(
        clock: any ErrandClock, generator: some RandomNumberGenerator & Sendable = SeededGenerator(seed: 1), faults: Fault
    ) {
        self.clock = clock
        self.faults = faults
        doorbell = ModelDoorbell()
        logs = ModelLogStore(doorbell: doorbell)
        state = Mutex(State(generator: generator))
        state.withLock { $0.tables.faults = faults }
    }

    /// All seams of this store, together.
    public var store: Store {
        Store(
            jobs: self, inspection: self, control: self, queues: self, periodic: self, steps: self, workflows: self, logs: logs,
            doorbell: doorbell,
            crashes: crashes, events: self, transfer: self)
    }

    /// Does what `kill -9` of every process on the store would do: no worker lives any more, everything acknowledged stays.
    public func crash() {
        state.withLock { state in
            if let durable = state.durable { state.tables = durable }
            for id in state.tables.workers.keys { state.tables.workers[id]?.isPresent = false }
            state.tables.condemnedAlive = []
        }
    }

    /// Does what `kill -9` of the one process of `worker` would do.
    public func kill(_ worker: WorkerID) {
        state.withLock { state in
            state.tables.workers[worker]?.isPresent = false
            state.tables.condemnedAlive.remove(worker)
        }
    }

    /// Lets `action` run once between the read and the take of the next claim, in the variant that has such a gap.
    package func runInTheGap(_ action: @escaping @Sendable () async -> Void) {
        state.withLock { $0.inTheGap = action }
    }

    private var moment: ModelTables.Moment { ModelTables.Moment(wall: clock.now(), uptime: leaseTime) }

    /// What leases go by.
    private var leaseTime: Duration {
        faults.contains(.leasesOnWallClock) ? .microseconds(clock.now().microseconds) : clock.uptime()
    }

    func read<T>(_ body: (ModelTables) -> sending T) -> sending T {
        state.withLock { body($0.tables) }
    }

    /// Makes one change, and rings about it afterwards.
    func commit<T>(_ body: (inout ModelTables) -> sending T) -> sending T { commit(drawing: { tables, _ in body(&tables) }) }

    /// The same for a change that draws IDs.
    func commit<T>(
        drawing body: (inout ModelTables, inout any RandomNumberGenerator & Sendable) -> sending T
    ) -> sending T {
        let (result, rings) = state.withLock { state in
            let result = body(&state.tables, &state.generator)
            let rings = state.tables.rings
            state.tables.rings = []
            if faults.contains(.acknowledgesBeforeCommit) { state.durable = state.tables }
            return (result, rings)
        }
        doorbell.ring(rings)
        return result
    }
}

extension ModelStore {
    /// Rules that a broken variant does not keep.
    package struct Fault: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// A report is taken for whatever execution the job is in.
        package static let noOrdinalCheck = Fault(rawValue: 1)
        /// The ordinal begins anew when a job waits for its next attempt or is retried.
        package static let ordinalDroppedOnRetry = Fault(rawValue: 2)
        /// A claim reads in one transaction and takes in another.
        package static let claimsInTwoTransactions = Fault(rawValue: 4)
        /// A claim looks at the head of the line first, and at kinds afterwards.
        package static let filterAfterRange = Fault(rawValue: 8)
        /// An enqueue returns before it is durable.
        package static let acknowledgesBeforeCommit = Fault(rawValue: 16)
        /// A rescue convicts whatever execution the named job is in.
        package static let convictsByJob = Fault(rawValue: 32)
        /// The neighbours of a convicted execution lose their attempt.
        package static let neighboursPay = Fault(rawValue: 64)
        /// Suspects are claimed like all others, beside whatever runs.
        package static let suspectsMingle = Fault(rawValue: 128)
        /// A death whose culprit is known makes its neighbours suspects.
        package static let suspectsNeighbours = Fault(rawValue: 256)
        /// A worker is condemned whatever it has done since it was looked at.
        package static let condemnsUnfenced = Fault(rawValue: 512)
        /// Leases go by the wall clock.
        package static let leasesOnWallClock = Fault(rawValue: 1024)
        /// Whoever was held up itself judges others by time all the same.
        package static let judgesWhileLate = Fault(rawValue: 2048)
        /// A worker that was condemned may still report.
        package static let condemnedReport = Fault(rawValue: 4096)
        /// A worker that was condemned by time is taken for dead by whoever finishes its rescue, although it lives.
        package static let takesCondemnedForDead = Fault(rawValue: 8192)
        /// Progress is taken from whoever tells it.
        package static let progressUnfenced = Fault(rawValue: 1 << 20)
        /// A slot is fired whether or not it is the next one.
        package static let firesAnySlot = Fault(rawValue: 1 << 44)
        /// Whoever offers to lead does.
        package static let everybodyLeads = Fault(rawValue: 1 << 45)
        /// A step is recorded for whoever says that it holds the execution.
        package static let stepsUnfenced = Fault(rawValue: 1 << 46)
        /// The ordinals of an imported job begin anew.
        package static let ordinalsBeginAnewOnImport = Fault(rawValue: 1 << 50)
        /// A job is found by any of several tags instead of all.
        package static let anyTagWillDo = Fault(rawValue: 1 << 40)
        /// The input of a job that runs is changed.
        package static let editsWhatRuns = Fault(rawValue: 1 << 41)
        /// A worker that was told to take nothing new is given jobs.
        package static let quietWorkersClaim = Fault(rawValue: 1 << 43)
        /// A deleted job keeps its idempotency key.
        package static let keysOutliveJobs = Fault(rawValue: 1 << 42)
        /// Unique keys are not looked at.
        package static let forgetsUniqueKeys = Fault(rawValue: 1 << 30)
        /// A job that ends keeps its unique key.
        package static let keepsUniqueKeys = Fault(rawValue: 1 << 31)
        /// No job ends by itself.
        package static let neverExpires = Fault(rawValue: 1 << 32)
        /// A limit is looked at once for each claim, however many jobs the claim takes.
        package static let limitsCheckedOnce = Fault(rawValue: 1 << 24)
        /// A pause is for one queue's claims only: a paused kind goes on.
        package static let pausedKindsRun = Fault(rawValue: 1 << 25)
        /// Saved permits are not counted: a rate lets one job start at a time after any wait.
        package static let permitsNotSaved = Fault(rawValue: 1 << 26)
        /// A limit key's room is not looked at again when jobs are claimed together.
        package static let keysCheckedOnce = Fault(rawValue: 1 << 27)
        /// A freed slot of a limit key admits nobody.
        package static let keepsWaiting = Fault(rawValue: 1 << 28)
        /// Sequences are not looked at.
        package static let ignoresSequences = Fault(rawValue: 1 << 29)
        /// Lets jobs run before what they wait for has ended.
        package static let ignoresDependencies = Fault(rawValue: 1 << 40)
        /// Runs jobs although what they wait for has failed.
        package static let neverCascades = Fault(rawValue: 1 << 41)
        /// The event stream does not tell that a job will run again.
        package static let forgetsRetryEvents = Fault(rawValue: 1 << 22)

        /// The faults that show in a simulation, by name; the others need a rule of the conformance suite.
        package static let named: [(String, Fault)] = [
            ("ordinal dropped on retry", .ordinalDroppedOnRetry),
            ("neighbours pay an attempt", .neighboursPay), ("suspects mingle", .suspectsMingle),
            ("suspects neighbours", .suspectsNeighbours), ("condemns unfenced", .condemnsUnfenced),
            ("leases on the wall clock", .leasesOnWallClock), ("judges while late", .judgesWhileLate),
            ("the condemned report", .condemnedReport), ("takes the condemned for dead", .takesCondemnedForDead),
            ("forgets unique keys", .forgetsUniqueKeys), ("keeps unique keys", .keepsUniqueKeys), ("never expires", .neverExpires),
            ("looks at limits once", .limitsCheckedOnce), ("looks at limit keys once", .keysCheckedOnce),
            ("runs paused kinds", .pausedKindsRun), ("keeps keys waiting", .keepsWaiting), ("ignores sequences", .ignoresSequences),
            ("ignores dependencies", .ignoresDependencies), ("never cascades", .neverCascades),
            ("gives jobs to quiet workers", .quietWorkersClaim), ("fires any slot", .firesAnySlot),
            ("lets everybody lead", .everybodyLeads),
        ]
    }
}

extension ModelStore: JobStore {
    /// Takes in `jobs`.
    /// - Throws: ``JobStoreError/refused(reason:)`` for a dependency that is not on record.
    public func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] {
        let now = clock.now()
        let (results, rings) = try state.withLock { state -> Result<([EnqueueResult], Set<DoorbellTopic>), JobStoreError> in
            if let problem = state.tables.dependencyProblem(jobs) { return .failure(.refused(reason: problem)) }
            if faults.contains(.acknowledgesBeforeCommit), state.durable == nil { state.durable = state.tables }
            let results = state.tables.enqueue(jobs, at: now, using: &state.generator)
            let rings = state.tables.rings
            state.tables.rings = []
            return .success((results, rings))
        }.get()
        doorbell.ring(rings)
        return results
    }

    /// Registers a worker; never throws.
    public func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID {
        let uptime = leaseTime
        return state.withLock { state in
            var id = WorkerID(using: &state.generator)
            while state.tables.workers[id] != nil { id = WorkerID(using: &state.generator) }
            state.tables.workers[id] = ModelWorker(description: worker, renewedAt: uptime, watchesFrom: uptime)
            if faults.contains(.acknowledgesBeforeCommit) { state.durable = state.tables }
            return id
        }
    }

    /// One step of a worker; never throws.
    public func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply {
        let moment = moment
        guard faults.contains(.claimsInTwoTransactions), let claim = request.claim else {
            return commit { tables in
                var reply = tables.begin(request, at: moment)
                if reply.isRegistered, let claim = request.claim, reply.orders.allowsClaims || faults.contains(.quietWorkersClaim) {
                    let (candidates, suspectsWait) = tables.candidatesMindingSuspects(for: claim, at: moment.wall)
                    reply.claimed = tables.take(candidates, for: request.worker, at: moment.wall)
                    reply.suspectsWait = suspectsWait
                }
                tables.finish(&reply, after: request, at: moment.wall)
                return reply
            }
        }
        let (begun, candidates) = commit { tables in
            (tables.begin(request, at: moment), tables.candidates(for: claim, at: moment.wall))
        }
        let action = state.withLock { state in
            defer { state.inTheGap = nil }
            return state.inTheGap
        }
        await action?()
        return commit { tables in
            var reply = begun
            if reply.isRegistered { reply.claimed = tables.take(candidates, for: request.worker, at: moment.wall) }
            tables.finish(&reply, after: request, at: moment.wall)
            return reply
        }
    }

    /// Workers that are dead, or whose lease has run out as `worker` sees it; never throws.
    public func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] {
        let uptime = leaseTime
        return read { $0.casualties(seenBy: worker, at: uptime) }
    }

    /// Takes the worker of `casualty` out of the register; never throws.
    public func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? {
        commit { $0.condemn(casualty) }
    }

    /// Ends what a casualty held; never throws.
    public func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] {
        let now = clock.now()
        return commit { tables in
            let cut = tables.rescue(request, at: now)
            tables.settle(at: now)
            return cut
        }
    }

    /// Takes `worker` out of the register; never throws.
    public func leave(_ worker: WorkerID) async throws(JobStoreError) {
        commit { tables in
            tables.workers[worker] = nil
            tables.leaves(worker)
        }
    }
}

extension ModelStore: JobControl {
    /// Cancels jobs; never throws.
    public func cancel(_ ids: [JobID], reason: String?) async throws(JobStoreError) -> [CancelResult] {
        let now = clock.now()
        return commit { tables in
            let results = ids.map { tables.cancel($0, reason: reason, at: now) }
            tables.settle(at: now)
            return results
        }
    }

    /// Makes jobs available again; never throws.
    public func retry(_ ids: [JobID], resettingAttempts: Bool, edits: [JobID: JobEdit]) async throws(JobStoreError) -> [RetryResult] {
        let now = clock.now()
        return commit { tables in ids.map { tables.retry($0, resettingAttempts: resettingAttempts, edit: edits[$0], at: now) } }
    }

    /// Makes jobs available before their time; never throws.
    public func promote(_ ids: [JobID], despiteDependencies: Bool) async throws(JobStoreError) -> [ChangeResult] {
        let now = clock.now()
        return commit { tables in ids.map { tables.promote($0, despiteDependencies: despiteDependencies, at: now) } }
    }

    /// Changes jobs that wait; never throws.
    public func edit(_ ids: [JobID], _ edit: JobEdit) async throws(JobStoreError) -> [ChangeResult] {
        let now = clock.now()
        return commit { tables in ids.map { tables.edit($0, edit, at: now) } }
    }

    /// Deletes jobs that do not run; never throws.
    public func delete(_ ids: [JobID], evenLive: Bool) async throws(JobStoreError) -> [ChangeResult] {
        let now = clock.now()
        return commit { tables in
            let results = ids.map { tables.delete($0, evenLive: evenLive, at: now) }
            tables.settle(at: now)
            return results
        }
    }

    /// Tells workers what to do; never throws.
    public func direct(_ workers: [WorkerID], _ directive: WorkerDirective) async throws(JobStoreError) -> [Bool] {
        commit { tables in workers.map { tables.direct($0, directive) } }
    }

    /// Deletes finished jobs, those first that ended first; never throws.
    public func prune(_ policy: RetentionPolicy, limit: Int) async throws(JobStoreError) -> PruneReport {
        let now = clock.now()
        return commit { $0.prune(policy, limit: limit, at: now) }
    }
}

extension ModelStore: QueueControl {
    /// Changes what stands for a queue or kind.
    public func change(_ scope: LimitScope, _ changes: [SettingChange]) async throws(JobStoreError) {
        for change in changes {
            if let problem = SettingRules.problem(with: change, of: scope) { throw .refused(reason: problem) }
        }
        let now = clock.now()
        commit { $0.change(scope, changes, at: now) }
    }

    /// What stands for every queue and kind; never throws.
    public func settings() async throws(JobStoreError) -> [QueueSettings] { read { $0.settings } }
}

extension ModelStore: JobInspection {
    /// One page of jobs; never throws.
    public func jobs(matching selector: JobSelector, before cursor: JobID?, limit: Int) async throws(JobStoreError) -> JobPage {
        read { $0.page(matching: selector, before: cursor, limit: limit) }
    }

    /// Everything about one job; never throws.
    public func job(_ id: JobID) async throws(JobStoreError) -> JobDetail? {
        read { $0.jobs[id]?.detail }
    }

    /// Where the jobs stand; never throws.
    public func states(of ids: [JobID]) async throws(JobStoreError) -> [JobState?] {
        read { tables in ids.map { tables.jobs[$0]?.state } }
    }

    /// The jobs that `text` may mean; never throws.
    public func jobs(meantBy text: String) async throws(JobStoreError) -> [JobID] {
        read { $0.jobs(meantBy: text) }
    }

    /// A job and its descendants; never throws.
    public func tree(rootedAt root: JobID, limit: Int) async throws(JobStoreError) -> JobTree {
        read { $0.tree(rootedAt: root, limit: limit) }
    }

    /// What a worker holds; never throws.
    public func executions(heldBy worker: WorkerID) async throws(JobStoreError) -> [ExecutionID] {
        read { $0.held(by: worker).sorted() }
    }

    /// Counts of everything; never throws.
    public func stats() async throws(JobStoreError) -> StoreStats {
        let moment = moment
        return read { $0.stats(at: moment) }
    }

    /// What was counted; never throws.
    public func metrics() async throws(JobStoreError) -> StoreMetrics { read { $0.metrics } }
}

extension ModelStore: EventStore {
    /// A page of the stream; never throws.
    public func events(after cursor: EventCursor?, limit: Int) async throws(JobStoreError) -> EventPage {
        read { $0.events(after: cursor, limit: limit) }
    }
}
