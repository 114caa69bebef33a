// One run of a worker: performs what the state machine decides and tells it what came of it.

import Glibc
import Logging
import Synchronization

/// The shell around ``WorkerState``. One task on a thread of its own reads events and performs actions; executions are tasks on the
/// shared pool that it owns and whose ends it awaits.
final class WorkerLoop: Sendable {
    private let queue: JobQueue
    private let configuration: Worker.Configuration
    private let kinds: [String]
    private let timeouts: [String: Duration]
    private let heartbeatTimeouts: [String: Duration]
    private let progress: ProgressBoard
    private let pipeline: ExecutionPipeline
    private let pump: LogPump
    private let unattributed: UnattributedLog
    private let rescuer: Rescuer
    private let crashFile: CrashFile
    private let metrics: ExecutionMetrics
    /// For all jobs that have waited for nothing.
    private let noPrerequisites: WorkerPrerequisites
    private let now: @Sendable () -> Timestamp
    private let reporting: Reporting
    private let mailbox = Mailbox<WorkerState.Event>()
    private let held = HeldExecutions()
    /// Executions whose end the store has not acknowledged.
    private let unsettled = Mutex<[ExecutionID: ExecutionContext]>([:])
    /// Under which ID the store knows this worker at the moment.
    private let registered = Mutex<WorkerID?>(nil)
    /// Who wants to know whether this worker's thread still turns.
    private let probes = Mutex<[@Sendable () -> Void]>([])

    private var clock: any ErrandClock { queue.clock }
    private var logger: Logger { configuration.logger }
    private var jobs: any JobStore { queue.store.jobs }

    init(queue: JobQueue, handlers: [Handler], configuration: Worker.Configuration, reporters: [any ErrorReporter], hooks: [ExecutionHook])
    {
        self.queue = queue
        self.configuration = configuration
        kinds = handlers.map(\.kind).sorted()
        reporting = Reporting(reporters: reporters, clock: queue.clock, logger: configuration.logger)
        timeouts = handlers.reduce(into: [:]) { timeouts, handler in timeouts[handler.kind] = handler.timeout }
        heartbeatTimeouts = handlers.reduce(into: [:]) { $0[$1.kind] = $1.heartbeatTimeout }
        progress = ProgressBoard { [mailbox] in mailbox.put(.progressed) }
        pipeline = ExecutionPipeline(
            handlers: handlers.reduce(into: [:]) { $0[$1.kind] = $1 }, hooks: hooks, reporting: reporting, clock: queue.clock,
            logger: configuration.logger, convictionLimit: configuration.convictionLimit,
            hindered: { [mailbox] in mailbox.put(.hindered(reason: $0, pause: $1)) })
        pump = LogPump(
            store: queue.store.logs, doorbell: queue.store.doorbell, clock: queue.clock, logger: configuration.logger,
            budget: configuration.retention?.logBytes)
        let clock = queue.clock
        now = { clock.now() }
        noPrerequisites = WorkerPrerequisites(of: nil, in: queue.store)
        unattributed = UnattributedLog(redaction: configuration.redaction, sink: pump, now: now)
        rescuer = Rescuer(
            store: queue.store, configuration: configuration, backoffs: handlers.reduce(into: [:]) { $0[$1.kind] = $1.backoff },
            reporting: reporting, pump: pump, clock: queue.clock)
        crashFile = CrashFile(ledger: queue.store.crashes, logger: configuration.logger)
        metrics = ExecutionMetrics(slots: configuration.concurrency, factory: configuration.metrics)
    }

    /// Calls `answer` at the next turn of the worker's own thread; from any thread.
    func probe(_ answer: @escaping @Sendable () -> Void) {
        probes.withLock { $0.append(answer) }
        // Nothing has come due, which the state machine sees for itself.
        tell(.woke)
    }

