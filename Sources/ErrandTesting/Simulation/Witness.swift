// What really happened in a simulation, whatever the store believes: each commit is told here, and compared with the promises.

import Errand
import ErrandContext

/// Sees every commit in its order, and everything that runs. It keeps books of its own, by boot clock and by who really lives, and
/// notes whatever contradicts them.
struct Witness {
    /// One job, as it must stand.
    struct Job {
        var id: JobID
        var number: Int
        var input: NewJob
        /// Whether its enqueuer was told.
        var isAcknowledged: Bool
        var maxAttempts: Int
        /// Attempts that counted.
        var attempts = 0
        var crashes = 0
        /// At how many deaths in a row it was in flight, nobody known to have done it.
        var deaths = 0
        var isSuspect = false
        /// Every execution that was ever handed out, with what was recorded of it.
        var history: [(execution: ExecutionID, outcome: Outcome?)] = []
        /// The execution that a worker holds now.
        var holder: ExecutionID?
        var wish: Bool = false
        var final: JobState?
        var reason: String?
        var isDeleted = false
        /// Whether its place in its sequence is no longer that of its number: it came late, or again.
        var isOutOfTurn = false
        /// What it was to wait for when it was added.
        var after: [JobID: DependencyPolicy] = [:]
        /// What of that has not ended.
        var waitsFor: [JobID: DependencyPolicy] = [:]
        /// Whether something of that has failed, so that it will be cancelled.
        var isDoomed = false
        /// Whether those that wait for it have been told of its end.
        var isTold = false
    }

    /// One execution, as it really goes.
    struct Execution {
        var worker: WorkerID
        /// Whether its process knows of it: the answer to a claim may get lost.
        var isKnown = false
        /// Whether its code runs, in a process that lives or as an orphan.
        var isLive = false
        /// Whether a child process does its work, which outlives its worker.
        var isCommand = false
        /// Whether its code took its process down and left a crash file.
        var hasCrashed = false
        /// Whether the promise "never two at once" is over for it, since its worker lost its lease or left it behind.
        var isExcused = false
    }

    /// One registration of a worker.
    struct Member {
        var number: Int
        var process: Int
        var lease: Duration
        /// Whether its process knows of it: the answer to a join may get lost.
        var isKnown = true
        var isRegistered = true
        var hasLeft = false
        /// Whom its crash file names.
        var culprit: ExecutionID?
        /// When its last renewal was committed.
        var renewedAt: Duration
        /// Before this moment it must not judge others by time, since it was late itself.
        var watchesFrom: Duration
    }

    /// One process.
    struct Process {
        var isAlive = true
        /// Since when it could do something; `nil` while it is stopped, or waits for the store.
        var freeSince: Duration?
        /// When it could have done something, since it last renewed.
        var free: [ClosedRange<Duration>] = []
    }

    var jobs: [Job] = []
    var numbers: [JobID: Int] = [:]
    var executions: [ExecutionID: Execution] = [:]
    var members: [WorkerID: Member] = [:]
    var processes: [Process] = []
    var rules = Rules()
    /// Who was told of slots.
    var leader: WorkerID?
    /// The latest slot of each periodic job that was fired.
    var firedUpTo: [String: Timestamp] = [:]
    /// How many jobs were cancelled for what they waited for.
    var cascades = 0
    /// The latest that the wall clock ever was.
    var latestWall = Timestamp(microseconds: 0)
    let convictionLimit: Int
    let suspectThreshold: Int

    private(set) var violations: [String] = []

    init(convictionLimit: Int, suspectThreshold: Int) {
        self.convictionLimit = convictionLimit
        self.suspectThreshold = suspectThreshold
    }

    /// How long a process that is free may take until its renewal is under way.
    static let slack = Duration.milliseconds(100)

    mutating func broken(_ rule: String) { violations.append(rule) }

    // MARK: Names that are the same on every store

    func name(_ id: JobID) -> String { numbers[id].map { "job \($0)" } ?? "an unknown job" }

    func name(_ execution: ExecutionID) -> String {
        "\(name(execution.job)) (claim \((self[execution.job].history.firstIndex { $0.execution == execution } ?? -1) + 1))"
    }

    func name(_ worker: WorkerID) -> String {
        members[worker].map { "worker \($0.number) of process \($0.process)" } ?? "an unknown worker"
    }

