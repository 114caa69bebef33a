// The worker's mind: a pure state machine that is told what happened and answers what to do. No clock, no await, no store.

/// Decides for one worker: what to claim, what to report and when, whom to cancel, when to leave.
///
/// The shell (``WorkerLoop``) performs the actions and feeds back what came of them; the simulator drives this very type. At most one
/// exchange with the store is under way at a time: what piles up meanwhile goes into the next, which is how outcomes are grouped.
package struct WorkerState: Sendable {
    enum Phase: Hashable {
        case serving
        /// Finishing what runs; past the deadline it is cancelled. `nil` waits as long as it takes.
        case draining(deadline: Duration?)
        /// Everything was cancelled; past the deadline the worker leaves whatever is left.
        case cancelling(deadline: Duration)
        case finished
    }

    let settings: Settings
    var phase = Phase.serving
    private var worker: WorkerID?
    private var isJoining = false
    var slots = WorkerSlots()
    /// Whether the worker makes room for a suspect, which must run alone.
    var clearance = Clearance()
    private var gathering = Gathering()
    /// Executions found stuck that the store does not know as such.
    private var unreportedStuck: [ExecutionID] = []
    /// Those of the exchange under way.
    private var sentStuck: [ExecutionID] = []
    /// Ended executions that are not in the store yet, oldest first.
    private var outbox: [ExecutionReport] = []
    /// The reports of the exchange under way.
    private var sent: [ExecutionReport]?
    /// When the call under way was made: a lease counts from then at the latest, whenever the answer comes.
    private var sentAt = Duration.zero
    /// Whether the exchange under way asks for jobs.
    private var asksForJobs = false
    /// Something may be claimable: look as soon as a slot is free.
    private var mustLook = true
    /// Somebody may want something of a running execution: look at once.
    private var mustAttend = false
    var hasClaimed = false
    /// Whether the last exchange asked for jobs, found none, and nothing has hinted at any since.
    private var foundNothing = false
    /// Whether other workers hold jobs that may come back.
    private var othersHold = false
    var pauses = ClaimPauses()
    /// When to ask again, after others or for room.
    private var lookAgainAt: Duration?
    private var nextDue: Timestamp?
    private var lastRenewal = Duration.zero
    private var failures = 0
    private var retryAt: Duration?
    private var retry: StoreRetry
    private var announcedWake: Duration?
    /// When progress that executions have told is to be written, and when some was written last.
    private var progressDueAt: Duration?
    private var progressSentAt: Duration?
    /// The slots of periodic jobs, while this worker leads.
    var leadership = Leadership()
    /// What operators want of this worker.
    var orders = WorkerOrders()
    /// Why the store cannot be trusted any more, once that is known.
    private var damage: JobStoreError?
    /// Whether the last exchange came to nothing as far as this worker knows: the store may have performed it all the same.
    private var isInDoubt = false
    /// Whether an exchange in doubt asked for jobs: the store may have some running for this worker that it has never heard of.
    private var mayHoldUnknown = false

    /// A mind that knows nothing yet. `seed` scatters its tries of a store that fails; `nil` makes them regular.
    package init(settings: Settings, seed: UInt64? = nil) {
        self.settings = settings
        retry = StoreRetry(seed: seed)
    }

    /// How long cancelled handlers may take to end before the worker leaves without them: 5 seconds.
    package static let cancelGrace = Duration.seconds(5)
    /// How long a worker that runs until empty waits before it asks again for jobs that others hold: half a second.
    package static let othersPause = Duration.milliseconds(500)
    /// How much time is between two writes of progress at least: a quarter of a second. What goes with other things does not wait.
    package static let progressPause = Duration.milliseconds(250)
    /// How many unwritten outcomes stop further claims.
    package static let outboxLimit = 1000
    /// How many bytes of results among them do: 8 MiB.
    package static let outboxBytes = 8 << 20

    /// Executions that run, whether or not they hold a slot.
    package var running: Int { slots.count }

    /// Takes in what happened and answers what to do, in order.
    package mutating func handle(_ event: Event, at now: Moment) -> [Action] { handle(CollectionOfOne(event), at: now) }

    /// Takes in everything that has happened since the last time and answers what to do, in order.
    package mutating func handle(_ events: some Sequence<Event>, at now: Moment) -> [Action] {
        guard phase != .finished else { return [] }
        var actions: [Action] = []
        for event in events { learn(event, at: now, &actions) }
        proceed(at: now, &actions)
        return actions
    }

    private mutating func learn(_ event: Event, at now: Moment, _ actions: inout [Action]) {
        switch event {
        case .joined(let id):
            worker = id
            isJoining = false
            lastRenewal = sentAt
            recovered(&actions)
            mustLook = true
        case .joinFailed(let error):
            isJoining = false
            failed(error, at: now, &actions)
        case .rang(let wantsAttention):
            mustLook = true
            mustAttend = mustAttend || wantsAttention
            foundNothing = false
        case .woke:
            announcedWake = nil
            if pauses.isOver(at: now.uptime) { mustLook = true }
            if let lookAgainAt, lookAgainAt <= now.uptime {
                mustLook = true
                self.lookAgainAt = nil
            }
            if let nextDue, nextDue <= now.wall {
                mustLook = true
                foundNothing = false
                self.nextDue = nil
            }
        case .ended(let report): ended(report, &actions)
        case .timedOut(let execution, let timeout): cancel(execution, because: .timedOut(after: timeout), at: now, &actions)
        case .silent(let execution, let limit): cancel(execution, because: .silent(limit), at: now, &actions)
        case .progressed:
            progressDueAt = progressDueAt ?? max(now.uptime, (progressSentAt ?? .zero) + WorkerState.progressPause)
        case .reachedDeadline(let execution): cancel(execution, because: .deadline, at: now, &actions)
        case .hindered(let reason, let pause):
            if let note = pauses.hinder(reason, for: pause, at: now.uptime) { actions.append(.note(note)) }
        case .fired:
            leadership.fired()
            // What was fired may be claimed at once.
            mustLook = true
            foundNothing = false
        case .firingFailed(let error):
            leadership.failed(at: now.uptime)
            actions.append(.note(.firingFailed(error)))
        case .exchanged(let reply): exchanged(reply, at: now, &actions)
        case .exchangeFailed(let error):
            outbox = (sent ?? []) + outbox
            sent = nil
            unreportedStuck = sentStuck + unreportedStuck
            sentStuck = []
            mustLook = true
            mustAttend = true
            isInDoubt = true
            mayHoldUnknown = mayHoldUnknown || asksForJobs
            failed(error, at: now, &actions)
        case .drainRequested:
            if phase == .serving || phase == .draining(deadline: nil) { drain(deadline: now.uptime + settings.grace, &actions) }
        case .cancelRequested: cancelAll(at: now, &actions)
        }
    }

    // MARK: What happened

    private mutating func ended(_ report: ExecutionReport, _ actions: inout [Action]) {
        guard let slot = slots.release(report.execution) else { return }
        gathering.ended(report.execution)
        // The slot of a stuck one was given to others; should one of those end stuck, there is room again.
        mustLook = mustLook || slot.isStuck
        if slot.cancelled == .leaseLost {
            actions.append(.note(.leaseLost(report.execution)))
        } else {
            outbox.append(report)
        }
    }

    private mutating func exchanged(_ reply: ExchangeReply, at now: Moment, _ actions: inout [Action]) {
        let reports = sent ?? []
        sent = nil
        sentStuck = []
        isInDoubt = false
        mayHoldUnknown = false
        lastRenewal = sentAt
        recovered(&actions)
        for (report, result) in zip(reports, reply.results) where result == .leaseLost {
            actions.append(.note(.leaseLost(report.execution)))
        }
        nextDue = reply.nextWake
        leadership.heard(reply.isRegistered ? reply.nextSlot : nil)
        heard(reply.orders, at: now, &actions)
        if reply.isRegistered {
            // A ring since the request was sent may be about a job that it could not see.
            if asksForJobs {
                foundNothing =
                    reply.claimed.isEmpty && !mustLook && !reply.suspectsWait && reply.shortage == nil
                    && orders.allowsClaims
                clearance.heard(suspectsWait: reply.suspectsWait, at: now.uptime)
                if let note = pauses.didAsk(reply.shortage) { actions.append(.note(note)) }
            }
            othersHold = reply.othersHold
            if othersHold { lookAgainAt = now.uptime + WorkerState.othersPause }
            if reply.shortage != nil { lookAgainAt = now.uptime + ClaimPauses.shortagePause }
            for job in reply.claimed { claimed(job, at: now, &actions) }
            gathering.answered(reply.claimed, after: now.uptime - sentAt, at: now.uptime)
            for wish in reply.cancellations {
                cancel(wish.execution, because: .requested(reason: wish.reason), at: now, &actions)
            }
        } else {
            worker = nil
            // What it held is available again, perhaps for this very worker.
            foundNothing = false
            actions.append(.note(.rescued(held: slots.count)))
            for execution in slots.executions { cancel(execution, because: .leaseLost, at: now, &actions) }
        }
    }

    /// Operators have said something, or have not: what they want holds until it is said otherwise, or this worker starts anew.
    private mutating func heard(_ orders: WorkerOrders, at now: Moment, _ actions: inout [Action]) {
        guard orders != self.orders else { return }
        self.orders = orders
        actions.append(.note(.ordered(orders)))
        mustLook = true
        // Whether it may lead is told at once.
        leadership.ask()
        if orders.mustStop, phase == .serving || phase == .draining(deadline: nil) {
            drain(deadline: now.uptime + settings.grace, &actions)
        }
    }

    private mutating func claimed(_ job: ClaimedJob, at now: Moment, _ actions: inout [Action]) {
        guard phase == .serving, now.uptime - sentAt < settings.lease else {
            // The shutdown came while the claim was under way, or the answer took so long that others may have rescued the job by now: give
            // it back unstarted.
            outbox.append(
                ExecutionReport(execution: job.execution, outcome: .interrupted, next: .giveBack, finishedAt: now.wall))
            return
        }
        hasClaimed = true
        slots.take(job)
        actions.append(.start(job))
        if settings.until == .once { phase = .draining(deadline: nil) }
    }

    private mutating func cancel(_ execution: ExecutionID, because cause: CancelCause, at now: Moment, _ actions: inout [Action]) {
        if slots.cancel(execution, because: cause, at: now.uptime) { actions.append(.cancel(execution, cause)) }
    }

    /// Handlers that have ignored their cancellation for too long give their slots to others, up to the limit.
    private mutating func findStuck(at now: Moment, _ actions: inout [Action]) {
        for found in slots.findStuck(at: now.uptime, after: settings.stuckAfter, limit: settings.stuckLimit) {
            if found.isNew { unreportedStuck.append(found.execution) }
            mustLook = mustLook || found.isSlotFree
            actions.append(.note(.stuck(found.execution, isSlotFree: found.isSlotFree)))
        }
    }

    private mutating func failed(_ error: JobStoreError, at now: Moment, _ actions: inout [Action]) {
        failures += 1
        // Whoever is to end by itself does not wait for a disk; whoever stays asks again.
        if case .full(let reason) = error, settings.until != .stopped { pauses.didFail(reason) }
        retryAt = now.uptime + retry.pause(after: failures)
        actions.append(.note(.storeFailed(error, consecutive: failures, unwritten: outbox.count)))
        guard case .damaged = error, damage == nil else { return }
        damage = error
        actions.append(.note(.storeDamaged(error)))
        // Nothing that it gives out from now on is to be believed; what runs may still end and be recorded.
        if phase == .serving || phase == .draining(deadline: nil) { drain(deadline: now.uptime + settings.grace, &actions) }
    }

    private mutating func recovered(_ actions: inout [Action]) {
        if failures > 0 { actions.append(.note(.storeRecovered)) }
        failures = 0
        retryAt = nil
    }

    // MARK: Leaving

    private mutating func drain(deadline: Duration?, _ actions: inout [Action]) {
        phase = .draining(deadline: deadline)
        leadership.ask()
        actions.append(.note(.draining(running: slots.count)))
    }

    private mutating func cancelAll(at now: Moment, _ actions: inout [Action]) {
        if case .cancelling = phase { return }
        phase = .cancelling(deadline: now.uptime + WorkerState.cancelGrace)
        for execution in slots.executions { cancel(execution, because: .shutdown, at: now, &actions) }
    }

    /// Handlers that ignored their cancellation: the worker leaves, and their jobs are given back.
    private mutating func abandonAll(at now: Moment, _ actions: inout [Action]) {
        for execution in slots.executions {
            actions.append(.note(.abandoned(execution)))
            if slots.release(execution)?.cancelled != .leaseLost {
                outbox.append(ExecutionReport(execution: execution, outcome: .interrupted, next: .giveBack, finishedAt: now.wall))
            }
        }
    }

    var runsUntilEmpty: Bool {
        if case .empty = settings.until { true } else { false }
    }

    private var isEmpty: Bool { slots.isEmpty && outbox.isEmpty && sent == nil && !leadership.isFiring }

    // MARK: What to do next

    private mutating func proceed(at now: Moment, _ actions: inout [Action]) {
        if case .draining(let deadline?) = phase, now.uptime >= deadline, !isEmpty || isJoining || mayHoldUnknown {
            cancelAll(at: now, &actions)
        }
        if case .cancelling(let deadline) = phase, now.uptime >= deadline {
            if !slots.isEmpty {
                abandonAll(at: now, &actions)
            } else if failures > 0 || now.uptime >= deadline + WorkerState.cancelGrace {
                let unwritten = outbox.count + (sent?.count ?? 0)
                finish(unwritten == 0 ? .drained : .outcomesUnwritten(unwritten), &actions)
                return
            }
        }
        if mayLead, leadership.begin(at: now) { actions.append(.fire) }
        if let end = naturalEnd(at: now) {
            finish(end, &actions)
            return
        }
        findStuck(at: now, &actions)
        exchangeIfUseful(at: now, &actions)
        scheduleWake(at: now, &actions)
    }

    private func naturalEnd(at now: Moment) -> Worker.End? {
        // Whoever leaves in doubt leaves jobs running that nobody runs; on a damaged store that is for whoever repairs it.
        guard isEmpty, !isJoining, !mayHoldUnknown || damage != nil else { return nil }
        switch phase {
        case .draining, .cancelling: return .drained
        case .finished: return nil
        case .serving:
            if let shortage = pauses.shortage, settings.until != .stopped { return .outOfRoom(reason: shortage) }
            guard foundNothing else { return nil }
            switch settings.until {
            case .stopped: return nil
            case .once: return .drained
            case .empty(let idleTimeout):
                if othersHold { return nil }
                // Slots of periodic jobs are not waited for: of those there is no end.
                if let nextDue, nextDue <= now.wall + idleTimeout { return nil }
                return .drained
            }
        }
    }

    private mutating func finish(_ end: Worker.End, _ actions: inout [Action]) {
        phase = .finished
        if let damage, end == .drained { return actions.append(.finish(.storeDamaged(damage))) }
        actions.append(.finish(end))
    }

    /// Until when outcomes wait for others; `nil` when they go as soon as they can.
    private func heldBackUntil(at now: Moment) -> Duration? {
        phase == .serving ? gathering.holdsBackUntil(outcomes: outbox.count, at: now.uptime) : nil
    }

    private mutating func exchangeIfUseful(at now: Moment, _ actions: inout [Action]) {
        guard sent == nil, !isJoining else { return }
        if let retryAt, now.uptime < retryAt { return }
        guard let worker else {
            isJoining = true
            sentAt = now.uptime
            actions.append(.join)
            return
        }
        let claim = claimRequest(at: now)
        let isLookDue = mustLook && claim != nil || mustAttend && (!slots.isEmpty || orders.isQuiet)
        let mustReport = !outbox.isEmpty && heldBackUntil(at: now) == nil
        guard
            mustReport || isLookDue || leadership.mustAsk || !unreportedStuck.isEmpty || mayHoldUnknown || now.uptime >= renewalDue
                || progressDueAt.map({ $0 <= now.uptime }) ?? false
        else { return }
        let reports = Array(outbox.prefix(WorkerState.outboxLimit))
        outbox.removeFirst(reports.count)
        sent = reports
        sentAt = now.uptime
        if progressDueAt != nil { (progressDueAt, progressSentAt) = (nil, now.uptime) }
        asksForJobs = claim != nil
        if asksForJobs { mustLook = false }
        mustAttend = false
        leadership.asked()
        retryAt = nil
        (sentStuck, unreportedStuck) = (unreportedStuck, [])
        var request = ExchangeRequest(worker: worker, reports: reports, claim: claim, stuck: sentStuck, leads: mayLead)
        if isInDoubt { request.held = slots.executions + outbox.map(\.execution) }
        actions.append(.exchange(request))
    }

    /// Whether so much waits for the store that nothing new may start.
    var isOutboxFull: Bool {
        outbox.count >= WorkerState.outboxLimit || outbox.reduce(0) { $0 + ($1.result?.count ?? 0) } >= WorkerState.outboxBytes
    }

    /// Whether it fires the slots of periodic jobs, should it be its turn: not one that leaves, takes nothing new, or runs one job.
    private var mayLead: Bool { phase == .serving && orders.allowsClaims && settings.until != .once }

    private var renewalDue: Duration { lastRenewal + settings.lease / 3 }

    private mutating func scheduleWake(at now: Moment, _ actions: inout [Action]) {
        var times: [Duration] = []
        // Whatever is due, a call under way is waited for: its answer is the event that goes on.
        if sent == nil, !isJoining {
            if let retryAt, retryAt > now.uptime {
                times.append(retryAt)
            } else if worker != nil {
                times += [renewalDue, progressDueAt, heldBackUntil(at: now)].compactMap(\.self)
            }
        }
        // A due time on the wall clock, translated now; every renewal translates it again, so a jump costs at most a third of a lease.
        if phase == .serving { times += [lookAgainAt, pauses.hinderedUntil].compactMap(\.self) }
        if let nextStuck = slots.nextStuck(after: settings.stuckAfter) { times.append(nextStuck) }
        if let release = clearance.holdsBackUntil, release > now.uptime, slots.occupied > 0 { times.append(release) }
        if let nextDue, phase == .serving { times.append(now.uptime + max(nextDue - now.wall, .zero)) }
        if mayLead, let nextLook = leadership.nextLook(at: now) { times.append(nextLook) }
        switch phase {
        case .draining(let deadline?): times.append(deadline)
        case .cancelling(let deadline): times.append(now.uptime < deadline ? deadline : deadline + WorkerState.cancelGrace)
        default: break
        }
        guard let next = times.min(), announcedWake.map({ next < $0 || $0 <= now.uptime }) ?? true else { return }
        announcedWake = next
        actions.append(.wake(at: next))
    }
}