    /// Says in the worker's own log what is in flight; from any thread.
    func tellRunning() {
        let running = unsettled.withLock { $0.values.sorted { $0.executionID < $1.executionID } }
        ExecutionContext.none {
            logger.notice("in flight", metadata: ["executions": "\(running.count)"])
            for context in running {
                logger.notice(
                    "in flight",
                    metadata: [
                        "execution_id": "\(context.executionID)", "queue": "\(context.queue)", "kind": "\(context.kind)",
                        "attempt": "\(context.attempt)", "has_ended": "\(context.log.hasEnded)",
                    ])
            }
        }
    }

    /// Puts an event into the mailbox; from any thread.
    func tell(_ event: WorkerState.Event) { mailbox.put(event) }

    /// Runs to the end, on a thread of its own, whatever happens to the surrounding task: a shutdown is an event, not a cancellation.
    func run() async -> Worker.End {
        let thread = ThreadExecutor(name: "errand-worker")
        // A task of its own, awaited right here: it must not inherit the caller's cancellation, which would cut store calls short.
        let (end, isQuiet) = await Task(executorPreference: thread) {
            await ExecutionContext.none {
                let (end, isAnswered) = await self.serve(on: thread)
                return (end, await self.flushReporters(on: thread) && isAnswered)
            }
        }.value
        // Store calls and reporters that were left behind still need the thread, should they ever return.
        if isQuiet { thread.stop() }
        return end
    }

    /// Works until the end; tells how it came, and whether the store has answered everything.
    private func serve(on thread: ThreadExecutor) async -> (Worker.End, isAnswered: Bool) {
        let listener = queue.store.doorbell.listen(to: [.work, .control]) { [self] topics in
            tell(.rang(wantsAttention: topics.contains(.control)))
        }
        let keepers = [
            Task(executorPreference: thread) { await self.pump.run() },
            Task(executorPreference: thread) { await self.rescueOthers(on: thread) },
            Task(executorPreference: thread) { await self.pruneNowAndThen() },
        ]
        unattributed.open()
        let (end, calls) = await perform(on: thread)
        unattributed.close()
        listener.stop()
        for keeper in keepers { keeper.cancel() }
        // A store that did not take the last outcomes in all that time has had its chance.
        if case .outcomesUnwritten = end { return (end, false) }
        let isAnswered = await clock.run(within: WorkerLoop.farewell, on: thread) { [self] in
            for call in calls { await call.value }
            await pump.flush()
            await leave()
            for keeper in keepers { await keeper.value }
        }
        guard !isAnswered else { return (end, true) }
        logger.error(
            "the store does not answer: left without its last word, and the last log lines may be missing",
            metadata: ["waited": "\(WorkerLoop.farewell)"])
        return (end == .drained ? .storeSilent : end, false)
    }

    /// How long a worker that leaves waits for its last log lines, its deregistration and whatever the store was asked before: 5 seconds.
    /// Whoever leaves waits for no disk and no lock without end; others notice by themselves that it is gone.
    static let farewell = Duration.seconds(5)

    /// Lets error reports leave, those of all reporters at the same time; returns whether every reporter ended in time.
    private func flushReporters(on thread: ThreadExecutor) async -> Bool {
        let limit = configuration.reportGrace
        let late = await withTaskGroup(of: (any ErrorReporter)?.self) { group in
            for reporter in reporting.reporters {
                group.addTask {
                    let wasInTime = await self.clock.run(within: limit, on: thread) { await reporter.flush(within: limit) }
                    return wasInTime ? nil : reporter
                }
            }
            return await group.reduce(into: []) { late, reporter in if let reporter { late.append(reporter) } }
        }
        for reporter in late {
            logger.error("error reports were left behind", metadata: ["reporter": "\(type(of: reporter))", "limit": "\(limit)"])
        }
        return late.isEmpty
    }