    subscript(id: JobID) -> Job {
        get {
            numbers[id].map { jobs[$0] }
                ?? Job(id: id, number: -1, input: NewJob(kind: "", payload: []), isAcknowledged: false, maxAttempts: 0)
        }
        set { if let number = numbers[id] { jobs[number] = newValue } }
    }

    /// The executions that `worker` holds by the books, in a fixed order.
    func held(by worker: WorkerID) -> [ExecutionID] {
        jobs.compactMap(\.holder).filter { executions[$0]?.worker == worker }
    }

    // MARK: Who could do what

    /// Notes whether a process can do something from now on.
    mutating func note(process: Int, isFree: Bool, at now: Duration) {
        if isFree {
            if processes[process].freeSince == nil { processes[process].freeSince = now }
        } else if let since = processes[process].freeSince {
            processes[process].free.append(since...max(since, now))
            processes[process].freeSince = nil
        }
    }

    /// Whether a worker had the time to renew between a third of its lease and its end, and did not.
    func neglected(_ member: Member, at now: Duration) -> Bool {
        let process = processes[member.process]
        let due = member.renewedAt + member.lease / 3
        let end = member.renewedAt + member.lease
        let free = process.free + (process.freeSince.map { [$0...max($0, now)] } ?? [])
        return free.contains { min($0.upperBound, end) - max($0.lowerBound, due) > Witness.slack }
    }

    // MARK: Commits

    mutating func didEnqueue(_ inputs: [NewJob], _ results: [EnqueueResult], isAcknowledged: Bool) {
        for (input, result) in zip(inputs, results) {
            switch result {
            case .added(let id):
                if numbers[id] != nil { broken("two jobs have the ID of \(name(id))") }
                numbers[id] = jobs.count
                var job = Job(id: id, number: jobs.count, input: input, isAcknowledged: isAcknowledged, maxAttempts: input.maxAttempts)
                (job.waitsFor, job.isDoomed) = waits(of: input)
                for dependency in input.after {
                    if case .job(let other) = dependency.prerequisite { job.after[other] = dependency.ifFailed }
                }
                jobs.append(job)
                checkKey(ofAdded: id)
            case .existing(let id):
                if self[id].input.key == nil || self[id].input.key != input.key { broken("a key was taken for that of \(name(id))") }
                if isAcknowledged { self[id].isAcknowledged = true }
            case .conflict(let id): broken("the same job with the same key contradicts \(name(id))")
            case .unique(let id): didRefuse(input, becauseOf: id)
            case .replaced(let id), .debounced(let id): didReplace(id, by: input, isAcknowledged: isAcknowledged)
            }
        }
    }

    mutating func didJoin(_ worker: WorkerID, process: Int, lease: Duration, at now: Duration) {
        if members[worker] != nil { broken("a worker got the ID of \(name(worker))") }
        members[worker] = Member(number: members.count, process: process, lease: lease, renewedAt: now, watchesFrom: now)
        renewed(worker, at: now)
    }

    private mutating func renewed(_ worker: WorkerID, at now: Duration) {
        guard var member = members[worker] else { return }
        if now - member.renewedAt > member.lease * 2 / 3 { member.watchesFrom = now + member.lease / 2 }
        member.renewedAt = now
        members[worker] = member
        // What came before the renewal has been made good.
        processes[member.process].free = []
        if processes[member.process].freeSince != nil { processes[member.process].freeSince = now }
    }

    /// The first half of an exchange: what the worker reported. The other half is ``didClaim(_:for:)``.
    mutating func didReport(_ request: ExchangeRequest, _ reply: ExchangeReply, at now: Duration, wall: Timestamp) {
        let worker = request.worker
        let isRegistered = members[worker]?.isRegistered ?? false
        if reply.isRegistered != isRegistered {
            broken("\(name(worker)) was told that it is \(reply.isRegistered ? "" : "not ")registered, and that is not so")
        }
        if isRegistered { renewed(worker, at: now) }
        if reply.results.count != request.reports.count { broken("\(reply.results.count) results for \(request.reports.count) reports") }
        for (report, result) in zip(request.reports, reply.results) {
            did(report, result, by: worker, isRegistered: isRegistered, isInDoubt: request.held != nil)
        }
        if isRegistered, let known = request.held { giveBackUnknown(to: worker, beside: known, wall: wall) }
    }

