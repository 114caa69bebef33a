// On what the figures were found: they mean little without.

import Errand
import ErrandSQLite
import Glibc

/// The machine, the disk and the libraries.
package struct MachineFacts: Sendable, Hashable {
    /// As the processor calls itself.
    package var processor: String
    /// How many of them are at work.
    package var processors: Int
    /// Bytes of main memory.
    package var memory: Int
    /// Name and release of the kernel.
    package var kernel: String
    /// What holds the directory that is measured, such as `ext4 on /dev/vda`.
    package var fileSystem: String
    /// Whether that lies in memory: there is no disk to wait for, and durability costs nothing.
    package var isInMemory: Bool
    /// SQLite's version.
    package var sqlite: String
    /// Errand's version.
    package var errand: String
    /// Whether Errand was built without optimisation: its figures are of no use.
    package var isDebugBuild: Bool

    /// Looks around; `directory` is where stores will be made.
    package init(directory: String) {
        processor = MachineFacts.processorName() ?? "unknown processor"
        processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        var name = utsname()
        uname(&name)
        kernel = "\(MachineFacts.text(name.sysname)) \(MachineFacts.text(name.release))"
        let mount = MachineFacts.mount(of: directory)
        fileSystem = mount.map { "\($0.type) on \($0.device)" } ?? "unknown file system"
        isInMemory = mount.map { ["tmpfs", "ramfs"].contains($0.type) } ?? false
        sqlite = SQLiteLibrary.version
        errand = ErrandVersion.current
        #if DEBUG
        isDebugBuild = true
        #else
        isDebugBuild = false
        #endif
    }

    /// One line for people.
    package var line: String {
        """
        errand \(errand)\(isDebugBuild ? " (debug build)" : ""), SQLite \(sqlite); \(processor), \(processors) CPU\(processors == 1 ? "" : "s"), \
        \(ByteText.short(memory)); \(kernel); \(fileSystem)
        """
    }

    /// All of them, for JSON.
    package var members: [(name: String, value: String)] {
        [
            ("errand", errand), ("sqlite", sqlite), ("processor", processor), ("processors", "\(processors)"),
            ("memory_bytes", "\(memory)"),
            ("kernel", kernel), ("file_system", fileSystem), ("build", isDebugBuild ? "debug" : "release"),
        ]
    }

    private static func processorName() -> String? {
        lines(of: "/proc/cpuinfo").first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
            .map { String($0.drop { $0 == " " }) }
    }

    /// The mount point that holds `directory` is the longest that its path begins with.
    private static func mount(of directory: String) -> (device: String, type: String)? {
        guard let real = realpath(directory, nil) else { return nil }
        defer { free(real) }
        let path = String(cString: real)
        let mounts = lines(of: "/proc/self/mounts").map { $0.split(separator: " ").map(String.init) }.filter { $0.count >= 3 }
        let holding = mounts.filter { path == $0[1] || path.hasPrefix($0[1] == "/" ? "/" : "\($0[1])/") }
        // Of those at one place the last one covers the others.
        return holding.reversed().max { $0[1].utf8.count < $1[1].utf8.count }.map { ($0[0], $0[2]) }
    }

    private static func lines(of path: String) -> [String] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
