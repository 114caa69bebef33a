// Finds the program that a command means, as a shell would, but before anything is started.

import Glibc

/// Looks programs up in a search path.
enum ProgramPath {
    /// Why a program cannot be started.
    enum Problem: Error, Hashable {
        /// There is no such file in any directory of the path.
        case notFound
        /// There is one, but it may not be executed.
        case notExecutable(path: String)
    }

    /// Where to look when the environment does not say.
    static let fallback = "/usr/local/bin:/usr/bin:/bin"

    /// The file to execute for `name`: itself if it has a slash (then relative to `directory`), otherwise the first match in `path`.
    /// Empty and relative entries of the path are skipped: what runs must not depend on the directory it runs in.
    static func resolve(_ name: String, path: String?, directory: String?) throws(Problem) -> String {
        if name.utf8.contains(UInt8(ascii: "/")) {
            let file = name.hasPrefix("/") ? name : (directory ?? ".") + "/" + name
            switch kind(of: file) {
            case .missing: throw .notFound
            case .plain: throw .notExecutable(path: name)
            case .executable: return name
            }
        }
        var refused: String?
        for entry in (path ?? fallback).split(separator: ":") where entry.hasPrefix("/") {
            let file = entry + "/" + name
            switch kind(of: file) {
            case .missing: continue
            case .plain: refused = refused ?? file
            case .executable: return file
            }
        }
        if let refused { throw .notExecutable(path: refused) }
        throw .notFound
    }

    private enum FileKind {
        case missing, plain, executable
    }

    private static func kind(of file: String) -> FileKind {
        var status = stat()
        guard stat(file, &status) == 0 else { return errno == EACCES ? .plain : .missing }
        return status.st_mode & S_IFMT == S_IFREG && access(file, X_OK) == 0 ? .executable : .plain
    }

    /// Whether `path` is a directory.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
