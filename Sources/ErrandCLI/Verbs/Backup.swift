// `errand backup`: a copy of the store that is a store itself, made while workers go on.

import ArgumentParser
import Errand
import ErrandSQLite

struct Backup: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Copy the store to a directory that is a store itself, while workers go on.",
            discussion: """
                Every job that was acknowledged before the command began is in the copy. It is read back and counted before success is \
                reported, and gets its name only then. Jobs that were running are available in it. Without --logs the log lines stay \
                behind. Copying queue.db by other means is no backup: the newest rows are in its write-ahead log.

                To restore, stop the workers, move the damaged store away, copy the backup to its place (`cp -a BACKUP STORE && sync`) and start \
                the workers; or name the copy with --store. Keep the backup itself as it is: each copy of it begins with execution IDs of \
                its own.

                Exit codes: 0 copied and checked, 2 bad usage, 4 store unavailable or damaged, or no room for the copy, 5 the directory \
                exists (--force replaces an earlier backup, and nothing else).
                """)
    }

    @OptionGroup var store: StoreOptions

    @Flag(help: "Copy the logs of jobs as well.")
    var logs = false

    @Flag(help: "Replace an earlier backup of that name.")
    var force = false

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    @Argument(help: ArgumentHelp("Where to; a directory that does not exist yet.", valueName: "directory"))
    var directory: String

    func run() async throws {
        let session = Session.current
        guard !directory.isEmpty else { throw Failure(.usage, "the directory is empty: name one that does not exist yet") }
        let target = directory.hasPrefix("/") ? directory : "\(session.directory)/\(directory)"
        var options = SQLiteStoreOptions()
        options.createIfMissing = false
        let opened = try SQLiteStore.open(directory: try store.resolved(in: session), options: options)
        defer { opened.close() }
        let report = try await opened.backup(to: target, includesLogs: logs, replacesBackup: force)
        if json {
            let object = JSONWriter.versioned { writer in
                writer.member("directory", target)
                writer.member("jobs", report.jobs)
                writer.member("running", report.running)
                writer.member("bytes", report.bytes)
                writer.member("logs", report.hasLogs)
            }
            try session.output.object(object)
        } else {
            let jobs = "\(report.jobs) job\(report.jobs == 1 ? "" : "s")"
            try session.output.line(
                "\(TerminalText.escaped(target)): \(jobs)\(report.hasLogs ? " with their logs" : ""), \(ByteText.short(report.bytes)), checked"
            )
        }
    }
}