    /// The second half: what it was given.
    mutating func didClaim(_ reply: ExchangeReply, for request: ExchangeRequest) {
        let worker = request.worker
        if members[worker]?.isRegistered != true, !reply.claimed.isEmpty {
            broken("\(name(worker)) got jobs although it is not registered")
        }
        for job in reply.claimed { didClaim(job, by: worker, for: request.claim) }
        checkSuspects(reply.claimed, of: worker)
    }

    private mutating func did(_ report: ExecutionReport, _ result: ReportResult, by worker: WorkerID, isRegistered: Bool, isInDoubt: Bool) {
        let execution = report.execution
        let isHeld = isRegistered && self[execution.job].holder == execution && executions[execution]?.worker == worker
        // Its answer was lost, and it reports again: what is on record so is no news, and no refusal.
        let isRepeated =
            isInDoubt && executions[execution]?.worker == worker
            && self[execution.job].history.contains { $0.execution == execution && $0.outcome == report.outcome }
        let mustAccept = isHeld || isRepeated
        guard mustAccept == (result == .accepted) else {
            return broken(
                mustAccept
                    ? "the outcome of \(name(execution)) was refused although \(name(worker)) holds it"
                    : "an outcome of \(name(execution)) was accepted although \(name(worker)) does not hold it")
        }
        guard isHeld else { return }
        if let running = executions[execution], running.isLive, !running.isExcused {
            broken("\(name(execution)) runs on although its outcome was accepted")
        }
        end(execution, report.outcome, next: report.next, wall: report.finishedAt)
    }

    /// After an answer that was lost the worker says what it holds: the rest was claimed for it, and never began.
    private mutating func giveBackUnknown(to worker: WorkerID, beside known: [ExecutionID], wall: Timestamp) {
        for execution in held(by: worker) where !known.contains(execution) {
            if executions[execution]?.isLive == true { broken("\(name(execution)) was given back, and runs") }
            end(execution, .interrupted, next: .giveBack, wall: wall)
        }
    }

    private mutating func didClaim(_ claimed: ClaimedJob, by worker: WorkerID, for claim: ClaimRequest?) {
        let execution = claimed.execution
        guard numbers[execution.job] != nil else { return broken("an unknown job was handed out") }
        var job = self[execution.job]
        if let holder = job.holder { broken("\(name(execution.job)) was handed out although \(name(holder)) is held") }
        if let final = job.final { broken("\(name(execution.job)) was handed out although it is \(final)") }
        if let last = job.history.last?.execution.ordinal, last >= execution.ordinal {
            broken("\(name(execution.job)) was handed out with the lease token \(execution.ordinal), after \(last)")
        }
        if claimed.attempt != job.attempts + 1 || claimed.crashes != job.crashes {
            broken(
                "\(name(execution.job)) starts attempt \(claimed.attempt) with \(claimed.crashes) crashes: \(job.attempts) attempts and \(job.crashes) crashes count"
            )
        }
        if claimed.isSuspect != job.isSuspect {
            broken("\(name(execution.job)) is \(job.isSuspect ? "a" : "no") suspect, and its worker is told otherwise")
        }
        if claim?.kinds.contains(claimed.kind) != true || claim?.queues.contains(where: { $0.queue == claimed.queue }) != true {
            broken("\(name(execution.job)) was handed out to a worker that did not ask for such")
        }
        job.history.append((execution, nil))
        job.holder = execution
        self[execution.job] = job
        executions[execution] = Execution(worker: worker)
        checkTime(ofClaimed: claimed)
        checkTerms(ofClaimed: execution.job, by: worker)
        checkDependencies(ofClaimed: execution.job)
    }

    /// A suspect runs alone, and suspects one at a time.
    private mutating func checkSuspects(_ claimed: [ClaimedJob], of worker: WorkerID) {
        guard !claimed.isEmpty else { return }
        let held = held(by: worker).filter { self[$0.job].isSuspect }
        if !held.isEmpty, self.held(by: worker).count > 1 {
            broken("\(name(held[0])) is a suspect's, and \(name(worker)) runs others beside it")
        }
        if !held.isEmpty, jobs.count(where: { $0.isSuspect && $0.holder != nil }) > 1 { broken("two suspects run at a time") }
    }

