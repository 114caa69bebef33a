// Where a measurement has its store: a directory of its own that is removed afterwards.

import Errand
import ErrandContext
import ErrandSQLite
import Glibc
import Logging

/// A directory for one measurement.
struct BenchPlace: Sendable {
    /// Its path.
    let path: String

    /// Makes it in `directory`.
    /// - Throws: ``BenchError``.
    init(in directory: String) throws {
        var template = Array("\(directory)/errand-bench-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw BenchError("\(directory): no directory can be made in it: \(String(cString: strerror(errno)))")
        }
        path = String(cString: made)
    }

    /// The path of a store in it.
    var store: String { "\(path)/store" }

    /// Opens a store in it.
    /// - Throws: `JobStoreError`.
    func openStore(durability: Durability = .full) throws(JobStoreError) -> SQLiteStore {
        var options = SQLiteStoreOptions()
        options.durability = durability
        options.lockWait = nil
        return try SQLiteStore.open(directory: store, options: options)
    }

    /// Removes it with all that it holds, also what comes while it is being removed.
    func remove() {
        for _ in 0..<3 where !BenchPlace.removeTree(path) {}
    }

    @discardableResult private static func removeTree(_ path: String) -> Bool {
        for name in names(in: path) {
            let inner = "\(path)/\(name)"
            var status = stat()
            if lstat(inner, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { removeTree(inner) } else { unlink(inner) }
        }
        return rmdir(path) == 0 || errno == ENOENT
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// A logger of which nobody sees anything: what a worker says of itself is not measured, what jobs say is.
    static let silence = Logger(label: "errand.bench") { _ in SwiftLogNoOpLogHandler() }

    /// A payload of about so many bytes, at least `{}`.
    static func payload(bytes: Int) -> [UInt8] {
        guard bytes > 8 else { return Array("{}".utf8) }
        return Array("{\"x\":\"".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: bytes - 8) + Array("\"}".utf8)
    }
}
