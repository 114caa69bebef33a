// `errand workflow`: jobs that belong together, and wait for each other.

import ArgumentParser
import Errand

struct Workflows: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "workflow",
            abstract: "Start, show, cancel and retry jobs that belong together.",
            discussion: """
                The jobs of a workflow are counted together and belong to one trace. Some wait for others (`after`); what comes after all of \
                them waits for the workflow: \(Session.program) enqueue --after w… -- ./publish. Without dependencies it is a batch.
                """,
            subcommands: [
                WorkflowList.self, WorkflowStart.self, WorkflowShow.self, WorkflowClose.self, WorkflowWait.self, WorkflowCancel.self,
                WorkflowRetry.self,
            ], defaultSubcommand: WorkflowList.self)
    }
}

struct WorkflowList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List workflows, newest first.",
        discussion: """
            On a terminal a table; in a pipe tab-separated: ID, state, jobs, completed, dead, cancelled, started, ended, name.

            Exit codes: 0 listed, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigurationOptions

    @Option(help: ArgumentHelp("At most so many, the newest, 1 to 100000.", valueName: "number"))
    var limit = 50

    func validate() throws {
        if !(1...100_000).contains(limit) { throw ValidationError("--limit takes a number from 1 to 100000.") }
    }

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let workflows = try await security.shown(store).workflows.workflows(before: nil, limit: limit)
            let table = WorkflowTable(style: output.style(for: session.output, in: session), now: session.clock.now())
            try table.write(workflows, as: output.chosen, to: session.output)
        }
    }
}

/// The workflow that a verb means.
struct WorkflowArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("A workflow's ID, or its beginning.", valueName: "id"))
    var id: String

    /// The workflow as it stands.
    /// - Throws: ``Failure`` with status 3 when there is none; `JobStoreError`.
    func status(in store: Store) async throws -> WorkflowStatus {
        let found = try await WorkflowResolver(store: store).workflow(id)
        guard let status = try await store.workflows.workflow(found) else {
            throw Failure(.notFound, "the workflow \(found) has just been deleted: `\(Session.program) workflow` lists what is left")
        }
        return status
    }

    /// All jobs of a workflow that are in one of `states`, in the order in which they were added.
    static func jobs(of workflow: WorkflowID, in states: Set<JobState>, _ store: Store) async throws -> [JobID] {
        var found: [JobID] = []
        var cursor: JobID?
        repeat {
            let page = try await store.workflows.jobs(of: workflow, after: cursor, limit: 500)
            cursor = page.last
            let known = try await store.inspection.states(of: page)
            found += zip(page, known).filter { $0.1.map(states.contains) ?? false }.map(\.0)
        } while cursor != nil
        return found
    }
}

struct WorkflowShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show how a workflow stands, and what of it has failed.",
        discussion: """
            `trace` shows all of its jobs and what waits for what.

            Exit codes: 0 shown, 2 bad usage, 3 no such workflow, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var which: WorkflowArgument

    /// So many of the jobs that have failed, or run, are named.
    private static let named = 10

    func run() async throws {
        let session = Session.current
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.shown(store)
            let status = try await which.status(in: store)
            switch output.chosen {
            case .json: try session.output.object(WorkflowTable.object(status))
            case .ids: try session.output.line(status.id.description)
            case .table, .wide:
                for line in try await lines(status, in: store, session) { try session.output.line(line) }
            }
        }
    }

    /// Jobs that go on waiting for what has failed; some of the first that wait for anything.
    private func held(of workflow: WorkflowID, in store: Store) async throws -> [(job: JobID, prerequisites: [Prerequisite])] {
        let blocked = try await WorkflowArgument.jobs(of: workflow, in: [.blocked], store).prefix(1000)
        let records = try await store.workflows.dependencies(of: Array(blocked))
        let held = blocked.compactMap { job -> (job: JobID, prerequisites: [Prerequisite])? in
            let failed = (records[job] ?? []).filter { $0.isOpen && ($0.state?.isFinal ?? true) && $0.state != .completed }
            return failed.isEmpty ? nil : (job, failed.map(\.prerequisite))
        }
        return Array(held.prefix(WorkflowShow.named))
    }

    private func lines(_ status: WorkflowStatus, in store: Store, _ session: Session) async throws -> [String] {
        let style = output.style(for: session.output, in: session)
        let now = session.clock.now()
        let state = style.paint(WorkflowTable.state(of: status), TextStyle.color(of: status.state))
        var lines = ["\(style.bold("workflow"))  \(status.id)  \(state)"]
        func add(_ name: String, _ value: String?) {
            if let value { lines.append(name + String(repeating: " ", count: max(1, 10 - name.count)) + value) }
        }
        add("name", status.name.map { TerminalText.escaped($0) })
        add("key", status.key.map { TerminalText.escaped($0) })
        add("jobs", WorkflowTable.progress(of: status))
        add("progress", status.total > 0 ? "\(Int(status.fraction * 100))%" : nil)
        add("started", style.moment(status.startedAt, now: now))
        add("ended", status.endedAt.map { style.moment($0, now: now) })
        for (title, states) in [("running", Set([JobState.running])), ("dead", [.dead]), ("cancelled", [.cancelled])] {
            let jobs = try await WorkflowArgument.jobs(of: status.id, in: states, store)
            guard !jobs.isEmpty else { continue }
            lines += ["", style.bold(title)]
            for job in jobs.prefix(WorkflowShow.named) {
                guard let detail = try await store.inspection.job(job)?.summary else { continue }
                let name = detail.name.map { " \($0)" } ?? ""
                let reason = detail.reason.map { "  \(TerminalText.escaped($0))" } ?? ""
                lines.append("  \(job)  \(detail.kind)\(name)\(reason)")
            }
            if jobs.count > WorkflowShow.named {
                lines.append(
                    "  and \(jobs.count - WorkflowShow.named) more: `\(Session.program) jobs --workflow \(status.id) --state \(title)`")
            }
        }
        let program = Session.program
        let held = try await held(of: status.id, in: store)
        if !held.isEmpty {
            lines += ["", style.bold("held by what has failed")]
            lines += held.map { "  \($0.job)  after \($0.prerequisites.map(\.description).joined(separator: ", "))" }
            lines.append(
                style.paint(
                    "  retry what has failed, or go on without it: `\(program) promote --despite-dependencies \(held[0].job)`", .yellow))
        }
        var next = ["`\(program) trace \(status.id)`"]
        switch status.state {
        case .completed: break
        case .dead: next.append("`\(program) workflow retry \(status.id)`")
        default:
            if status.isOpen { next.append("`\(program) workflow close \(status.id)` when all jobs are added") }
            next.append("`\(program) workflow wait \(status.id)`")
        }
        return lines + ["", "next: " + next.joined(separator: ", ")]
    }
}

