// `errand cancel`: ends jobs, running ones too.

import ArgumentParser
import Errand

struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel jobs; running ones are asked to end, and waited for.",
        discussion: """
            Tells for each job: cancelled (it had not started), stopped (its execution has ended), or requested (its worker was asked, \
            and had not ended it within --wait).

            Exit codes: 0 cancelled, stopped or requested, 1 answered no, 2 bad usage or --yes is missing, 3 no such job, \
            4 store unavailable, 5 the job had ended before, 6 that is so for some of many.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var bulk: BulkOptions

    @Option(help: ArgumentHelp("Why, for people.", valueName: "text"))
    var reason: String?

    @Option(
        name: .customLong("wait"), help: ArgumentHelp("How long to wait for running jobs to end.", valueName: "duration"),
        transform: DurationArgument.read)
    var wait: Duration = .seconds(10)

    @Flag(help: "Cancel also what hangs on them: the jobs that they caused, and those that wait for them, whatever their policies.")
    var tree = false

    @Flag(name: .customLong("json"), help: "Print one JSON object per job.")
    var json = false

    func validate() throws {
        if let reason, reason.utf8.count > 1000 { throw ValidationError("--reason has more than 1000 bytes.") }
    }

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let live = Set(JobState.allCases.filter { !$0.isFinal })
            var jobs = try await bulk.targets(
                "cancel", in: store, states: tree ? Set(JobState.allCases) : live, session: session)
            // Whoever waits for others first, so that none is released by the end of another.
            if tree {
                jobs = try await JobFamily(in: store).jobs(under: jobs, in: live).reversed()
                try session.talk.line("with all that hangs on them: \(ExportCounts.text(jobs.count, "job"))")
            }
            if bulk.dryRun { return try bulk.list(jobs, session) }
            var report = BulkReport(isJSON: json, output: session.output)
            var requested: [(job: JobID, execution: ExecutionID)] = []
            for slice in jobs.slices(of: 500) {
                let results = try await store.control.cancel(slice, reason: reason)
                for (job, result) in zip(slice, results) {
                    switch result {
                    case .cancelled: try report.add(job, .succeeded, result: "cancelled")
                    case .requested(let execution): requested.append((job, execution))
                    case .finished(.cancelled): try report.add(job, .succeeded, result: "cancelled", detail: "it was before")
                    case .finished(let state): try report.add(job, .refused, result: "refused", detail: "it is \(state.rawValue)")
                    case .notFound: try report.add(job, .missing, result: "not found")
                    }
                }
            }
            try await follow(requested, in: store, session: session, &report)
            try report.conclude("cancelled")
        }
    }

    /// Waits for executions that were asked to end, and tells what became of each.
    private func follow(
        _ requested: [(job: JobID, execution: ExecutionID)], in store: Store, session: Session, _ report: inout BulkReport
    ) async throws {
        guard !requested.isEmpty else { return }
        try session.output.flush()
        let attention = Attention(to: [.outcome], on: store.doorbell, clock: session.clock)
        defer { attention.stop() }
        let deadline = session.clock.uptime() + wait
        var open = requested
        while !open.isEmpty {
            var still: [(job: JobID, execution: ExecutionID)] = []
            for entry in open {
                guard let job = try await store.inspection.job(entry.job) else {
                    try report.add(entry.job, .succeeded, result: "stopped", detail: "and deleted since")
                    continue
                }
                let record = job.executions.first { $0.execution == entry.execution }
                if let record, record.outcome == nil {
                    still.append(entry)
                } else if job.summary.state == .completed || job.summary.state == .dead {
                    try report.add(entry.job, .refused, result: "refused", detail: "it was \(job.summary.state.rawValue) first")
                } else if job.summary.state == .cancelled {
                    try report.add(entry.job, .succeeded, result: "stopped")
                } else {
                    // Interrupted by its worker's end before the wish arrived, for example: the store still honours the wish.
                    try report.add(entry.job, .succeeded, result: "requested", detail: "it is \(job.summary.state.rawValue)")
                }
            }
            open = still
            guard !open.isEmpty else { return }
            let remaining = deadline - session.clock.uptime()
            guard remaining > .zero else { break }
            await attention.wait(atMost: min(remaining, Attention.safetyLook))
        }
        for entry in open {
            try report.add(entry.job, .succeeded, result: "requested", detail: "\(entry.execution) still runs")
            try session.talk.line(
                "\(entry.execution) has not ended yet; next: `\(Session.program) wait \(entry.job)`, `\(Session.program) logs -f \(entry.execution)`"
            )
        }
    }
}
