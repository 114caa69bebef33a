// `errand wait`: returns when jobs have ended, or begun.

import ArgumentParser
import Errand

extension WaitGoal: ExpressibleByArgument {}

struct Wait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Wait until jobs have ended, or begun.",
        discussion: """
            Prints each job's ID and state as it gets there; with --result what its handler returned instead, as it is stored, for jobs \
            that completed: an empty line for nothing. On a terminal it shows how far the first of them says it is.

            Exit codes: 0 all (with --any: one) completed or got there, 1 one died or was cancelled, 2 bad usage, 3 no such job, \
            4 store unavailable, 124 time is up.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var selection: SelectorOptions

    @Option(name: .customLong("for"), help: ArgumentHelp("What to wait for: finished, completed or running.", valueName: "goal"))
    var goal: WaitGoal = .finished

    @Flag(help: "Return when the first of the jobs is there.")
    var any = false

    @Option(
        help: ArgumentHelp("Give up after this long, exit 124.", valueName: "duration"), transform: DurationArgument.read)
    var timeout: Duration?

    @Flag(help: "Print what completed jobs returned, instead of their IDs and states; with --json as well.")
    var result = false

    @OptionGroup var config: ConfigurationOptions

    @Flag(name: .customLong("json"), help: "Print one JSON object per job: id and state, with --result the result.")
    var json = false

    @Argument(
        help: ArgumentHelp("IDs, unique prefixes, suffixes or key:K; \"-\" reads them from standard input.", valueName: "id"),
        completion: .jobIDs)
    var ids: [String] = []

    func validate() throws {
        if ids.isEmpty, selection.isEmpty, !selection.all {
            throw ValidationError("Which jobs? Give IDs, or a selection such as --tag import.")
        }
        if !ids.isEmpty, !selection.isEmpty || selection.all { throw ValidationError("Give either IDs or a selection, not both.") }
        if result, goal == .running {
            throw ValidationError("A job that has just begun has no result: leave out --for running or --result.")
        }
    }

    func run() async throws {
        let session = Session.current
        let security = result ? try SecurityPlan(try config.load(in: session), in: session) : nil
        try await store.withStore { store in
            let store = security?.shown(store) ?? store
            let jobs = try await jobs(in: store.inspection, session)
            guard !jobs.isEmpty else {
                return try session.talk.line("\(ids.isEmpty ? "no job matches" : "standard input names no job"): nothing to wait for")
            }
            var failed: JobID?
            var deleted: JobID?
            let isDone = try await JobWait(store: store, session: session).run(jobs, for: goal, any: any, timeout: timeout) { job, state in
                guard let state else {
                    deleted = job
                    return
                }
                if !goal.isMet(state) { failed = failed ?? job }
                try report(job, state, result ? try await store.inspection.job(job)?.result : nil, to: session.output)
                // A job that has died decides the whole wait for `completed`.
                if goal == .completed, !any, failed != nil { throw failure(of: job, state) }
            }
            guard isDone else { throw Failure(.timeout, "time is up after \(timeout.map { DurationText.format($0) } ?? "")") }
            if let failed {
                let state = try await store.inspection.states(of: [failed])[0] ?? .dead
                throw failure(of: failed, state)
            }
            if let deleted { throw Failure(.notFound, "the job \(deleted) was deleted while waiting") }
        }
    }

    /// The jobs as they are selected now: those that come later are not waited for.
    private func jobs(in inspection: any JobInspection, _ session: Session) async throws -> [JobID] {
        guard ids.isEmpty else { return try await JobResolver(inspection: inspection).jobs(ids) }
        var jobs: [JobID] = []
        let list = try await selection.list(try selection.selector(in: session), in: inspection)
        let rest = try await list.forEachPage { jobs += $0.map(\.id) }
        if let remark = rest?.remark("wait …") { try session.talk.line(remark) }
        return jobs
    }

    private func failure(of job: JobID, _ state: JobState) -> Failure {
        Failure(.failed, "the job \(job) is \(state.rawValue); next: `\(Session.program) show \(job)`")
    }

    private func report(_ job: JobID, _ state: JobState, _ returned: [UInt8]?, to output: Output) throws {
        if json {
            let object = JSONWriter.versioned { writer in
                writer.member("id", job.description)
                writer.member("state", state.rawValue)
                if result { JobJSON.add("result", returned, to: &writer) }
            }
            try output.object(object)
        } else if result {
            guard state == .completed else { return }
            if let sealed = returned.flatMap({ SealedBytes($0) }) {
                throw Failure(.failed, "the result of \(job) is encrypted with the key \(sealed.keyID): name it in errand.yaml (--config)")
            }
            try output.object(JobJSON.onOneLine(returned ?? []))
        } else {
            try output.line("\(job)\t\(state.rawValue)")
        }
        try output.flush()
    }
}
