// `errand prune`: deletes finished jobs and old logs, and says what.

import ArgumentParser
import Errand

struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete finished jobs and old logs.",
        discussion: """
            Without --older-than and --keep the worker's own rules apply: completed jobs one day, cancelled ones seven, dead ones \
            thirty, at most a million in all; logs thirty days and 1 GiB.

            Exit codes: 0 done, also when there was nothing to delete, 2 bad usage, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions

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
        if keep != nil, !states.isEmpty { throw ValidationError("--keep counts all finished jobs: leave out --state.") }
        if logsOnly, keep != nil || !states.isEmpty { throw ValidationError("--logs-only takes neither --keep nor --state.") }
    }

    /// What is kept.
    var policy: RetentionPolicy {
        var policy = RetentionPolicy()
        guard olderThan != nil || keep != nil || !states.isEmpty else { return policy }
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
        try await store.withStore { store in
            let pruning = Pruning(store: store, policy: policy, now: session.clock.now())
            var report = Pruning.Report()
            if dryRun {
                if !logsOnly { report.jobs = try await pruning.countJobs() }
                try await pruning.countLogs(into: &report)
            } else {
                // Logs first, so that what is old among the logs of deleted jobs is counted as in a dry run.
                try await pruning.deleteLogs(into: &report)
                if !logsOnly { report.jobs = try await pruning.deleteJobs() }
            }
            if json {
                let object = JSONWriter.versioned { writer in
                    writer.member("dry_run", dryRun)
                    writer.member("jobs", report.jobs)
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
