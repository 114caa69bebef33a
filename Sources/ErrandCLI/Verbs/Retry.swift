// `errand retry`: makes jobs available again.

import ArgumentParser
import Errand

struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make dead, cancelled and retryable jobs available again, at once.",
        discussion: """
            A dead job gets one more attempt; --reset-attempts gives it all of them again. One whose unique key another job has by now is \
            left alone; expiry and deadline of a job that had ended no longer hold.

            --set changes the payload before: errand retry ID --set customer.id=7 --set 'items=["x"]'. A value that is JSON is taken as \
            such, another one as text.

            Exit codes: 0 all are available, 1 answered no, 2 bad usage or --yes is missing, 3 no such job, 4 store unavailable, \
            5 the job's state forbids it, 6 that is so for some of many.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var bulk: BulkOptions

    @Flag(help: "Begin to count attempts and crashes again.")
    var resetAttempts = false

    @Flag(help: "Forget the steps that the jobs have recorded: they begin anew.")
    var forgetSteps = false

    @Flag(help: "Retry also what hangs on them: the jobs that they caused, and those that wait for them, where these have failed.")
    var tree = false

    @OptionGroup var change: PayloadChange
    @OptionGroup var config: ConfigurationOptions

    @Flag(name: .customLong("json"), help: "Print one JSON object per job.")
    var json = false

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.applied(to: store)
            let states: Set<JobState> = [.dead, .cancelled, .retryable]
            var jobs = try await bulk.targets("retry", in: store, states: tree ? Set(JobState.allCases) : states, session: session)
            if tree {
                jobs = try await JobFamily(in: store).jobs(under: jobs, in: states)
                try session.talk.line("with all that hangs on them: \(ExportCounts.text(jobs.count, "job"))")
            }
            if bulk.dryRun { return try bulk.list(jobs, session) }
            var report = BulkReport(isJSON: json, output: session.output)
            // A tree at once: what has failed again in between would be taken for what is to be ignored.
            for slice in jobs.slices(of: tree ? 10_000 : 500) {
                var edits: [JobID: JobEdit] = [:]
                for job in slice {
                    edits[job] = try await change.edit(of: job, in: store)
                    if forgetSteps { edits[job, default: JobEdit()].forgetsSteps = true }
                }
                let results = try await store.control.retry(slice, resettingAttempts: resetAttempts, edits: edits)
                for (job, result) in zip(slice, results) {
                    switch result {
                    case .retried: try report.add(job, .succeeded, result: "retried")
                    case .refused(let state): try report.add(job, .refused, result: "refused", detail: "it is \(state.rawValue)")
                    case .uniqueConflict(let owner):
                        try report.add(
                            job, .refused, result: "refused",
                            detail: "job \(owner) has its unique key now: cancel that one first, or let it end")
                    case .invalid(let reason):
                        try report.add(job, .refused, result: "refused", detail: "it cannot run: \(TerminalText.escaped(reason))")
                    case .notFound: try report.add(job, .missing, result: "not found")
                    }
                }
            }
            try report.conclude("retried")
        }
    }
}

extension Array {
    /// The array in pieces of at most `size`.
    func slices(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