struct WorkflowClose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Let an open workflow end with its last job.",
        discussion: "Exit codes: 0 closed (or closed before), 2 bad usage, 3 no such workflow, 4 store unavailable.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: WorkflowArgument

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let before = try await which.status(in: store)
            guard let status = try await store.workflows.close(before.id) else {
                throw Failure(.notFound, "the workflow \(before.id) has just been deleted")
            }
            try session.output.line("\(status.id)\t\(before.isOpen ? "closed" : "closed before")\t\(WorkflowTable.progress(of: status))")
        }
    }
}

struct WorkflowWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until a workflow has ended.",
        discussion: """
            Exit codes: 0 all of its jobs completed, 1 some died or were cancelled, 2 bad usage, 3 no such workflow, 4 store \
            unavailable, 124 time is up.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: WorkflowArgument

    @Option(help: ArgumentHelp("Give up after this long, exit 124.", valueName: "duration"), transform: DurationArgument.read)
    var timeout: Duration?

    @Flag(name: .customLong("json"), help: "Print the workflow as a JSON object.")
    var json = false

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let attention = Attention(to: [.outcome], on: store.doorbell, clock: session.clock)
            defer { attention.stop() }
            let deadline = timeout.map { session.clock.uptime() + $0 }
            var status = try await which.status(in: store)
            while status.endedAt == nil {
                let remaining = deadline.map { $0 - session.clock.uptime() } ?? Attention.safetyLook
                guard remaining > .zero else {
                    throw Failure(
                        .timeout, "time is up: \(status.id) is \(WorkflowTable.state(of: status)), \(WorkflowTable.progress(of: status))")
                }
                await attention.wait(atMost: min(remaining, Attention.safetyLook))
                guard let now = try await store.workflows.workflow(status.id) else {
                    throw Failure(.notFound, "the workflow \(status.id) was deleted while waiting")
                }
                status = now
            }
            if json {
                try session.output.object(WorkflowTable.object(status))
            } else {
                try session.output.line("\(status.id)\t\(WorkflowTable.state(of: status))\t\(WorkflowTable.progress(of: status))")
            }
            if status.state != .completed { throw Failure(code: ExitStatus.failed.rawValue, "") }
        }
    }
}

struct WorkflowCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel all jobs of a workflow that have not ended, and close it.",
        discussion: """
            Jobs that wait for the workflow go by their own policies.

            Exit codes: 0 cancelled or requested, 2 bad usage, 3 no such workflow, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: WorkflowArgument

    @Option(help: ArgumentHelp("Why, for people.", valueName: "text"))
    var reason: String?

    func validate() throws {
        if let reason, reason.utf8.count > 1000 { throw ValidationError("--reason has more than 1000 bytes.") }
    }

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let status = try await which.status(in: store)
            _ = try await store.workflows.close(status.id)
            let live = Set(JobState.allCases.filter { !$0.isFinal })
            // Whoever waits for others first, so that none is released by the end of another.
            let jobs = try await WorkflowArgument.jobs(of: status.id, in: live, store).reversed()
            var (cancelled, requested) = (0, 0)
            for slice in Array(jobs).slices(of: 500) {
                for result in try await store.control.cancel(slice, reason: reason) {
                    switch result {
                    case .cancelled: cancelled += 1
                    case .requested: requested += 1
                    case .finished, .notFound: break
                    }
                }
            }
            let asked = requested > 0 ? ", \(requested) asked to stop" : ""
            try session.output.line("\(status.id)\t\(cancelled) cancelled\(asked)")
        }
    }
}

