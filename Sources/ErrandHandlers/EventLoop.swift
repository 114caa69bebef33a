// The threads that look after commands: they read pipes, see commands end and end them in time, whatever handlers do to the pool.

import CErrand
import Errand
import Glibc
import Synchronization

/// Runs tasks on one thread and resumes them when a descriptor is ready or a time has come.
///
/// Being the executor and the poller at once, it needs no hop between threads from a ready pipe to the filed line.
final class EventLoop: TaskExecutor {
    /// Carries output into logs. Its thread starts with the first command and then lives as long as the process, like the other's.
    static let output = EventLoop(name: "errand-output")
    /// Waits for commands to end and ends them: on a thread of its own, so that no amount of output delays a SIGKILL.
    static let endings = EventLoop(name: "errand-endings")

    /// Makes both, while there are descriptors for them: a worker that has run out cannot start commands, but must not fall over them.
    static func prepare() { _ = (output, endings) }

    /// How a wait ended.
    enum Readiness {
        /// The descriptor is readable, at its end, or broken.
        case ready
        /// The time has come first.
        case timedOut
        /// Somebody stopped the wait.
        case stopped
    }

    private let poller: Int32
    private let alarm: Int32
    private let state = Mutex(State())

    private struct State {
        var jobs: [UnownedJob] = []
        /// Run after the jobs that are ready now, before the thread sleeps.
        var endOfTurn: [@Sendable () -> Void] = []
        var waits: [UInt64: CheckedContinuation<Readiness, Never>] = [:]
        /// Of the waits that have one: few, since only ending commands do.
        var deadlines: [UInt64: Duration] = [:]
        var nextToken: UInt64 = 1
        var isAsleep = false
    }

    private static let alarmToken: UInt64 = 0

    private init(name: String) {
        poller = epoll_create1(Int32(EPOLL_CLOEXEC))
        alarm = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        precondition(poller >= 0 && alarm >= 0, "no descriptors are left for commands: \(String(cString: strerror(errno)))")
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: EventLoop.alarmToken))
        let status = epoll_ctl(poller, EPOLL_CTL_ADD, alarm, &event)
        precondition(status == 0, "an event descriptor can always be watched: \(errno)")
        startThread(named: name) { [self] in run() }
    }

    /// The time that deadlines are given in.
    static func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        wake { $0.jobs.append(job) }
    }

    /// Runs `body` once all jobs that are ready now have run: a place to do for many what each asked for.
    func atEndOfTurn(_ body: @escaping @Sendable () -> Void) {
        wake { $0.endOfTurn.append(body) }
    }

    fileprivate func makeToken() -> UInt64 {
        state.withLock { state in
            defer { state.nextToken += 1 }
            return state.nextToken
        }
    }

    fileprivate func wait(for watch: Watch, until deadline: Duration?) async -> Readiness {
        let token = watch.token
        return await withCheckedContinuation { continuation in
            var isRefused = false
            wake { state in
                // Under the lock that stop() takes after it has raised the flag: one of the two sees the other.
                isRefused = watch.isStopped.load(ordering: .relaxed)
                guard !isRefused else { return }
                state.waits[token] = continuation
                state.deadlines[token] = deadline
            }
            if isRefused {
                continuation.resume(returning: .stopped)
            } else if watch.descriptor >= 0, !arm(watch.descriptor, token) {
                resume(token, .ready)
            }
        }
    }

    /// One event, then silence until the next wait: what arrives for a token that waits no longer is ignored.
    private func arm(_ descriptor: Int32, _ token: UInt64) -> Bool {
        var event = epoll_event(events: EPOLLIN.rawValue | EPOLLONESHOT.rawValue, data: epoll_data_t(u64: token))
        if epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) == 0 { return true }
        return errno == ENOENT && epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0
    }

    fileprivate func resume(_ token: UInt64, _ readiness: Readiness) {
        let continuation = state.withLock { state in
            state.deadlines[token] = nil
            return state.waits.removeValue(forKey: token)
        }
        continuation?.resume(returning: readiness)
    }

    private func wake(_ change: (inout State) -> Void) {
        let mustRing = state.withLock { state in
            change(&state)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        guard mustRing else { return }
        var one: UInt64 = 1
        // A full counter means that the alarm rings already.
        _ = write(alarm, &one, MemoryLayout.size(ofValue: one))
    }

    private func run() {
        let executor = asUnownedTaskExecutor()
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while true {
            runJobs(on: executor)
            let timeout = millisecondsToSleep()
            let count = epoll_wait(poller, &events, Int32(events.count), timeout)
            state.withLock { $0.isAsleep = false }
            for event in events.prefix(max(0, Int(count))) {
                if event.data.u64 == EventLoop.alarmToken {
                    var counter: UInt64 = 0
                    _ = read(alarm, &counter, MemoryLayout.size(ofValue: counter))
                } else {
                    resume(event.data.u64, .ready)
                }
            }
            resumeDue()
        }
    }

    /// One batch: what it makes ready runs after the next look at the descriptors, so that a busy command starves nobody.
    private func runJobs(on executor: UnownedTaskExecutor) {
        let jobs = state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs { job.runSynchronously(on: executor) }
        let endOfTurn = state.withLock { state in
            defer { state.endOfTurn = [] }
            return state.endOfTurn
        }
        for body in endOfTurn { body() }
    }

    /// 0 when there is work, −1 for ever.
    private func millisecondsToSleep() -> Int32 {
        state.withLock { state in
            guard state.jobs.isEmpty, state.endOfTurn.isEmpty else { return 0 }
            state.isAsleep = true
            guard let next = state.deadlines.values.min() else { return -1 }
            let microseconds = max(.zero, next - EventLoop.now()).wholeMicroseconds
            return Int32(clamping: (microseconds + 999) / 1000)
        }
    }

    private func resumeDue() {
        let due = state.withLock { state -> [UInt64] in
            guard !state.deadlines.isEmpty else { return [] }
            let now = EventLoop.now()
            return state.deadlines.filter { $0.value <= now }.map(\.key)
        }
        for token in due { resume(token, .timedOut) }
    }
}

/// One descriptor, or only a time, that one task at a time waits for and anybody may stop.
final class Watch: Sendable {
    private let loop: EventLoop
    private let owner: Descriptor?
    fileprivate let token: UInt64
    fileprivate let isStopped = Atomic(false)

    /// Watches `descriptor`; without one, only deadlines and ``stop()`` end a wait.
    init(_ descriptor: Descriptor? = nil, on loop: EventLoop) {
        self.loop = loop
        owner = descriptor
        token = loop.makeToken()
    }

    fileprivate var descriptor: Int32 { owner?.number ?? -1 }

    /// Waits until the descriptor is readable or at its end, until `deadline`, or until ``stop()``. Ignores the task's cancellation:
    /// who ends a command still wants its last lines.
    func ready(until deadline: Duration? = nil) async -> EventLoop.Readiness {
        await loop.wait(for: self, until: deadline)
    }

    /// Ends the present wait and every later one.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        loop.resume(token, .stopped)
    }
}