    /// Reads events and performs what the state machine answers, until it says that the run is over; tells how, and what the store was
    /// asked last.
    private func perform(on thread: ThreadExecutor) async -> (Worker.End, calls: [Task<Void, Never>]) {
        var state = WorkerState(settings: settings, seed: .random(in: 0 ... .max))
        // At most one at a time; it ends with an event.
        var call: Task<Void, Never>?
        var firing: Task<Void, Never>?
        var wake: (any ScheduledTimer)?
        var events = [WorkerState.Event.rang(wantsAttention: false)]
        while true {
            var instruments: Instruments?
            for action in state.handle(events, at: moment) {
                switch action {
                case .join: call = Task(executorPreference: thread) { await self.join() }
                case .exchange(let request): call = Task(executorPreference: thread) { await self.exchange(request, on: thread) }
                case .fire: firing = Task(executorPreference: thread) { await self.fireSlots() }
                case .start(let job):
                    // Asked once for all that starts together.
                    let found = instruments ?? queue.instruments
                    instruments = found
                    start(job, found)
                case .cancel(let execution, let cause): held.cancel(execution, because: cause)
                case .wake(let time):
                    wake?.cancel()
                    wake = clock.schedule(at: time) { [self] in tell(.woke) }
                case .note(let note): write(note)
                case .finish(let end):
                    wake?.cancel()
                    return (end, [call, firing].compactMap(\.self))
                }
            }
            for answer in probes.withLock({ probes in
                defer { probes = [] }
                return probes
            }) { answer() }
            events = await mailbox.take()
        }
    }

    private var settings: WorkerState.Settings {
        WorkerState.Settings(
            concurrency: configuration.concurrency,
            queues: configuration.queues.map { .init(queue: $0.name, limit: $0.concurrency ?? configuration.concurrency) },
            kinds: kinds, until: configuration.until, lease: configuration.lease, grace: configuration.grace,
            stuckAfter: configuration.stuckAfter, stuckLimit: configuration.stuckLimit, order: configuration.queueOrder,
            spare: configuration.spareSlots)
    }

    private var moment: WorkerState.Moment { WorkerState.Moment(uptime: clock.uptime(), wall: clock.now()) }

    // MARK: Executions

    private func start(_ job: ClaimedJob, _ instruments: Instruments) {
        let signal = CancelSignal()
        held.add(job.execution, signal: signal)
        unattributed.enter()
        // Detached: this thread's task-locals, which say that nobody runs here, would be copied for every job.
        let task = Task.detached(priority: Task.basePriority) { [self] in
            await ExecutionContext.noneOfNewTask {
                metrics.started(job)
                let report = await run(job, instruments, signal)
                metrics.ended(job, report)
                unattributed.leave()
                held.remove(job.execution)
                // The end of all that is the job's: nobody's lock is held.
                LentThread.whileLending { tell(.ended(report)) }
            }
        }
        held.started(job.execution, as: task)
        // The earlier of the two ends it.
        let timeout = job.timeout ?? timeouts[job.kind]
        let left = job.terms.deadline.map { max($0 - clock.now(), .zero) }
        if let limit = [timeout, left].compactMap(\.self).min() {
            let end: WorkerState.Event = limit == left ? .reachedDeadline(job.execution) : .timedOut(job.execution, after: limit)
            held.add(timer: clock.schedule(at: clock.uptime() + limit) { [self] in tell(end) }, to: job.execution)
        }
        if let limit = heartbeatTimeouts[job.kind] {
            let watch = HeartbeatWatch(
                limit: limit, clock: clock,
                signs: { [self] in unsettled.withLock { $0[job.execution].map { $0.pulse.count + $0.log.writtenLines } } ?? 0 },
                onSilence: { [self] in tell(.silent(job.execution, after: limit)) })
            watch.start()
            held.add(timer: watch, to: job.execution)
        }
    }

