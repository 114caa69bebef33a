// Which boot of the machine this is, and which time namespace: what makes two readings of the boot clock comparable.

#if canImport(Glibc)
import Glibc
#endif

/// The frame in which boot clock readings can be compared.
struct BootIdentity: Sendable, Hashable {
    /// A random name of this boot.
    var boot: String
    /// The inode of the process's time namespace; a container may have one of its own, with another boot clock.
    var timeNamespace: Int64

    /// The machine's own; a name given by a test stands in for the boot.
    static func current(named boot: String? = nil) -> BootIdentity {
        var namespace = stat()
        let found = stat("/proc/self/ns/time", &namespace) == 0
        return BootIdentity(
            boot: boot ?? (ProcFile.read("/proc/sys/kernel/random/boot_id").map { String($0.prefix { $0 != "\n" }) } ?? "unknown"),
            timeNamespace: found ? Int64(bitPattern: UInt64(namespace.st_ino)) : 0)
    }
}

/// Small files of /proc, which have no size of their own.
enum ProcFile {
    /// The text of a file, or `nil` when it cannot be read (the process it describes may have gone).
    static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The names in a directory, without `.` and `..`; `nil` when it cannot be read.
func directoryEntries(_ path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
            tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// The text of an errno.
func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }
