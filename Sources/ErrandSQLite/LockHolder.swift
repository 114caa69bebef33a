// Who holds a byte of a lock file, for an error message that a person can act on.

#if canImport(Glibc)
import Glibc
#endif

/// A process that holds a lock.
struct LockHolder: CustomStringConvertible {
    var pid: Int32
    var command: String

    var description: String { "PID \(pid) (\(command))" }

    /// The process that holds the lock of `byte` of the file at `path`, as far as /proc shows it: processes of other users and
    /// other PID namespaces stay hidden. `/proc/locks` has no PID for OFD locks, so each process's descriptors are looked at.
    static func find(path: String, byte: Int64) -> LockHolder? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        for name in directoryEntries("/proc") ?? [] {
            guard let pid = Int32(name) else { continue }
            for descriptor in directoryEntries("/proc/\(name)/fd") ?? [] {
                var status = stat()
                guard stat("/proc/\(name)/fd/\(descriptor)", &status) == 0, status.st_ino == file.st_ino, status.st_dev == file.st_dev,
                    let details = ProcFile.read("/proc/\(name)/fdinfo/\(descriptor)"), holds(byte, details)
                else { continue }
                return LockHolder(pid: pid, command: command(of: name))
            }
        }
        return nil
    }

    /// Whether a descriptor's details name the lock: `lock: 1: OFDLCK ADVISORY WRITE 4242 08:01:1234 0 0`.
    static func holds(_ byte: Int64, _ details: String) -> Bool {
        details.split(separator: "\n").contains { line in
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard fields.first == "lock:", fields.contains("WRITE"), fields.count >= 2, let start = Int64(fields[fields.count - 2]) else {
                return false
            }
            let end = Int64(fields[fields.count - 1]) ?? .max
            return start <= byte && byte <= end
        }
    }

    private static func command(of process: String) -> String {
        let words = (ProcFile.read("/proc/\(process)/cmdline") ?? "").split(separator: "\0").prefix(6).joined(separator: " ")
        // A process's own words go to a terminal: control characters are not for it to choose.
        let shown = String(words.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) }.prefix(120))
        return shown.isEmpty ? "unknown command" : shown
    }
}
