// The shell of a simulated worker: performs what the real state machine decides, and tells it what came of it.

import Errand
import ErrandContext

extension SimulationStage {
    mutating func happen(_ event: Simulation.Event, to process: Int) async throws {
        guard workers[process].isAlive else { return }
        guard !workers[process].isStopped else { return workers[process].missed.append(event) }
        switch event {
        case .call: try await call(process)
        case .reply: await reply(process)
        case .wake(let time):
            guard workers[process].wakeAt == time else { return }
            workers[process].wakeAt = nil
            tell(process, .woke)
        case .rang(let wantsAttention): tell(process, .rang(wantsAttention: wantsAttention))
        case .ended(let execution): await end(execution, in: process)
        case .timedOut(let execution):
            if workers[process].handlers[execution] != nil { tell(process, .timedOut(execution, after: .seconds(1))) }
        case .readSlots: try await readSlots(process)
        case .fireSlots(let firings): try await fire(firings, from: process)
        case .look: await look(process)
        case .rescue: try await rescue(process)
        }
        if let since = workers[process].toldToLeaveAt, workers[process].isAlive, workers[process].call == nil, now - since > .seconds(60) {
            witness.broken("process \(process) was told to leave a minute ago, and does not")
        }
    }

    mutating func tell(_ process: Int, _ event: WorkerState.Event, at other: WorkerState.Moment? = nil) {
        guard workers[process].isAlive, workers[process].end == nil else { return }
        let actions = workers[process].state.handle(event, at: other ?? moment)
        for action in actions { perform(action, in: process) }
        let isWokenAgain = actions.contains { if case .wake(let time) = $0 { time <= now } else { false } }
        if case .woke = event { workers[process].circles = isWokenAgain ? workers[process].circles + 1 : 0 }
        if workers[process].circles > 2 {
            witness.broken("process \(process) is woken in circles")
        }
        witness.note(process: process, isFree: workers[process].isFree, at: now)
    }

    private mutating func perform(_ action: WorkerState.Action, in process: Int) {
        switch action {
        case .join: send(.join, from: process)
        case .exchange(let request): send(.exchange(mutated(request, of: process)), from: process)
        case .fire: enter(.process(process, .readSlots), in: latency(of: workers[process].lease))
        case .start(let job): start(job, in: process)
        case .cancel(let execution, let cause): cancel(execution, because: cause, in: process)
        case .wake(let time):
            workers[process].wakeAt = time
            enter(.process(process, .wake(time)), in: time - now + between(.zero, .milliseconds(5)))
        case .note(.abandoned(let execution)):
            log.count("abandoned")
            workers[process].handlers[execution] = nil
            witness.executions[execution]?.isExcused = true
        case .note(.stuck(let execution, let isSlotFree)):
            log.count("stuck")
            if workers[process].handlers[execution]?.cause == nil {
                witness.broken("\(witness.name(execution)) is stuck and was not told to stop")
            }
            if isSlotFree { workers[process].freed.insert(execution) }
        case .note(.leaseLost): log.count("outcomes refused")
        case .note: break
        case .finish(let end): finish(end, in: process)
        }
    }

    private mutating func send(_ call: SimulatedWorker.Call, from process: Int) {
        if workers[process].call != nil { witness.broken("process \(process) makes two calls at a time") }
        if case .exchange(let request) = call {
            for report in request.reports where workers[process].accepted.contains(where: { $0.execution == report.execution }) {
                witness.broken("\(witness.name(report.execution)) is reported again after it was accepted")
            }
        }
        workers[process].call = call
        workers[process].sentAt = now
        workers[process].isBackingOff = false
        enter(.process(process, .call), in: latency(of: workers[process].lease))
    }

    private mutating func mutated(_ request: ExchangeRequest, of process: Int) -> ExchangeRequest {
        var request = request
        switch simulation.mutation {
        case .dropsReport: request.reports.removeAll { _ in chance(0.3) }
        case .hidesWhatItHolds: request.held = nil
        case .repeatsReport: if let old = workers[process].accepted.last, chance(0.3) { request.reports.append(old) }
        default: break
        }
        return request
    }

    // MARK: The store

