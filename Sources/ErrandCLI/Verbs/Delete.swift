// `errand delete`: removes jobs with all that is kept about them.

import ArgumentParser
import Errand

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete jobs that are over, with their logs and keys.",
        discussion: """
            --force deletes jobs that wait as well, and cancels running ones first, which takes until they have ended or --wait is over.

            Exit codes: 0 all are deleted, 1 answered no, 2 bad usage or --yes is missing, 3 no such job, 4 store unavailable, \
            5 the job's state forbids it, 6 that is so for some of many.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var bulk: BulkOptions

    @Flag(help: "Delete jobs that are not over, too.")
    var force = false

    @Option(
        name: .customLong("wait"), help: ArgumentHelp("How long to wait for running jobs to end.", valueName: "duration"),
        transform: DurationArgument.read)
    var wait: Duration = .seconds(10)

    @Flag(name: .customLong("json"), help: "Print one JSON object per job.")
    var json = false

    func run() async throws {
        let session = Session.current
        let states: Set<JobState> = force ? Set(JobState.allCases) : [.completed, .cancelled, .dead]
        try await store.withStore { store in
            let jobs = try await bulk.targets("delete", in: store, states: states, session: session)
            if bulk.dryRun { return try bulk.list(jobs, session) }
            var report = BulkReport(isJSON: json, output: session.output)
            for slice in jobs.slices(of: 500) {
                var running: [JobID] = []
                for (job, result) in zip(slice, try await store.delete(slice, evenLive: force)) {
                    if force, result == .refused(.running) { running.append(job) } else { try report.add(job, result, done: "deleted") }
                }
                guard !running.isEmpty else { continue }
                _ = try await store.control.cancel(running, reason: "deleted")
                _ = try await JobWait(store: store, session: session).run(running, for: .finished, timeout: wait) { _, _ in }
                for (job, result) in zip(running, try await store.delete(running, evenLive: true)) {
                    try report.add(job, result, done: "deleted")
                }
            }
            try report.conclude("deleted")
        }
    }
}
