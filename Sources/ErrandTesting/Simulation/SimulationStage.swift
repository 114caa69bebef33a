// One simulation under way: takes event after event from the agenda, and lets it happen.

import Errand
import ErrandContext

/// The world of one simulation: machine, processes, witness, and what is going to happen.
struct SimulationStage {
    /// What is going to happen, and to whom.
    enum Happening {
        case enqueue
        case operate
        case fault
        case start
        case resume(process: Int)
        case orphanEnds(ExecutionID)
        case process(Int, Simulation.Event)
    }

    let simulation: Simulation
    let machine: any SimulatedMachine
    let crashes = ModelCrashLedger()
    let doorbell = ModelDoorbell()
    let logs: ModelLogStore
    var generator: SeededGenerator
    var agenda = Agenda<Happening>()
    var witness = Witness(convictionLimit: SimulationStage.convictionLimit, suspectThreshold: SimulationStage.suspectThreshold)
    var log = SimulationLog()
    var workers: [SimulatedWorker] = []
    var client: (any SimulatedProcess)?
    /// Jobs whose enqueuer does not know whether they were taken in, and tries again.
    var unanswered: [NewJob] = []
    var keys = 0
    var isStormy = true
    var storeFailsUntil = Duration.zero

    static let convictionLimit = 3
    static let suspectThreshold = 3
    static let processes = 3
    /// How many events the calm after a storm may take.
    static let calm = 20_000

    init(_ simulation: Simulation, machine: any SimulatedMachine) {
        self.simulation = simulation
        self.machine = machine
        logs = ModelLogStore(doorbell: doorbell)
        generator = SeededGenerator(seed: simulation.seed)
    }

    var now: Duration { machine.clock.uptime() }
    var moment: WorkerState.Moment { WorkerState.Moment(uptime: now, wall: machine.clock.now()) }

    // MARK: Chance

    mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < probability }

    mutating func between(_ low: Duration, _ high: Duration) -> Duration {
        .microseconds(Int64.random(in: low.wholeMicroseconds...high.wholeMicroseconds, using: &generator))
    }

    /// How long a message takes: mostly next to nothing, sometimes longer than a lease.
    mutating func latency(of lease: Duration) -> Duration {
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<85: between(.zero, .milliseconds(5))
        case ..<97 where isStormy: between(.milliseconds(5), .milliseconds(300))
        case 97... where isStormy: between(.zero, lease * 2)
        default: between(.zero, .milliseconds(20))
        }
    }

    mutating func enter(_ happening: Happening, in duration: Duration) { agenda.enter(happening, at: now + max(duration, .zero)) }

    // MARK: The play

    mutating func play() async -> SimulationReport {
        var steps = 0
        do {
            client = try await machine.start()
            try await setPeriodic()
            for _ in 0..<SimulationStage.processes { enter(.start, in: between(.zero, .seconds(1))) }
            enter(.enqueue, in: .zero)
            enter(.operate, in: .seconds(1))
            enter(.fault, in: .seconds(1))
            while steps < simulation.steps, witness.violations.isEmpty { steps += try await step() }
            try await calmDown()
            while witness.violations.isEmpty, try await hasWork() {
                for _ in 0..<100 where witness.violations.isEmpty { steps += try await step() }
                // Deaths may halt sequences in the calm as well.
                try await resumeSequences()
                if steps > simulation.steps + SimulationStage.calm { break }
            }
            if witness.violations.isEmpty { try await compareAll() }
        } catch {
            witness.broken("\(error)")
        }
        for index in workers.indices where workers[index].isAlive { await kill(index) }
        await client?.kill()
        return SimulationReport(
            seed: simulation.seed, steps: steps, violations: witness.violations, counts: log.counts,
            history: witness.violations.isEmpty ? [] : Array(log.lines.suffix(SimulationLog.limit)), fingerprint: log.fingerprint)
    }

    private mutating func step() async throws -> Int {
        guard let (time, happening) = agenda.next() else { return 1 }
        machine.clock.advance(by: max(time - now, .zero))
        witness.note(wall: machine.clock.now())
        defer { witness.note(wall: machine.clock.now()) }
        switch happening {
        case .enqueue:
            guard isStormy else { break }
            try await enqueue()
            enter(.enqueue, in: between(.zero, .seconds(2)))
        case .operate:
            guard isStormy else { break }
            try await operate()
            enter(.operate, in: between(.zero, .seconds(4)))
        case .fault:
            guard isStormy else { break }
            await fault()
            enter(.fault, in: between(.milliseconds(100), .seconds(5)))
        case .start: try await start()
        case .resume(let process): resume(process)
        case .orphanEnds(let execution): witness.executions[execution]?.isLive = false
        case .process(let process, let event): try await happen(event, to: process)
        }
        return 1
    }

    /// The end of all trouble: everybody goes on, and whatever was put off is due.
    private mutating func calmDown() async throws {
        isStormy = false
        storeFailsUntil = .zero
        machine.clock.jumpWall(by: .seconds(86_400))
        for process in workers.indices { resume(process) }
        if !workers.contains(where: { $0.isAlive && $0.toldToLeaveAt == nil && !$0.isStopping }) { enter(.start, in: .zero) }
        try await lift()
    }

    /// Whether an acknowledged job has not come to its end.
    private func hasWork() async throws -> Bool {
        guard let client else { return false }
        let ids = witness.jobs.filter { !$0.isDeleted }.map(\.id)
        return try await client.store.inspection.states(of: ids).contains { $0?.isFinal != true }
    }

    private mutating func compareAll() async throws {
        guard let client else { return }
        try await learnEnds()
        for id in witness.numbers.keys.sorted() { witness.compare(id, with: try await client.store.inspection.job(id)) }
    }

    // MARK: Clients and operators

    private mutating func enqueue() async throws {
        guard let client else { return }
        var inputs: [NewJob] = []
        if let again = unanswered.popLast() {
            inputs = [again]
        } else {
            for _ in 0..<Int.random(in: 1...2, using: &generator) { inputs.append(newJob()) }
        }
        try await learnEnds()
        let results = try await client.store.jobs.enqueue(inputs)
        let isAnswered = !isStormy || chance(0.95)
        if !isAnswered { unanswered += inputs.filter { $0.key != nil } }
        witness.didEnqueue(inputs, results, isAcknowledged: isAnswered)
        log.write("enqueued \(results.map { witness.name($0.id) })\(isAnswered ? "" : ", unanswered")", at: now)
        log.count("enqueued")
        for input in inputs where !input.after.isEmpty { log.count("dependents") }
        ring()
    }

    private mutating func newJob() -> NewJob {
        let kind: Simulation.Kind = chance(0.03) ? .trap : chance(0.02) ? .hog : chance(0.3) ? .command : .swift
        var job = NewJob(kind: kind.rawValue, payload: Array("{}".utf8))
        job.queue = chance(0.5) ? "a" : "b"
        job.priority = Int.random(in: -1...1, using: &generator)
        job.maxAttempts = Int.random(in: 1...3, using: &generator)
        if chance(0.2) { job.runAt = machine.clock.now() + between(.zero, .seconds(10)) }
        if chance(0.3) {
            keys += 1
            job.key = "key \(keys)"
        }
        job.terms = terms(of: job)
        if case .debounce = job.terms.uniqueness?.onConflict { job.runAt = nil }
        job.after = dependencies()
        // Who waits for others takes nobody's place, and joins its sequence when it is released.
        if !job.after.isEmpty { (job.terms.uniqueness, job.terms.sequence) = (nil, nil) }
        return job
    }

    private mutating func operate() async throws {
        if chance(0.3) { return try await direct() }
        guard let client, let job = witness.jobs.indices.filter({ !witness.jobs[$0].isDeleted }).randomElement(using: &generator) else {
            return
        }
        try await learnEnds()
        let id = witness.jobs[job].id
        if chance(0.4) { return try await change(job) }
        if chance(0.5) {
            let result = try await client.store.control.cancel([id], reason: nil)[0]
            log.write("cancel \(witness.name(id)): \(shown(result))", at: now)
            switch result {
            case .cancelled: (witness.jobs[job].final, witness.jobs[job].isSuspect) = (.cancelled, false)
            case .requested(let execution):
                if witness.jobs[job].holder != execution { witness.broken("\(witness.name(execution)) is to end, and is not held") }
                witness.jobs[job].wish = true
                ring(wantsAttention: true)
            case .finished(let state):
                if witness.jobs[job].final != state { witness.broken("\(witness.name(id)) is \(state) all of a sudden") }
            case .notFound: witness.broken("\(witness.name(id)) is gone")
            }
        } else {
            let isFull = chance(0.5)
            guard try await client.store.control.retry([id], resettingAttempts: isFull) == [.retried] else { return }
            log.write("retry \(witness.name(id))", at: now)
            log.count("retried")
            if witness.jobs[job].final == .completed { witness.broken("\(witness.name(id)) was retried after it had completed") }
            witness.didRetry(id)
            if isFull { (witness.jobs[job].attempts, witness.jobs[job].crashes) = (0, 0) }
            witness.jobs[job].maxAttempts = max(witness.jobs[job].maxAttempts, witness.jobs[job].attempts + 1)
            ring()
        }
    }

    private func shown(_ result: CancelResult) -> String {
        if case .requested(let execution) = result { "requested of \(witness.name(execution))" } else { "\(result)" }
    }

    /// Rings at every worker; now and then a bell is not heard.
    mutating func ring(wantsAttention: Bool = false) {
        for process in workers.indices where workers[process].isAlive && chance(0.9) {
            enter(.process(process, .rang(wantsAttention: wantsAttention)), in: between(.zero, .milliseconds(5)))
        }
    }
}
