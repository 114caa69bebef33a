// The file that an export is written to, or an import is read from: anywhere but in the store itself.

import Glibc

/// A path that a person names.
enum TransferPath {
    /// The path of `file`, in full; `nil` for a standard stream, which `nil` and `-` name.
    /// - Throws: ``Failure`` with status 2 for an empty name, and for a file of the store: opening one beside SQLite and closing it again
    ///   would take away SQLite's locks on it.
    static func resolved(_ file: String?, store: String, in session: Session) throws -> String? {
        guard let file, file != "-" else { return nil }
        guard !file.isEmpty else { throw Failure(.usage, "the file's name is empty: name one, or - for a standard stream") }
        let path = file.hasPrefix("/") ? file : "\(session.directory)/\(file)"
        let parent = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        let isInside = identity(of: parent.isEmpty ? "/" : String(parent)).map { $0 == identity(of: store) } ?? false
        // By another name, perhaps.
        let databases = ["queue.db", "logs.db"].compactMap { identity(of: "\(store)/\($0)") }
        guard !isInside, !(identity(of: path).map(databases.contains) ?? false) else {
            throw Failure(.usage, "\(path) lies in the store, where only the store has files: name one elsewhere")
        }
        return path
    }

    private struct Identity: Equatable {
        var device: dev_t
        var inode: ino_t
    }

    private static func identity(of path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: status.st_dev, inode: status.st_ino)
    }
}
