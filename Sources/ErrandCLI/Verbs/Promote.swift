// `errand promote`: makes jobs available before their time.

import ArgumentParser
import Errand

struct Promote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make scheduled and retryable jobs available now.",
        discussion: """
            With --despite-dependencies jobs as well that are blocked: they wait for nothing any more.

            Exit codes: 0 all are available, 1 answered no, 2 bad usage or --yes is missing, 3 no such job, 4 store unavailable, \
            5 the job's state forbids it, 6 that is so for some of many.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var bulk: BulkOptions

    @Flag(help: "Blocked jobs too: they wait for nothing any more.")
    var despiteDependencies = false

    @Flag(name: .customLong("json"), help: "Print one JSON object per job.")
    var json = false

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let jobs = try await bulk.targets(
                "promote", in: store, states: despiteDependencies ? [.scheduled, .retryable, .blocked] : [.scheduled, .retryable],
                session: session)
            if bulk.dryRun { return try bulk.list(jobs, session) }
            var report = BulkReport(isJSON: json, output: session.output)
            for slice in jobs.slices(of: 500) {
                let results = try await store.control.promote(slice, despiteDependencies: despiteDependencies)
                for (job, result) in zip(slice, results) {
                    if result == .refused(.blocked) {
                        try report.add(
                            job, .refused, result: "refused", detail: "it is blocked: --despite-dependencies lets it go on all the same")
                    } else {
                        try report.add(job, result, done: "promoted")
                    }
                }
            }
            try report.conclude("promoted")
        }
    }
}
