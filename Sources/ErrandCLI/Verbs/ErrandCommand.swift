// The command itself: its verbs, and nothing else.

import ArgumentParser
import Errand

struct ErrandCommand: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Session.program,
            abstract: "Background jobs in one binary and one directory.",
            discussion: """
                Exit codes: 0 ok, 1 a job or the operation failed, 2 bad usage, 3 not found, 4 store or worker unavailable, 5 conflict, \
                6 some of many failed, 74 stopped with outcomes unwritten, 124 time is up, 130 and 143 ended by a signal.
                """,
            version: "errand \(ErrandVersion.current)",
            subcommands: [
                Enqueue.self, Work.self, Run.self, Jobs.self, Show.self, Logs.self, Top.self, Errors.self, Events.self, Trace.self,
                Wait.self, Retry.self, Cancel.self, Promote.self, Edit.self, Delete.self, Queues.self, Periodic.self, Workflows.self,
                Workers.self,
                Stats.self, Prune.self,
                Export.self, Import.self, Backup.self, Embed.self, Migrate.self,
                Config.self, Completions.self, Doctor.self, BenchCommand.self, Version.self,
            ])
    }
}
