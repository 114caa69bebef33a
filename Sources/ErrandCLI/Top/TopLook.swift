// What `errand top` shows at one moment, and how it is read.

import Errand
import ErrandContext

/// One look at a store.
struct TopLook {
    /// A job of the list: those that run first, then the newest.
    struct Job {
        var summary: JobSummary
        /// Since when it runs, and what it said of itself.
        var startedAt: Timestamp?
        var progress: JobProgress?
    }

    /// A queue, its kinds together.
    struct Queue {
        var name: String
        var waiting = 0
        var running = 0
        var isPaused = false
        var limit: Int?
        var rate: RateLimit?
        var oldest: Timestamp?
        var wait: TimeHistogram?
        var run: TimeHistogram?
    }

    var now: Timestamp
    var stats: StoreStats
    var jobs: [Job] = []
    var queues: [Queue] = []
    var errors: [ErrorGroup] = []
    /// Executions a second, over the last seconds: all that ended, and those that failed; `nil` at the first look.
    var ended: Double?
    var failed: Double?
    /// The job whose log is open, and the last lines of it, ready to show.
    var opened: JobDetail?
    var log: [String] = []

    /// What the rows of a list are known by from one look to the next.
    func names(of list: TopState.List) -> [String] {
        switch list {
        case .jobs: jobs.map(\.summary.id.description)
        case .queues: queues.map(\.name)
        case .errors: errors.map { "\($0.key)" }
        case .workers: stats.workers.map(\.id.description)
        }
    }
}

/// Looks again and again, and remembers what rates and logs need.
struct TopReader {
    let store: Store
    let session: Session
    let style: TextStyle

    /// How many jobs a list has at most.
    static let jobs = 100
    /// How many lines of a log can be scrolled through.
    static let logLines = 5000
    /// Over how long rates are counted.
    private static let window: Duration = .seconds(10)

    private var samples: [(at: Duration, ended: Int, failed: Int)] = []
    private var openLog: OpenLog?

    /// A log that is read on.
    private struct OpenLog {
        var job: JobID
        var cursor: JobLogCursor
        var lines: [String] = []
    }

    init(store: Store, session: Session, style: TextStyle) {
        (self.store, self.session, self.style) = (store, session, style)
    }

    /// What there is now, of which only what `state` shows costs anything.
    /// - Throws: `JobStoreError`.
    mutating func look(_ state: TopState) async throws -> TopLook {
        let metrics = try await store.inspection.metrics()
        var look = TopLook(now: session.clock.now(), stats: try await store.inspection.stats())
        (look.ended, look.failed) = rates(metrics)
        if let job = state.log {
            try await readLog(of: job)
            look.opened = try await store.inspection.job(job)
            look.log = openLog?.lines ?? []
            return look
        }
        openLog = nil
        switch state.list {
        case .jobs: look.jobs = try await jobs(of: state.queue)
        case .queues: look.queues = TopReader.queues(look.stats, try await store.queues.settings(), metrics)
        case .errors: look.errors = try await errors()
        case .workers: break
        }
        return look
    }

    private mutating func rates(_ metrics: StoreMetrics) -> (Double?, Double?) {
        let ended = metrics.outcomes.reduce(0) { $0 + $1.executions }
        let failed = metrics.outcomes.reduce(0) { $0 + ([.failed, .timedOut, .crashed].contains($1.outcome) ? $1.executions : 0) }
        let now = session.clock.uptime()
        // The newest stays, however long ago that look was.
        while samples.count > 1, now - samples[0].at > TopReader.window { samples.removeFirst() }
        defer { samples.append((now, ended, failed)) }
        guard let first = samples.first, now > first.at else { return (nil, nil) }
        let seconds = (now - first.at) / Duration.seconds(1)
        return (Double(ended - first.ended) / seconds, Double(failed - first.failed) / seconds)
    }

    private func jobs(of queue: String?) async throws -> [TopLook.Job] {
        var selector = JobSelector()
        if let queue { selector.queues = [queue] }
        var running = selector
        running.states = [.running]
        let first = try await JobList(inspection: store.inspection, selector: running, limit: TopReader.jobs).all()
        let rest = try await JobList(inspection: store.inspection, selector: selector, limit: TopReader.jobs).all()
        let known = Set(first.map(\.id))
        var jobs: [TopLook.Job] = []
        for summary in (first + rest.filter { !known.contains($0.id) }).prefix(TopReader.jobs) {
            var job = TopLook.Job(summary: summary)
            if summary.state == .running, let detail = try await store.inspection.job(summary.id) {
                job.startedAt = detail.executions.last?.startedAt
                job.progress = detail.progress
            }
            jobs.append(job)
        }
        return jobs
    }

    private static func queues(_ stats: StoreStats, _ settings: [QueueSettings], _ metrics: StoreMetrics) -> [TopLook.Queue] {
        var queues: [String: TopLook.Queue] = [:]
        func change(_ name: String, _ body: (inout TopLook.Queue) -> Void) { body(&queues[name, default: TopLook.Queue(name: name)]) }
        for count in stats.counts where !count.state.isFinal {
            change(count.queue) { if count.state == .running { $0.running += count.jobs } else { $0.waiting += count.jobs } }
        }
        for worker in stats.workers { for name in worker.description.queues.keys { change(name) { _ in } } }
        for setting in settings {
            guard case .queue(let name) = setting.scope else { continue }
            change(name) { ($0.isPaused, $0.limit, $0.rate) = (setting.isPaused, setting.concurrency, setting.rate) }
        }
        for oldest in stats.oldestAvailable {
            change(oldest.queue) { $0.oldest = min($0.oldest ?? oldest.since, oldest.since) }
        }
        for times in metrics.times where queues[times.queue] != nil {
            change(times.queue) {
                if times.what == .wait { $0.wait = $0.wait?.adding(times) ?? times } else { $0.run = $0.run?.adding(times) ?? times }
            }
        }
        return queues.values.sorted { $0.name < $1.name }
    }

    private func errors() async throws -> [ErrorGroup] {
        var selector = JobSelector()
        selector.states = [.dead, .retryable]
        var groups = ErrorGroups()
        for job in try await JobList(inspection: store.inspection, selector: selector, limit: TopReader.jobs).all() {
            if let detail = try await store.inspection.job(job.id) { groups.add(detail) }
        }
        return groups.all
    }

    private mutating func readLog(of job: JobID) async throws {
        let fresh = OpenLog(job: job, cursor: JobLogCursor(logs: store.logs, job: job, ordinal: nil))
        var log = openLog.flatMap { $0.job == job ? $0 : nil } ?? fresh
        let text = LogText(style: style, hasPrefix: true)
        var lines = log.lines
        try await log.cursor.readOn { chunk in
            for record in LogFraming.records(in: chunk) { lines += text.lines(record, in: chunk) }
            if lines.count > TopReader.logLines { lines.removeFirst(lines.count - TopReader.logLines) }
        }
        log.lines = lines
        openLog = log
    }
}