    /// The call under way reaches the store; then its answer is on the way, or a failure in its stead.
    private mutating func call(_ process: Int) async throws {
        guard let call = workers[process].call else { return }
        let lost = JobStoreError.unavailable(reason: "simulated")
        let reply: SimulatedWorker.Reply
        if now < storeFailsUntil || isStormy && chance(0.02) {
            log.count("failed calls")
            reply = .failed(lost)
        } else {
            let answer = try await performed(call, by: process)
            if isStormy, chance(0.02) {
                log.count("lost answers")
                log.write("the answer to process \(process) is lost", at: now)
                if case .joined(let worker) = answer { witness.members[worker]?.isKnown = false }
                reply = .failed(lost)
            } else {
                reply = answer
            }
        }
        workers[process].reply = reply
        enter(.process(process, .reply), in: latency(of: workers[process].lease))
    }

    private mutating func performed(_ call: SimulatedWorker.Call, by process: Int) async throws -> SimulatedWorker.Reply {
        let jobs = workers[process].process.store.jobs
        switch call {
        case .join:
            let worker = try await jobs.join(workers[process].description(at: machine.clock.now()))
            witness.didJoin(worker, process: process, lease: workers[process].lease, at: now)
            log.write("\(witness.name(worker)) joins", at: now)
            return .joined(worker)
        case .exchange(let request):
            let reply = try await jobs.exchange(request)
            witness.didOfferToLead(request, reply)
            witness.didReport(request, reply, at: now, wall: machine.clock.now())
            // A report may be followed by the end of its job's time, and that by the start of another, all in one exchange.
            if !reply.claimed.isEmpty { try await learnEnds() }
            witness.didClaim(reply, for: request)
            log.write(
                "\(witness.name(request.worker)) exchanges: \(request.reports.map { "\(witness.name($0.execution)) \($0.outcome)" }) → \(reply.results), claims \(reply.claimed.map { witness.name($0.execution) })\(reply.isRegistered ? "" : ", not registered")",
                at: now)
            log.count("exchanges")
            if reply.results.contains(.accepted) { ring() }
            return .exchanged(reply)
        case .leave:
            guard workers[process].isRegistered, let id = workers[process].id else { return .left }
            try await jobs.leave(id)
            witness.didLeave(id)
            log.write("\(witness.name(id)) leaves", at: now)
            return .left
        }
    }

    private mutating func reply(_ process: Int) async {
        guard let call = workers[process].call, let reply = workers[process].reply else { return }
        workers[process].call = nil
        workers[process].reply = nil
        switch (call, reply) {
        case (_, .left), (.leave, _):
            log.count("left")
            await kill(process)
        case (_, .joined(let worker)):
            workers[process].id = worker
            workers[process].isRegistered = true
            tell(process, .joined(worker))
        case (.exchange(let request), .exchanged(let answer)):
            workers[process].accepted += zip(request.reports, answer.results).filter { $1 == .accepted }.map(\.0)
            hear(answer, in: process)
        case (_, .exchanged): break
        case (.join, .failed(let error)):
            workers[process].isBackingOff = true
            tell(process, .joinFailed(error))
        case (.exchange(let request), .failed(let error)):
            workers[process].isBackingOff = true
            if simulation.mutation == .takesFailureForRefusal {
                tell(process, .exchanged(ExchangeReply(results: request.reports.map { _ in .leaseLost })))
            } else {
                tell(process, .exchangeFailed(error))
            }
        }
    }

    private mutating func hear(_ answer: ExchangeReply, in process: Int) {
        var answer = answer
        let lost = answer.isRegistered ? [] : workers[process].handlers.keys.sorted()
        if !answer.isRegistered {
            log.count("rescued alive")
            workers[process].isRegistered = false
        }
        for job in answer.claimed { witness.executions[job.execution]?.isKnown = true }
        if simulation.mutation == .deafToRescue { answer.isRegistered = true }
        if simulation.mutation == .losesLateClaim, workers[process].toldToLeaveAt != nil { answer.claimed = [] }
        var moment = moment
        if simulation.mutation == .startsStaleClaims { moment.uptime = workers[process].sentAt }
        tell(process, .exchanged(answer), at: moment)
        for execution in lost where workers[process].handlers[execution]?.cause == nil {
            witness.broken("\(witness.name(execution)) lost its lease and was not told to stop")
        }
    }

    // MARK: Handlers

