// What the doctor sees from outside: sizes, modes, disk, file system. Paths only: opening a database file here and closing it again
// would drop SQLite's own locks on it.

import Errand
import ErrandSQLite
import Glibc

/// Checks of a store's directory.
struct FileChecks {
    let directory: String
    /// How much of the disk is left alone; `nil` is the store's default.
    var reserve: Int?

    /// Whether nothing has this name.
    var isMissing: Bool {
        var status = stat()
        return stat(directory, &status) != 0 && errno == ENOENT
    }

    /// Everything that can be told without opening the store.
    func findings() -> [Finding] {
        var status = stat()
        guard stat(directory, &status) == 0 else {
            return [
                Finding(check: "directory", level: .failure, message: "cannot look at \(directory): \(String(cString: strerror(errno)))")
            ]
        }
        return [modes(status), sizes(), journal(), disk()] + [ballast(), stranded()].compactMap(\.self) + [fileSystem()]
    }

    private func modes(_ status: stat) -> Finding {
        let mode = String(status.st_mode & 0o777, radix: 8)
        if status.st_uid != geteuid() {
            return Finding(
                check: "directory", level: .warning,
                message: "\(directory) belongs to user \(status.st_uid), not to you (\(geteuid())): run \(Session.program) as its owner")
        }
        // The mode of its own database is the application's business.
        let open = ["queue.db", "logs.db", "lock"].filter { name in
            if name == "queue.db", SQLiteStore.database(in: directory) != "\(directory)/queue.db" { return false }
            var file = stat()
            return stat("\(directory)/\(name)", &file) == 0 && file.st_mode & 0o077 != 0
        }
        if status.st_mode & 0o077 != 0 {
            return Finding(
                check: "directory", level: .warning,
                message: "\(directory) has mode \(mode), so others may enter: `chmod 700 \(directory)` keeps payloads and logs private")
        }
        if !open.isEmpty {
            return Finding(
                check: "directory", level: .warning, message: "\(open.joined(separator: ", ")) may be read by others: `chmod 600` them")
        }
        return Finding(check: "directory", level: .ok, message: "\(directory), mode \(mode)")
    }

    /// The path of a file of the store; those of the queue may be an application's.
    private func place(of name: String) -> String {
        name.hasPrefix("queue.db") ? SQLiteStore.database(in: directory) + name.dropFirst("queue.db".count) : "\(directory)/\(name)"
    }

    /// What plain SQL has put into the inbox and no rule can make a job of.
    private func stranded() -> Finding? {
        do throws(JobStoreError) {
            guard let (jobs, problem) = try SQLiteStore.stranded(in: directory) else { return nil }
            return Finding(
                check: "inbox", level: .warning,
                message:
                    "\(jobs) row\(jobs == 1 ? "" : "s") of errand_inbox can never become a job: \(TerminalText.escaped(problem)); delete \(jobs == 1 ? "it" : "them")"
            )
        } catch {
            // A store that cannot be read, or is of an earlier schema, is told by other checks.
            return nil
        }
    }

    private func sizes() -> Finding {
        let names = ["queue.db", "queue.db-wal", "logs.db", "logs.db-wal"]
        let sizes = names.map { (name: $0, bytes: FileChecks.size(of: place(of: $0))) }
        let text = sizes.compactMap { file in file.bytes.map { "\(file.name) \(ByteText.short($0))" } }.joined(separator: ", ")
        let large = sizes.first { $0.name.hasSuffix("-wal") && ($0.bytes ?? 0) > FileChecks.largeLog }
        if let large {
            return Finding(
                check: "sizes", level: .warning,
                message: "\(text): \(large.name) is not being copied back; a worker does that when idle, so look for one that is stuck")
        }
        return Finding(check: "sizes", level: .ok, message: text)
    }

    /// While a store is open its write-ahead log exists, and no other journal mode has one.
    private func journal() -> Finding {
        let names = ["queue.db", "logs.db"].filter {
            FileChecks.size(of: place(of: $0)) != nil && FileChecks.size(of: place(of: "\($0)-wal")) == nil
        }
        if names.isEmpty { return Finding(check: "journal", level: .ok, message: "journal mode WAL") }
        return Finding(
            check: "journal", level: .warning,
            message:
                "\(names.joined(separator: ", ")) without a write-ahead log: another program has changed the journal mode or is copying files"
        )
    }

    private func disk() -> Finding {
        guard let report = SpaceReport.look(at: directory, reserve: reserve) else {
            return Finding(check: "disk", level: .ok, message: "the file system does not say how much is free")
        }
        var text = "\(ByteText.short(report.free)) free"
        if report.pending > 1 << 20 { text += ", \(ByteText.short(report.pending)) of it for write-ahead logs" }
        text +=
            "; no job is taken in or started below \(ByteText.short(report.reserve)), no log line kept below \(ByteText.short(report.logReserve))"
        if report.isShortForJobs { return Finding(check: "disk", level: .failure, message: "\(text): free some space") }
        if report.isShortForLogs {
            return Finding(check: "disk", level: .warning, message: "\(text): log lines are being dropped, free some space")
        }
        if report.free - report.pending < 4 * report.reserve {
            return Finding(check: "disk", level: .warning, message: "\(text): that is little for jobs and logs")
        }
        return Finding(check: "disk", level: .ok, message: text)
    }

    private func ballast() -> Finding? {
        guard let report = SpaceReport.look(at: directory, reserve: reserve), report.wantedBallast > 0 else { return nil }
        if report.ballast > 0 { return Finding(check: "ballast", level: .ok, message: ByteText.short(report.ballast)) }
        return Finding(
            check: "ballast", level: .warning,
            message:
                "none: it was used up when the disk was full, or never made; a worker makes it (\(ByteText.short(report.wantedBallast))) when there is room"
        )
    }

    private func fileSystem() -> Finding {
        let type = FileSystem.machine(directory)
        guard type >= 0 else {
            return Finding(
                check: "file_system", level: .warning, message: "cannot ask for the file system: \(String(cString: strerror(Int32(-type))))"
            )
        }
        switch FileSystem(type: type).kind {
        case .network(let name):
            return Finding(
                check: "file_system", level: .failure,
                message: "\(name) is a network file system, where SQLite's locks do not hold: move the store to a local disk")
        case .memory:
            return Finding(check: "file_system", level: .warning, message: "in memory: the store is gone after a restart of the machine")
        case .fuse:
            return Finding(
                check: "file_system", level: .warning,
                message:
                    "FUSE: a server may be behind it (sshfs, s3fs, GlusterFS), where SQLite's locks do not hold; put the store on a local disk"
            )
        case .local: return Finding(check: "file_system", level: .ok, message: "local (type 0x\(String(type, radix: 16)))")
        }
    }

    /// A write-ahead log beyond this has not been copied back for long: 256 MiB.
    private static let largeLog = 256 << 20

    static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }
}