    /// Runs one execution, on the pool: a tracer is somebody else's code, which must not hold up the worker's own thread.
    private func run(_ job: ClaimedJob, _ instruments: Instruments, _ signal: CancelSignal) async -> ExecutionReport {
        let span = ExecutionSpan(job, instruments: instruments)
        let context = ExecutionContext(
            executionID: job.execution, attempt: job.attempt, maxAttempts: job.maxAttempts, queue: job.queue, kind: job.kind,
            parent: job.parent, root: job.root, trace: job.trace, span: span.position, meta: job.meta,
            redaction: configuration.redaction?.learning(from: job.payload), sink: pump, pulse: progress.pulse(of: job.execution),
            steps: registered.withLock(\.self).map { WorkerSteps(of: job, heldBy: $0, in: queue.store.steps, now: now) },
            prerequisites: job.hasPrerequisites ? WorkerPrerequisites(of: job.execution.job, in: queue.store) : noPrerequisites,
            workflow: job.workflow, now: now)
        context.log.keepRecentLines(reporting.breadcrumbLimit)
        unsettled.withLock { $0[job.execution] = context }
        return await pipeline.run(job, in: context, span: span, signal: signal)
    }

    // MARK: The store

    private func join() async {
        let description = WorkerDescription(
            kinds: kinds, queues: configuration.queues.reduce(into: [:]) { $0[$1.name] = $1.concurrency ?? configuration.concurrency },
            concurrency: configuration.concurrency, host: ProcessFacts.hostName, pid: getpid(), version: ErrandVersion.current,
            startedAt: clock.now(), lease: configuration.lease)
        do throws(JobStoreError) {
            let id = try await jobs.join(description)
            registered.withLock { $0 = id }
            unattributed.belong(toWorker: id.rawValue, named: id.description)
            crashFile.begin(id)
            configuration.onJoin()
            tell(.joined(id))
        } catch {
            tell(.joinFailed(error))
        }
    }

    /// After this long without an answer of the store the worker's log says so: 10 seconds.
    private static let storePatience = Duration.seconds(10)

    private func exchange(_ step: ExchangeRequest, on thread: ThreadExecutor) async {
        let request = step.telling(progress.take())
        // Logs first, in their own file and commit: an outcome is acknowledged when its lines are kept, or have had time to.
        if !request.reports.isEmpty { await pump.flush(within: min(LogPump.patience, configuration.lease / 3), on: thread) }
        let complaint = clock.schedule(at: clock.uptime() + WorkerLoop.storePatience) { [logger] in
            logger.error(
                "the store has not answered: nothing is claimed or recorded until it does, and `errand doctor` names who holds its lock",
                metadata: ["waited": "\(WorkerLoop.storePatience)", "unwritten_outcomes": "\(request.reports.count)"])
        }
        defer { complaint.cancel() }
        do throws(JobStoreError) {
            let reply = try await jobs.exchange(request)
            for (report, result) in zip(request.reports, reply.results) {
                pump.forget(report.execution)
                if result == .accepted { unsettled.withLock { $0[report.execution] = nil } }
            }
            if !reply.isRegistered { registered.withLock { $0 = nil } }
            tell(.exchanged(reply))
        } catch {
            progress.putBack(request.progress)
            tell(.exchangeFailed(error))
        }
    }

    private func leave() async {
        guard let id = registered.withLock({ $0 }) else { return }
        do throws(JobStoreError) {
            try await jobs.leave(id)
            crashFile.end()
        } catch {
            // Others will notice that this worker is gone, and rescue what it could not report.
            logger.warning("could not leave the store", metadata: ["worker": "\(id)", "error": "\(error)"])
        }
    }

    /// Fires what is due of periodic jobs.
    private func fireSlots() async {
        do throws(JobStoreError) {
            try await PeriodicRunner(queue: queue, logger: logger).fireDue()
            tell(.fired)
        } catch {
            tell(.firingFailed(error))
        }
    }

    // MARK: Keeping

