// Finds programs that hold the database open without Errand's lock: they could checkpoint it behind our back.

import ErrandSQLite
import Glibc

/// Looks for other programs on the store's files, through /proc.
struct ForeignProcesses {
    let directory: String

    /// A finding for each process that has `queue.db` open but not the lock file; processes of other users stay hidden.
    func findings() -> [Finding] {
        guard let database = identity(of: "\(directory)/queue.db") else { return [] }
        let lock = identity(of: "\(directory)/lock")
        return ForeignProcesses.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            let open = ForeignProcesses.names(in: "/proc/\(pid)/fd").compactMap { identity(of: "/proc/\(pid)/fd/\($0)") }
            guard open.contains(database), !open.contains(where: { $0 == lock }) else { return nil }
            let path = SQLiteStore.database(in: directory)
            guard path == "\(directory)/queue.db" else {
                return Finding(
                    check: "foreign", level: .ok,
                    message:
                        "process \(pid) has \(path) open, as its application may: let it wait for others (busy_timeout) and leave checkpoints to Errand (PRAGMA wal_autocheckpoint=0)"
                )
            }
            return Finding(
                check: "foreign", level: .warning,
                message:
                    "process \(pid) has queue.db open without Errand's lock: let it only read, never write or checkpoint, while workers run"
            )
        }
    }

    private struct Identity: Equatable {
        var device: UInt
        var inode: UInt
    }

    private func identity(of path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
