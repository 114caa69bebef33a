// Jobs that a verb changes: named one by one, or selected together after a question.

import ArgumentParser
import Errand

/// The targets of a verb that changes jobs.
struct BulkOptions: ParsableArguments {
    @OptionGroup var selection: SelectorOptions

    @Flag(help: "Change what is selected without asking.")
    var yes = false

    @Flag(help: "Only tell which jobs would be changed.")
    var dryRun = false

    @Argument(
        help: ArgumentHelp("IDs, unique prefixes, suffixes or key:K; \"-\" reads them from standard input.", valueName: "id"),
        completion: .jobIDs)
    var ids: [String] = []

    func validate() throws {
        if ids.isEmpty, selection.isEmpty, !selection.all {
            throw ValidationError("Which jobs? Give IDs, a selection such as --failed or --queue, or --all.")
        }
        if !ids.isEmpty, !selection.isEmpty || selection.all || selection.limit != nil || selection.cursor != nil {
            throw ValidationError("Give either IDs or a selection, not both.")
        }
    }

    /// Prints what a dry run has found.
    /// - Throws: ``Output/Closed``.
    func list(_ jobs: [JobID], _ session: Session) throws {
        for job in jobs { try session.output.line(job.description) }
    }

    /// Those of `jobs` that the verb would take, after saying how many, and why not the others.
    private func fitting(
        _ jobs: [JobID], for verb: String, in store: Store, states: Set<JobState>, session: Session
    ) async throws -> [JobID] {
        var fitting: [JobID] = []
        for (job, state) in zip(jobs, try await store.inspection.states(of: jobs)) {
            if let state, states.contains(state) {
                fitting.append(job)
            } else {
                try session.talk.line("\(job) would be refused: it is \(state?.rawValue ?? "gone")")
            }
        }
        try session.talk.line("would \(verb) \(fitting.count) job\(fitting.count == 1 ? "" : "s")")
        return fitting
    }

    /// The jobs, after asking where that is due; empty when the answer was no or nothing is selected (which has been said then).
    /// Without --state the selection is restricted to `states`, which are those that the verb can change.
    /// - Throws: ``Failure``: 3 for an unknown ID, 2 when nobody can be asked and --yes is missing; `JobStoreError`.
    func targets(_ verb: String, in store: Store, states: Set<JobState>, session: Session) async throws -> [JobID] {
        if !ids.isEmpty {
            let jobs = try await JobResolver(inspection: store.inspection).jobs(ids)
            if jobs.isEmpty { try session.talk.line("standard input names no job: nothing to \(verb)") }
            return dryRun ? try await fitting(jobs, for: verb, in: store, states: states, session: session) : jobs
        }
        var selector = try selection.selector(in: session)
        let asksForStates = !selector.states.isEmpty
        if !asksForStates { selector.states = states }
        var jobs: [JobID] = []
        let list = try await selection.list(selector, in: store.inspection)
        let rest = try await list.forEachPage { jobs += $0.map(\.id) }
        if let remark = rest?.remark("\(verb) …") { try session.talk.line(remark) }
        guard !jobs.isEmpty else {
            selector.states = []
            let others = asksForStates ? [] : try await store.inspection.jobs(matching: selector, before: nil, limit: 1).jobs
            let names = JobState.allCases.filter(states.contains).map(\.rawValue).joined(separator: ", ")
            try session.talk.line(
                others.isEmpty ? "no job matches: nothing to \(verb)" : "none of the jobs that match is \(names): nothing to \(verb)")
            return []
        }
        let count = "\(jobs.count) job\(jobs.count == 1 ? "" : "s")"
        guard !dryRun else {
            try session.talk.line("would \(verb) \(count)")
            return jobs
        }
        guard !yes else {
            try session.talk.line("\(verb) \(count)")
            return jobs
        }
        guard session.canAsk else {
            throw Failure(.usage, "this would \(verb) \(count): add --yes, or look first with --dry-run")
        }
        try session.talk.write("\(verb) \(count)? [y/N] ".utf8)
        try session.talk.flush()
        let answer = session.readAnswer()?.lowercased()
        guard answer == "y" || answer == "yes" else { throw Failure(.failed, "nothing was changed") }
        return jobs
    }
}

/// What happened to each of many jobs, and the exit code that follows.
struct BulkReport {
    /// Jobs that are now as they should be.
    private(set) var succeeded = 0
    /// Jobs whose state forbids it.
    private(set) var refused = 0
    /// Jobs that do not exist.
    private(set) var missing = 0
    private let isJSON: Bool
    private let output: Output

    init(isJSON: Bool, output: Output) {
        self.isJSON = isJSON
        self.output = output
    }

    /// How one job fared.
    enum Fate {
        case succeeded, refused, missing
    }

    /// Prints what happened to one job and counts it.
    /// - Throws: ``Output/Closed``.
    mutating func add(_ job: JobID, _ fate: Fate, result: String, detail: String? = nil) throws {
        switch fate {
        case .succeeded: succeeded += 1
        case .refused: refused += 1
        case .missing: missing += 1
        }
        if isJSON {
            let object = JSONWriter.versioned { writer in
                writer.member("id", job.description)
                writer.member("result", result)
                if let detail { writer.member("detail", detail) }
            }
            try output.object(object)
        } else {
            try output.line("\(job)\t\(result)\(detail.map { " (\($0))" } ?? "")")
        }
    }

    /// Prints what a change brought.
    /// - Throws: ``Output/Closed``.
    mutating func add(_ job: JobID, _ result: ChangeResult, done: String) throws {
        switch result {
        case .changed: try add(job, .succeeded, result: done)
        case .refused(let state): try add(job, .refused, result: "refused", detail: "it is \(state.rawValue)")
        case .uniqueConflict(let owner): try add(job, .refused, result: "refused", detail: "\(owner) has that unique key")
        case .notFound: try add(job, .missing, result: "not found")
        }
    }

    /// Ends the verb with the right code.
    /// - Throws: ``Failure``: 6 when some succeeded and others did not, 3 when none exists, 5 when none could be changed.
    func conclude(_ verb: String) throws {
        guard refused + missing > 0 else { return }
        if succeeded > 0 { throw Failure(.partial, "\(refused + missing) of \(succeeded + refused + missing) jobs could not be \(verb)") }
        if refused > 0 { throw Failure(.conflict, "no job could be \(verb)") }
        throw Failure(.notFound, "no such job: `\(Session.program) jobs` lists them")
    }
}
