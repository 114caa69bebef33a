// `errand prune`: deletes finished jobs and old logs, and says what.

import ArgumentParser
import Errand
import ErrandHandlers

struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete finished jobs and old logs.",
        discussion: """
            Without --older-than and --keep the rules of errand.yaml apply (`retention`), as in the worker that reads it, or the usual \
            ones: completed jobs one day, cancelled ones seven, dead ones thirty, at most a million and 4 GiB in all; logs thirty days \
            and 1 GiB. A dead job that halts its sequence stays.

            Exit codes: 0 done, also when there was nothing to delete, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions

    @Option(
        help: ArgumentHelp("Jobs that ended, and log lines that were written, longer ago than this.", valueName: "duration"),
        transform: DurationArgument.read)
    var olderThan: Duration?

    @Option(help: ArgumentHelp("Keep so many of the finished jobs, the newest.", valueName: "count"))
    var keep: Int?

    @Option(
        name: .customLong("state"), help: ArgumentHelp("Only completed, cancelled or dead jobs; may be repeated.", valueName: "state"),
        transform: StateArgument.read)
    var states: [JobState] = []

    @Option(help: ArgumentHelp("Only jobs of this queue.", valueName: "queue"), completion: .queues)
    var queue: String?

    @Option(help: ArgumentHelp("Only jobs of this kind.", valueName: "kind"), completion: .kinds)
    var kind: String?

    @Flag(help: "Delete log lines only.")
    var logsOnly = false

    @Flag(help: "Only tell what would be deleted.")
    var dryRun = false

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    func validate() throws {
        if let keep, keep < 0 { throw ValidationError("--keep is negative: give a number of jobs.") }
        if let live = states.first(where: { !$0.isFinal }) {
            throw ValidationError(
                "--state \(live.rawValue): only completed, cancelled and dead jobs can be pruned; `\(Session.program) cancel` ends others.")
        }
        if keep != nil, !states.isEmpty, !isPartial { throw ValidationError("--keep counts all finished jobs: leave out --state.") }
        if logsOnly, keep != nil || !states.isEmpty || isPartial {
            throw ValidationError("--logs-only takes neither --keep, --state, --queue nor --kind.")
        }
        for (name, what) in [(queue, "queue"), (kind, "kind")] {
            if let name, let problem = JobRules.nameProblem(name, what: what) { throw ValidationError("\(problem).") }
        }
        if isPartial, olderThan == nil, keep == nil {
            throw ValidationError("Which of them? Give --older-than or --keep (0 for none).")
        }
    }

    /// Whether only some queues or kinds are meant.
    private var isPartial: Bool { queue != nil || kind != nil }

    /// What is kept of the jobs of one queue or kind; everything of the others.
    private var partialPolicy: RetentionPolicy {
        var policy = RetentionPolicy()
        (policy.completed, policy.cancelled, policy.dead) = (nil, nil, nil)
        (policy.finishedJobs, policy.finishedBytes, policy.logBytes, policy.logAge) = (nil, nil, nil, nil)
        policy.rules = (states.isEmpty ? [nil] : states.map(Optional.some)).map { state in
            RetentionRule { ($0.queue, $0.kind, $0.state, $0.age, $0.jobs) = (queue, kind, state, olderThan, keep) }
        }
        return policy
    }

    /// What is kept; `usual` without flags.
    func policy(usual: RetentionPolicy) -> RetentionPolicy {
        guard !isPartial else { return partialPolicy }
        var policy = usual
        guard olderThan != nil || keep != nil || !states.isEmpty else { return policy }
        (policy.rules, policy.results, policy.finishedBytes) = ([], nil, nil)
        let chosen: (JobState) -> Bool = { states.isEmpty || states.contains($0) }
        if keep == nil, olderThan == nil {
            if !chosen(.completed) { policy.completed = nil }
            if !chosen(.cancelled) { policy.cancelled = nil }
            if !chosen(.dead) { policy.dead = nil }
        } else {
            policy.completed = chosen(.completed) ? olderThan : nil
            policy.cancelled = chosen(.cancelled) ? olderThan : nil
            policy.dead = chosen(.dead) ? olderThan : nil
        }
        policy.finishedJobs = keep
        policy.logBytes = nil
        policy.logAge = states.isEmpty ? olderThan : nil
        return policy
    }

    func run() async throws {
        let session = Session.current
        let usual = try config.load(in: session)?.retention ?? RetentionPolicy()
        try await store.withStore { store in
            let pruning = Pruning(store: store, policy: policy(usual: usual), now: session.clock.now())
            var report = Pruning.Report()
            if dryRun {
                if !logsOnly { report.jobs = try await pruning.countJobs() }
                try await pruning.countLogs(into: &report)
            } else {
                // Logs first, so that what is old among the logs of deleted jobs is counted as in a dry run.
                try await pruning.deleteLogs(into: &report)
                if !logsOnly { try await pruning.deleteJobs(into: &report) }
            }
            if json {
                let object = JSONWriter.versioned { writer in
                    writer.member("dry_run", dryRun)
                    writer.member("jobs", report.jobs)
                    writer.member("results", report.results)
                    writer.member("log_chunks", report.chunks)
                    writer.member("log_bytes", report.bytes)
                }
                try session.output.object(object)
            } else {
                let verb = dryRun ? "would delete" : "deleted"
                try session.output.line(
                    "\(verb) \(report.jobs) job\(report.jobs == 1 ? "" : "s") and \(report.chunks) old log chunk\(report.chunks == 1 ? "" : "s") (\(report.bytes) bytes)"
                )
            }
        }
    }
}
