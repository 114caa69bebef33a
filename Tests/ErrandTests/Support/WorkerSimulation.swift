// A worker's state machine against a small store that fails, rescues and cancels by chance: same seed, same run.

import Errand
import ErrandContext
import ErrandTesting

/// One random run from the first event to the last, with the rules checked at every step.
struct WorkerSimulation {
    /// A way to break the machine, to show that the rules notice.
    enum Mutation: CaseIterable {
        /// Loses reports on the way to the store.
        case dropsReport
        /// Sends an accepted report again.
        case repeatsReport
        /// Believes that it has a slot more than it has.
        case overfillsSlots
        /// Runs a claim that comes during a shutdown, and forgets about it.
        case losesLateClaim
        /// Does not hear that its lease is lost.
        case deafToRescue
        /// Believes that a step that failed has done nothing.
        case neverInDoubt
    }

    private enum JobPlace: Equatable {
        case available
        case running(ExecutionID, WorkerID)
        case done
    }

    private var generator: SeededGenerator
    private let mutation: Mutation?
    private var state: WorkerState
    private var now = WorkerState.Moment(uptime: .seconds(1000), wall: Timestamp(microseconds: 1_000_000_000_000))

    private let concurrency: Int
    private let caps: [String: Int]

    // The store
    private var jobs: [(queue: String, ordinal: Int64, place: JobPlace)] = []
    private var registered: WorkerID?
    private var lastWorker: Int64 = 0
    private var wishes: Set<ExecutionID> = []
    private var acceptedReports: Set<ExecutionID> = []
    private var isStoreUp = true
    /// Whether the worker's last step failed as far as it can tell.
    private var isInDoubt = false
    /// What a lost reply has given out.
    private var unheardOf: Set<ExecutionID> = []

    // The shell
    private var request: ExchangeRequest?
    private var isJoining = false
    private var wakeAt: Duration?
    private var handlers: [ExecutionID: (queue: String, isCancelled: Bool, ignoresCancel: Bool)] = [:]
    private var abandoned: Set<ExecutionID> = []
    /// Stuck handlers that run beside the slots.
    private var freed: Set<ExecutionID> = []
    private(set) var end: Worker.End?

    /// What rules were broken, in order; empty when none were.
    private(set) var violations: [String] = []
    /// What happened how often, to see that a run meets trouble at all.
    private(set) var counts: [String: Int] = [:]

    init(seed: UInt64, mutation: Mutation? = nil) {
        generator = SeededGenerator(seed: seed)
        self.mutation = mutation
        concurrency = Int.random(in: 1...6, using: &generator)
        caps = ["a": Int.random(in: 1...3, using: &generator), "b": Int.random(in: 1...6, using: &generator)]
        state = WorkerState(
            settings: .init(
                concurrency: concurrency + (mutation == .overfillsSlots ? 1 : 0),
                queues: caps.sorted { $0.key < $1.key }.map {
                    .init(queue: $0.key, limit: $0.value + (mutation == .overfillsSlots ? 1 : 0))
                },
                kinds: ["k"], lease: .seconds(30), grace: .seconds(5)))
    }

    /// Runs `steps` random steps, then drains and goes on until the machine has finished.
    mutating func run(steps: Int) {
        tell(.rang(wantsAttention: false))
        for _ in 0..<steps where end == nil { step() }
        // Enough time for grace, cancellation and a store that comes back; the machine must finish by itself.
        if chance(0.8) { isStoreUp = true }
        tell(chance(0.7) ? .drainRequested : .cancelRequested)
        for _ in 0..<2000 where end == nil { step(isEnding: true) }
        guard let end else { return broken("the machine did not finish after a shutdown") }
        checkEnd(end)
    }

    // MARK: Chance