    private mutating func start(_ job: ClaimedJob, in process: Int) {
        let execution = job.execution
        log.count("started")
        log.write("process \(process) starts \(witness.name(execution))", at: now)
        if workers[process].toldToLeaveAt != nil { witness.broken("\(witness.name(execution)) was started during a shutdown") }
        if now - workers[process].sentAt > workers[process].lease {
            witness.broken("\(witness.name(execution)) was started by a claim that is older than the lease")
        }
        witness.didStart(execution, isCommand: job.kind == Simulation.Kind.command.rawValue)
        workers[process].handlers[execution] = SimulatedWorker.Handler(job: job, ignoresCancel: chance(0.05))
        let running = workers[process].handlers.filter { !workers[process].freed.contains($0.key) }.values
        if running.count > workers[process].mostSlots {
            witness.broken("\(running.count) executions in \(workers[process].mostSlots) slots")
        }
        let ofQueue = running.count { $0.job.queue == job.queue }
        // A queue without a cap below the slots grows with them.
        let cap = workers[process].caps[job.queue, default: 0]
        if ofQueue > (cap < workers[process].concurrency ? cap : max(cap, workers[process].mostSlots)) {
            witness.broken("\(ofQueue) executions of queue \(job.queue), whose cap is \(cap)")
        }
        let duration =
            job.kind != Simulation.Kind.swift.rawValue || chance(0.8)
            ? between(.zero, .seconds(1)) : between(.zero, workers[process].lease * 2)
        enter(.process(process, .ended(execution)), in: duration)
        if chance(0.05) { enter(.process(process, .timedOut(execution)), in: between(.zero, duration)) }
    }

    private mutating func cancel(_ execution: ExecutionID, because cause: CancelCause, in process: Int) {
        log.count("cancelled")
        guard let handler = workers[process].handlers[execution] else {
            return witness.broken("\(witness.name(execution)) was cancelled and does not run")
        }
        if handler.cause == nil { workers[process].handlers[execution]?.cause = cause }
        guard !handler.ignoresCancel else { return }
        enter(.process(process, .ended(execution)), in: between(.zero, .milliseconds(100)))
    }

    private mutating func end(_ execution: ExecutionID, in process: Int) async {
        guard let handler = workers[process].handlers[execution] else { return }
        if handler.job.kind == Simulation.Kind.hog.rawValue, handler.cause == nil {
            log.count("killed by its own job")
            return await die(process, record: nil)
        }
        if handler.job.kind == Simulation.Kind.trap.rawValue, handler.cause == nil {
            log.count("crashed")
            witness.executions[execution]?.hasCrashed = true
            return await die(process, record: CrashRecord(signal: 4, execution: execution))
        }
        workers[process].handlers[execution] = nil
        witness.executions[execution]?.isLive = false
        let wasStopped = handler.cause != nil && !chance(0.2)
        let ending: Result<[UInt8]?, any Error>
        switch Int.random(in: 0..<100, using: &generator) {
        case _ where wasStopped: ending = .failure(CancellationError())
        case ..<15: ending = .failure(StoredError(type: "Simulated", message: "by chance"))
        case ..<25: ending = .failure(Snooze(for: between(.zero, .seconds(3))))
        default: ending = .success(nil)
        }
        let delay = between(.zero, .seconds(2))
        let verdict = Verdict(
            ending: ending, cause: handler.cause, attempt: handler.job.attempt, maxAttempts: handler.job.maxAttempts,
            now: machine.clock.now(),
            retryDelay: { delay })
        tell(
            process,
            .ended(
                ExecutionReport(
                    execution: execution, outcome: verdict.outcome, next: verdict.next, error: verdict.error, result: verdict.result,
                    finishedAt: machine.clock.now())))
    }

    // MARK: Leaving

    private mutating func finish(_ end: Worker.End, in process: Int) {
        log.write("process \(process) finishes: \(end)", at: now)
        workers[process].end = end
        let held = workers[process].isRegistered ? workers[process].id.map { witness.held(by: $0) } ?? [] : []
        let known = held.filter { witness.executions[$0]?.isKnown == true }
        switch end {
        case .drained:
            if !known.isEmpty { witness.broken("process \(process) left drained although it holds \(known.map { witness.name($0) })") }
            if !workers[process].handlers.isEmpty { witness.broken("process \(process) left drained although handlers run") }
            workers[process].call = nil
            send(.leave, from: process)
        case .storeSilent: witness.broken("process \(process) leaves a silent store, which only the shell of a worker does")
        case .storeDamaged: witness.broken("process \(process) takes the store for damaged")
        case .outOfRoom: witness.broken("process \(process) takes the disk for full")
        case .outcomesUnwritten(let unwritten):
            log.count("left with unwritten outcomes")
            if known.count > unwritten {
                witness.broken("process \(process) holds \(known.count), and admits \(unwritten) unwritten outcomes")
            }
            // Its process ends without another word.
            workers[process].call = .leave
            workers[process].reply = .left
            enter(.process(process, .reply), in: .zero)
        }
    }
}
