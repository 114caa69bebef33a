// What a job waits for, and the workflow that it belongs to, on the command line.

import ArgumentParser
import Errand

/// Prerequisites, their policy, and the job's place among others.
struct DependencyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Start only when this job, or all jobs of this workflow, have completed; may be repeated, up to 1000 times.", valueName: "id"),
        completion: .jobIDs)
    var after: [String] = []

    @Option(
        help: ArgumentHelp(
            "What becomes of it when one of those dies or is cancelled: cascade (default, it is cancelled too), ignore that, hold on.",
            valueName: "policy"),
        completion: .list(DependencyPolicy.allCases.map(\.rawValue)), transform: WordArgument.read)
    var ifFailed: DependencyPolicy?

    @Option(help: ArgumentHelp("What those call it that wait for it: 1 to 64 of a-z 0-9 . _ -", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Add it to this workflow, which has not ended; ERRAND_WORKFLOW_ID is that of a job's command.", valueName: "id"))
    var workflow: String?

    func validate() throws {
        if ifFailed != nil, after.isEmpty { throw ValidationError("--if-failed says more about --after: give that too.") }
        if after.count > Dependency.most {
            throw ValidationError("--after is given \(after.count) times, and at most \(Dependency.most) are allowed: wait for a workflow.")
        }
    }

    /// `job` with what was asked for, found in `store`; what has failed already is told.
    /// - Throws: ``Failure`` with status 3 for what is not there, 2 for what is ambiguous; `JobStoreError`.
    func apply(to job: inout NewJob, in store: Store, _ session: Session) async throws {
        guard !after.isEmpty || workflow != nil || name != nil else { return }
        let resolver = WorkflowResolver(store: store)
        if let workflow { job.workflow = try await resolver.workflow(workflow) }
        if let name { job.terms.name = name }
        for text in after {
            let prerequisite = try await resolver.prerequisite(text)
            guard !job.after.contains(where: { $0.prerequisite == prerequisite }) else { continue }
            job.after.append(Dependency(prerequisite, ifFailed: ifFailed ?? .cascade))
            try await remark(on: prerequisite, in: store, session)
        }
    }

    private func remark(on prerequisite: Prerequisite, in store: Store, _ session: Session) async throws {
        let state: JobState? =
            switch prerequisite {
            case .job(let id): try await store.inspection.states(of: [id])[0]
            case .workflow(let id): try await store.workflows.workflow(id)?.state
            case .entry: nil
            }
        guard let state, state == .dead || state == .cancelled else { return }
        let what =
            switch ifFailed ?? .cascade {
            case .cascade: "the job is cancelled at once; `--if-failed ignore` runs it all the same, `--if-failed hold` waits for a retry"
            case .ignore: "the job does not wait for it"
            case .hold: "the job waits for a retry of it"
            }
        try session.talk.line("\(prerequisite) is \(state.rawValue): \(what)")
        try session.talk.flush()
    }
}