    private mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < probability }

    private mutating func step(isEnding: Bool = false) {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<20:
            jobs.append((chance(0.5) ? "a" : "b", 0, .available))
            if chance(0.9) { tell(.rang(wantsAttention: false)) }
        case 20..<45: if request != nil { answerExchange() } else if isJoining { answerJoin() }
        case 45..<65: endSomeHandler()
        case 65..<80: passTime()
        case 80..<84: if !isEnding { isStoreUp = chance(0.8) }
        case 84..<88: if !isEnding || chance(0.1) { rescue() }
        case 88..<94: wishForCancel()
        case 94..<97: tell(.rang(wantsAttention: chance(0.5)))
        default: if request != nil { chance(0.5) ? failExchange() : loseReply() }
        }
    }

    private mutating func passTime() {
        let toWake = wakeAt.map { $0 - now.uptime } ?? .seconds(1)
        let duration = max(chance(0.5) ? toWake : .milliseconds(Int.random(in: 1...3000, using: &generator)), .zero)
        now.uptime += duration
        now.wall = now.wall + duration
        if let wakeAt, wakeAt <= now.uptime {
            self.wakeAt = nil
            tell(.woke)
        }
    }

    private mutating func endSomeHandler() {
        let candidates = handlers.keys.sorted().filter { handlers[$0]?.isCancelled == false || handlers[$0]?.ignoresCancel == false }
        guard let execution = candidates.randomElement(using: &generator) else { return }
        handlers[execution] = nil
        let next: NextStep = chance(0.7) ? .complete : .giveBack
        let outcome: Outcome = next == .complete ? .completed : .interrupted
        tell(.ended(ExecutionReport(execution: execution, outcome: outcome, next: next, finishedAt: now.wall)))
    }

    private mutating func wishForCancel() {
        let running = jobs.compactMap { if case .running(let execution, _) = $0.place { execution } else { nil } }
        guard let execution = running.randomElement(using: &generator) else { return }
        wishes.insert(execution)
        tell(.rang(wantsAttention: true))
    }

    // MARK: The store

    private mutating func rescue() {
        guard let worker = registered else { return }
        count("rescues")
        registered = nil
        for index in jobs.indices {
            if case .running(_, worker) = jobs[index].place { jobs[index].place = .available }
        }
    }

    private mutating func answerJoin() {
        isJoining = false
        guard isStoreUp else { return tell(.joinFailed(.unavailable(reason: "down"))) }
        lastWorker += 1
        registered = WorkerID(rawValue: lastWorker)
        tell(.joined(WorkerID(rawValue: lastWorker)))
    }

    private mutating func failExchange() {
        request = nil
        isInDoubt = true
        count("failures")
        tell(.exchangeFailed(.unavailable(reason: "by chance")))
    }

    /// The step is committed, and an error is all that the worker gets.
    private mutating func loseReply() {
        guard let request, isStoreUp else { return failExchange() }
        self.request = nil
        isInDoubt = true
        count("replies lost")
        unheardOf.formUnion(perform(request).claimed.map(\.execution))
        tell(.exchangeFailed(.unavailable(reason: "after the commit")))
    }

    /// What the store makes of a step.
    private mutating func perform(_ request: ExchangeRequest) -> ExchangeReply {
        var reply = ExchangeReply(isRegistered: request.worker == registered)
        reply.results = request.reports.map { record($0, by: request.worker, inDoubt: request.held != nil) }
        if reply.isRegistered, let held = request.held {
            for index in jobs.indices {
                if case .running(let execution, request.worker) = jobs[index].place, !held.contains(execution) {
                    count("given back in doubt")
                    jobs[index].place = .available
                }
            }
        }
        if reply.isRegistered, let claim = request.claim { reply.claimed = take(claim, for: request.worker) }
        return reply
    }

    private mutating func answerExchange() {
        guard let request else { return }
        guard isStoreUp else { return failExchange() }
        self.request = nil
        isInDoubt = false
        var reply = perform(request)
        if reply.isRegistered {
            let held = jobs.compactMap { if case .running(let execution, request.worker) = $0.place { execution } else { nil } }
            reply.cancellations = held.filter(wishes.contains).map { .init(execution: $0, reason: nil) }
        }
        let lost = !reply.isRegistered ? Set(handlers.keys) : []
        if mutation == .deafToRescue { reply.isRegistered = true }
        if mutation == .losesLateClaim, isShuttingDown { reply.claimed = [] }
        tell(.exchanged(reply))
        for execution in lost.sorted() where handlers[execution]?.isCancelled == false {
            broken("\(execution) lost its lease and was not told to stop")
        }
    }

    private var isShuttingDown = false

    private mutating func record(_ report: ExecutionReport, by worker: WorkerID, inDoubt: Bool) -> ReportResult {
        if inDoubt, acceptedReports.contains(report.execution) { return .accepted }
        if acceptedReports.contains(report.execution) { broken("\(report.execution) was reported again after it was accepted") }
        let index = Int(report.execution.job.rawValue)
        guard case .running(report.execution, worker) = jobs[index].place else {
            count("refused")
            return .leaseLost
        }
        acceptedReports.insert(report.execution)
        count("accepted")
        jobs[index].place = report.next == .giveBack ? .available : .done
        return .accepted
    }

    private mutating func take(_ claim: ClaimRequest, for worker: WorkerID) -> [ClaimedJob] {
        var claimed: [ClaimedJob] = []
        for share in claim.queues {
            var room = min(share.limit, claim.limit - claimed.count)
            for index in jobs.indices where room > 0 && jobs[index].queue == share.queue && jobs[index].place == .available {
                jobs[index].ordinal += 1
                let execution = ExecutionID(JobID(rawValue: Int64(index)), jobs[index].ordinal)
                jobs[index].place = .running(execution, worker)
                claimed.append(claimedJob(Int64(index), queue: share.queue, ordinal: jobs[index].ordinal))
                room -= 1
            }
        }
        return claimed
    }

    // MARK: The shell

    private mutating func tell(_ event: WorkerState.Event) {
        guard end == nil else { return }
        switch event {
        case .drainRequested, .cancelRequested: isShuttingDown = true
        default: break
        }
        let actions = state.handle(event, at: now)
        for action in actions { perform(action) }
        if actions.contains(where: { if case .wake(let time) = $0 { time <= now.uptime } else { false } }), request != nil || isJoining {
            broken("woken in circles while a call is under way")
        }
    }

    private mutating func perform(_ action: WorkerState.Action) {
        switch action {
        case .join:
            if isJoining { broken("joined twice at a time") }
            isJoining = true
        case .exchange(var sent):
            if request != nil || isJoining { broken("two calls at a time") }
            if sent.reports.isEmpty { count("exchanges without reports") }
            if mutation == .dropsReport { sent.reports.removeAll { _ in chance(0.3) } }
            if mutation == .neverInDoubt { sent.held = nil }
            if mutation == .repeatsReport, let old = acceptedReports.sorted().first {
                sent.reports.append(ExecutionReport(execution: old, outcome: .completed, next: .complete, finishedAt: now.wall))
            }
            request = sent
        case .start(let job): start(job)
        case .cancel(let execution, _):
            count("cancelled")
            guard handlers[execution] != nil else { return broken("\(execution) was cancelled and does not run") }
            handlers[execution]?.isCancelled = true
        case .wake(let time): wakeAt = time
        case .note(.abandoned(let execution)):
            count("abandoned")
            handlers[execution] = nil
            abandoned.insert(execution)
        case .note(.stuck(let execution, let isSlotFree)):
            count("stuck")
            if handlers[execution]?.isCancelled != true { broken("\(execution) is stuck and was not told to stop") }
            if isSlotFree { freed.insert(execution) }
            if freed.count(where: { handlers[$0] != nil }) > concurrency { broken("more slots were freed than there are") }
        case .note: break
        case .finish(let how): end = how
        }
    }

    private mutating func start(_ job: ClaimedJob) {
        count("started")
        if isShuttingDown { broken("\(job.execution) was started during a shutdown") }
        if handlers[job.execution] != nil { broken("\(job.execution) was started twice") }
        if handlers.keys.contains(where: { $0.job == job.execution.job && handlers[$0]?.isCancelled == false }) {
            broken("two executions of \(job.execution.job) run, and the older was not told to stop")
        }
        handlers[job.execution] = (job.queue, false, chance(0.05))
        let occupied = handlers.filter { !freed.contains($0.key) }
        if occupied.count > concurrency { broken("\(occupied.count) executions in \(concurrency) slots") }
        for (queue, cap) in caps {
            let running = occupied.values.count { $0.queue == queue }
            if running > cap { broken("\(running) executions of queue \(queue), whose cap is \(cap)") }
        }
    }

    // MARK: The rules at the end

    private mutating func checkEnd(_ end: Worker.End) {
        let running = jobs.compactMap { if case .running(let execution, registered) = $0.place { execution } else { nil } }
        // In doubt it has waited as long as it may; what it never heard of is rescued.
        let held = running.filter { !isInDoubt || !unheardOf.contains($0) }
        switch end {
        case .storeDamaged: broken("the worker took a store for damaged that is not")
        case .drained:
            if !held.isEmpty { broken("the worker left drained although \(held) are running in its name") }
            if !handlers.isEmpty { broken("the worker left although \(handlers.keys.sorted()) run") }
        case .outOfRoom: broken("the worker saw a full disk, and the model has none")
        case .outcomesUnwritten(let unwritten):
            count("left with unwritten outcomes")
            if held.count > unwritten { broken("\(held.count) executions are unwritten, and only \(unwritten) were admitted") }
        }
    }

    private mutating func broken(_ rule: String) { violations.append(rule) }

    private mutating func count(_ what: String) { counts[what, default: 0] += 1 }
}
