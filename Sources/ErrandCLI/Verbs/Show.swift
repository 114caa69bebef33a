// `errand show`: one job in full.

import ArgumentParser
import Errand

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one job: where it stands, its executions, its error, and what to type next.",
        discussion: """
            Payload and result are decrypted with the keys that errand.yaml names, and shown without what it wants redacted, where \
            this command reads that file (--config, ERRAND_CONFIG or ./errand.yaml).

            Exit codes: 0 shown, 2 bad usage or an ambiguous ID, 3 no such job, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigurationOptions

    @Flag(help: "Print text from the job as it is, control characters included.")
    var raw = false

    @Argument(help: ArgumentHelp("An ID, unique prefix, suffix or key:K.", valueName: "id"), completion: .jobIDs)
    var id: String

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.shown(store)
            let job = try await JobResolver(inspection: store.inspection).target(id).job
            guard let detail = try await store.inspection.job(job) else {
                throw Failure(.notFound, "the job \(job) has just been deleted: `\(Session.program) jobs` lists what is left")
            }
            let steps = try await store.steps.steps(of: job)
            let after = try await store.workflows.dependencies(of: [job])[job] ?? []
            switch output.chosen {
            case .json: try session.output.object(JobJSON.detail(detail, steps: steps, after: after))
            case .ids: try session.output.line(job.description)
            case .table, .wide:
                var coverage = WorkerCoverage(workers: [])
                if !detail.summary.state.isFinal {
                    coverage = WorkerCoverage(
                        workers: try await store.inspection.stats().workers, settings: try await store.queues.settings())
                }
                let text = JobText(style: output.style(for: session.output, in: session), now: session.clock.now(), isRaw: raw)
                for line in text.lines(detail, steps: steps, after: after, coverage: coverage) { try session.output.line(line) }
            }
        }
    }
}
