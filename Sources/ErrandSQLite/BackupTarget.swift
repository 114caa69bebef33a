// Where a backup goes: a directory that appears whole or not at all.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// The place of a backup.
struct BackupTarget {
    let path: String
    private let replaces: Bool

    /// Looks at the place before anything is copied.
    init(path: String, of store: StoreDirectory, replacesBackup: Bool) throws(JobStoreError) {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        self.path = String(trimmed)
        guard !trimmed.isEmpty, trimmed != "/", !trimmed.hasSuffix("/."), !trimmed.hasSuffix("/.."), trimmed != ".", trimmed != ".." else {
            throw .refused(reason: "\"\(path)\" is no place for a backup: name a new directory")
        }
        guard !BackupTarget.isLink(self.path) else {
            throw .refused(reason: "\(self.path) is a symbolic link, and a backup would take its place: name the directory itself")
        }
        let place = FileIdentity(self.path)
        guard place == nil || place != FileIdentity(store.path),
            FileIdentity(StoreDirectory.parent(of: self.path)) != FileIdentity(store.path)
        else { throw .refused(reason: "\(self.path) is the store itself, or in it: name a directory elsewhere") }
        guard place != nil, directoryEntries(self.path)?.isEmpty != true else {
            replaces = false
            return
        }
        guard replacesBackup else {
            throw .refused(reason: "\(self.path) exists: name a new directory, or replace an earlier backup with --force")
        }
        // A copy that was opened as a store has a lock file: somebody may work on it.
        guard let names = directoryEntries(self.path), names.contains("queue.db"), Set(names).isSubset(of: ["queue.db", "logs.db"]) else {
            throw .refused(
                reason:
                    "\(self.path) is not an untouched backup, so it is not replaced: name another directory, or remove it yourself")
        }
        replaces = true
    }

    /// Has `make` fill a new directory, and moves it into place. After an error nothing is left behind.
    func fill<Value>(_ make: (StoreDirectory) throws(JobStoreError) -> Value) throws(JobStoreError) -> Value {
        var template = Array("\(path).partial-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .unavailable(reason: "cannot make a directory beside \(path): \(errnoText(errno)); check its parent directory")
        }
        let copy = StoreDirectory(path: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
        do throws(JobStoreError) {
            let value = try make(copy)
            try copy.synchronize()
            try moveIntoPlace(copy.path)
            try StoreDirectory(path: path).synchronize()
            return value
        } catch {
            BackupTarget.remove(copy.path)
            throw error
        }
    }

    private func moveIntoPlace(_ copy: String) throws(JobStoreError) {
        let old = "\(copy).replaced"
        if replaces {
            guard rename(path, old) == 0 else { throw cannotMove(path) }
        }
        // Takes the place of nothing, or of an empty directory; never of files.
        guard rename(copy, path) == 0 else {
            let error = cannotMove(copy)
            // The earlier backup goes back; if even that fails it stays under the other name, and the error says where to look.
            if replaces { rename(old, path) }
            throw error
        }
        if replaces { BackupTarget.remove(old) }
    }

    private func cannotMove(_ what: String) -> JobStoreError {
        errno == ENOTEMPTY || errno == EEXIST
            ? .refused(reason: "\(path) has appeared meanwhile: name another directory")
            : .unavailable(reason: "cannot move \(what): \(errnoText(errno)); look into \(StoreDirectory.parent(of: path))")
    }

    /// Removes a copy; what cannot be removed is left to its owner, who is told of the error that led here.
    private static func remove(_ directory: String) {
        for name in directoryEntries(directory) ?? [] { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}