    /// Often enough that a death is noticed within a second, seldom enough that an idle worker costs next to nothing: makes the jobs of dead
    /// workers available again, and once a minute removes what crashes have left behind.
    private func rescueOthers(on thread: ThreadExecutor) async {
        var nextSweep = clock.uptime()
        while await clock.sleep(for: .milliseconds(900)) {
            guard let id = registered.withLock({ $0 }) else { continue }
            do throws(JobStoreError) {
                try await rescuer.look(as: id, on: thread)
                guard clock.uptime() >= nextSweep else { continue }
                nextSweep = clock.uptime() + .seconds(60)
                try await rescuer.sweep(as: id, on: thread)
                try await jobs.maintain()
            } catch {
                logger.warning("could not look after other workers", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Once a minute: deletes what the retention policy no longer keeps, in slices small enough to let others in between.
    private func pruneNowAndThen() async {
        guard let policy = configuration.retention else { return }
        let pruner = Pruner(store: queue.store, clock: clock)
        while await clock.sleep(for: .seconds(60)) {
            do throws(JobStoreError) {
                _ = try await pruner.prune(policy)
            } catch {
                logger.warning("could not prune", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: The worker's own log

    private func write(_ note: WorkerState.Note) {
        switch note {
        case .storeFailed(let error, let consecutive, let unwritten):
            // Doubling distances: an outage of a day does not fill a disk with complaints.
            guard consecutive & (consecutive - 1) == 0 else { return }
            logger.error(
                "the store failed", metadata: ["error": "\(error)", "consecutive": "\(consecutive)", "unwritten_outcomes": "\(unwritten)"])
        case .storeDamaged(let error):
            logger.critical("the store is damaged: nothing more is claimed, and this worker leaves", metadata: ["error": "\(error)"])
        case .storeRecovered: logger.notice("the store is back")
        case .firingFailed(let error):
            logger.error("periodic jobs that are due could not be enqueued; it is tried again", metadata: ["error": "\(error)"])
        case .hindered(let reason, let pause):
            logger.error("no job is started for a while", metadata: ["reason": "\(reason)", "pause": "\(DurationText.format(pause))"])
        case .claimsPaused(let reason): logger.error("no job is started: the disk is almost full", metadata: ["reason": "\(reason)"])
        case .claimsResumed: logger.notice("there is room again: jobs are started")
        case .leaseLost(let execution):
            logger.error("lease lost: the outcome was not recorded", metadata: ["execution_id": "\(execution)"])
            remark("lease lost: another worker holds the job, and this execution's outcome was not recorded", on: execution)
        case .rescued(let held): logger.error("this worker was taken for dead and starts anew", metadata: ["executions_lost": "\(held)"])
        case .ordered(let orders):
            logger.notice(
                "told by an operator",
                metadata: [
                    "takes_jobs": "\(orders.allowsClaims)", "stops": "\(orders.mustStop)",
                    "slots": "\(orders.slots ?? configuration.concurrency)",
                ])
        case .draining(let running): logger.notice("draining", metadata: ["running": "\(running)"])
        case .abandoned(let execution):
            logger.error("the handler ignored its cancellation and was left behind", metadata: ["execution_id": "\(execution)"])
            remark("the handler ignored its cancellation: its worker left without it, and the attempt does not count", on: execution)
        case .stuck(let execution, let isSlotFree):
            logger.error(
                "the handler ignores its cancellation: it is stuck",
                metadata: ["execution_id": "\(execution)", "after": "\(configuration.stuckAfter)", "slot_free": "\(isSlotFree)"])
        }
    }

    /// Writes the last line of an execution whose end is not what its own code thinks: under its own ID, as all that belongs to it.
    private func remark(_ text: String, on execution: ExecutionID) {
        guard let context = unsettled.withLock({ $0.removeValue(forKey: execution) }) else { return }
        context.log.remark(text, level: .error, at: clock.now())
    }
}