struct WorkflowRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Make the dead and cancelled jobs of a workflow available again.",
        discussion: """
            Those that depend on others of them wait for those again; what has completed is not run again. Jobs that were cancelled because \
            the workflow had failed wait for it again.

            Exit codes: 0 retried (or nothing to retry), 2 bad usage, 3 no such workflow, 4 store unavailable, 6 some could not be retried.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var which: WorkflowArgument

    @Flag(help: "Begin to count attempts and crashes again.")
    var resetAttempts = false

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let status = try await which.status(in: store)
            var jobs = try await WorkflowArgument.jobs(of: status.id, in: [.dead, .cancelled], store)
            // What was cancelled because the workflow had failed waits for it again.
            let followers = try await store.workflows.dependents(of: [.workflow(status.id)], limit: 100_000)
            if !jobs.isEmpty { jobs += try await JobFamily(in: store).jobs(under: followers, in: [.cancelled]) }
            var retried = 0
            // At once: what has failed again in between would be taken for what is to be ignored.
            for slice in jobs.slices(of: 10_000) {
                let results = try await store.control.retry(slice, resettingAttempts: resetAttempts)
                for (job, result) in zip(slice, results) {
                    switch result {
                    case .retried: retried += 1
                    case .uniqueConflict(let owner): try session.talk.line("\(job): job \(owner) has its unique key now")
                    case .refused(let state): try session.talk.line("\(job): it is \(state.rawValue)")
                    case .invalid(let reason): try session.talk.line("\(job): it cannot run: \(TerminalText.escaped(reason))")
                    case .notFound: try session.talk.line("\(job): it has just been deleted")
                    }
                }
            }
            try session.output.line("\(status.id)\t\(retried) retried")
            try session.output.flush()
            if retried < jobs.count { throw Failure(.partial, "\(jobs.count - retried) of \(jobs.count) jobs could not be retried") }
        }
    }
}