    /// Books the one outcome of an execution.
    mutating func end(_ execution: ExecutionID, _ outcome: Outcome, next: NextStep, wall: Timestamp) {
        var job = self[execution.job]
        guard let place = job.history.firstIndex(where: { $0.execution == execution }) else { return broken("an unknown execution ended") }
        if let earlier = job.history[place].outcome { broken("\(name(execution)) ended twice: \(earlier), then \(outcome)") }
        job.history[place].outcome = outcome
        job.holder = nil
        if !outcome.isRefunded { job.attempts += 1 }
        if outcome == .crashed { job.crashes += 1 }
        let deadline = job.input.terms.deadline
        switch next.honouring(wish: job.wish ? .some(nil) : nil).honouring(deadline: deadline, at: wall) {
        case .complete: job.final = .completed
        case .cancel: job.final = .cancelled
        case .bury(let reason): (job.final, job.reason) = (.dead, reason)
        case .wait, .giveBack: break
        }
        if outcome.clearsSuspicion { job.deaths = 0 }
        if outcome.clearsSuspicion || job.final != nil { job.isSuspect = false }
        job.wish = false
        self[execution.job] = job
        noteDeath(of: job)
    }

    mutating func didLeave(_ worker: WorkerID) {
        members[worker]?.isRegistered = false
        members[worker]?.hasLeft = true
        let held = held(by: worker).filter { executions[$0]?.isKnown == true }
        if !held.isEmpty { broken("\(name(worker)) left, and holds \(held.map(name))") }
    }

    // MARK: Code that runs

    mutating func didStart(_ execution: ExecutionID, isCommand: Bool) {
        for (other, _) in self[execution.job].history where other != execution {
            guard let running = executions[other], running.isLive, !running.isExcused else { continue }
            broken("\(name(execution)) starts while \(name(other)) runs, whose worker has lost nothing")
        }
        if executions[execution]?.isLive == true { broken("\(name(execution)) was started twice") }
        executions[execution]?.isLive = true
        executions[execution]?.isCommand = isCommand
    }

    /// The process is gone, and with it all its code but its child processes.
    mutating func didDie(_ process: Int, at now: Duration) {
        processes[process].isAlive = false
        note(process: process, isFree: false, at: now)
        for job in jobs {
            for (execution, _) in job.history where members[executions[execution]?.worker ?? WorkerID(rawValue: 1)]?.process == process {
                if executions[execution]?.isCommand == false { executions[execution]?.isLive = false }
            }
        }
    }

    // MARK: The end

    /// Compares what the store has on record with the books.
    mutating func compare(_ id: JobID, with detail: JobDetail?) {
        let job = self[id]
        guard !job.isDeleted else { return }
        guard let detail else { return broken("\(name(id)) is gone") }
        let summary = detail.summary
        if job.isAcknowledged, !summary.state.isFinal { broken("\(name(id)) never came to its end: it is \(summary.state)") }
        if let final = job.final, summary.state != final { broken("\(name(id)) is \(summary.state), and ended \(final)") }
        let counted = summary.state == .running ? summary.attempt - 1 : summary.attempt
        if counted != job.attempts || summary.crashes != job.crashes {
            broken(
                "\(name(id)) has \(counted) attempts and \(summary.crashes) crashes on record, and \(job.attempts) and \(job.crashes) count"
            )
        }
        let wanted = job.history.map { "\($0.execution.ordinal) \($0.outcome?.rawValue ?? "running")" }
        let found = detail.executions.map { "\($0.execution.ordinal) \($0.outcome?.rawValue ?? "running")" }
        if wanted != found { broken("\(name(id)) has the executions \(found) on record, and had \(wanted)") }
        let completions = job.history.count { $0.outcome == .completed }
        if completions != (summary.state == .completed ? 1 : 0) {
            broken("\(name(id)) is \(summary.state) with \(completions) completions")
        }
        if summary.state == .dead { judge(job, summary) }
    }

    /// Whether a job deserved to die.
    private mutating func judge(_ job: Job, _ summary: JobSummary) {
        switch summary.reason {
        case "poison":
            // Each conviction was looked at when it came.
            let crashes = job.history.count { $0.outcome == .crashed }
            if crashes < convictionLimit { broken("job \(job.number) died of poison with \(crashes) crashes") }
        case "max_attempts":
            if job.attempts < job.maxAttempts { broken("job \(job.number) died after \(job.attempts) of \(job.maxAttempts) attempts") }
        case "deadline":
            if job.input.terms.deadline == nil { broken("job \(job.number) died of a deadline that it does not have") }
        case let reason: broken("job \(job.number) died of \(reason ?? "nothing")")
        }
    }
}
