// The store's directory: what may become a store, what is one, and what is neither.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// A store's directory and the paths in it.
struct StoreDirectory: Sendable {
    let path: String
    /// `queue.db`, or the application's database that it leads to.
    let queue: String
    /// Whether the tables are in an application's database.
    let isEmbedded: Bool

    init(path: String) {
        self.path = path
        let name = "\(path)/queue.db"
        var byte: CChar = 0
        isEmbedded = readlink(name, &byte, 1) >= 0
        queue = isEmbedded ? StoreDirectory.resolved(name) ?? name : name
    }

    var logs: String { "\(path)/logs.db" }
    var doorbells: String { "\(path)/doorbells" }
    var crashes: String { "\(path)/crash" }
    var ballast: String { "\(path)/ballast" }

    /// What makes up a store; other names in a directory without `queue.db` are somebody else's files.
    private static let ownNames: Set<String> = [
        "queue.db", "queue.db-wal", "queue.db-shm", "logs.db", "logs.db-wal", "logs.db-shm", "lock", "doorbells", "crash", "ballast",
    ]

    /// Whether something has this name; without opening it (``makeFile(_:)`` says why).
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The path of what `path` names, without any symbolic link; `nil` when it names nothing.
    static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// Makes sure that the directory is a store or may become one; a missing one is made, with its parents, for its owner alone.
    func prepare(createIfMissing: Bool) throws(JobStoreError) {
        var status = stat()
        if stat(path, &status) != 0 {
            guard errno == ENOENT else { throw .unavailable(reason: "cannot look at \(path): \(errnoText(errno))") }
            guard createIfMissing else { throw noStore }
            try make(path)
            return
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .damaged(reason: "\(path) is not a directory; a store is a directory, so name another path")
        }
        guard let names = directoryEntries(path) else {
            throw .unavailable(reason: "cannot read the directory \(path): \(errnoText(errno)); check its permissions")
        }
        if names.contains("queue.db") {
            // An empty file in the place of a database that was moved away would be a store without its jobs.
            guard !isEmbedded || StoreDirectory.exists(queue) else {
                throw .unavailable(
                    reason:
                        "\(path) belongs to a database that is not there any more: \(queue) leads nowhere; put it back, or name its new place"
                )
            }
            return
        }
        // A lone lock file is another process that begins to create the store right now, or was stopped just then.
        let others = names.filter { $0 != "lock" }
        if others.isEmpty {
            guard createIfMissing else { throw noStore }
            guard chmod(path, 0o700) == 0 else {
                throw .unavailable(reason: "cannot make \(path) private: \(errnoText(errno)); a store belongs to the user who runs it")
            }
            return
        }
        if others.allSatisfy(StoreDirectory.ownNames.contains) {
            throw .damaged(
                reason:
                    "\(path) holds \(others.sorted().joined(separator: ", ")) but no queue.db: restore it from a backup, or move the rest away to begin anew"
            )
        }
        throw .damaged(reason: "\(path) is not a store: it holds other files, such as \(others.sorted()[0]); name a new or empty directory")
    }

    private var noStore: JobStoreError {
        .unavailable(reason: "there is no store at \(path); `errand enqueue` makes one, or name another directory")
    }

    /// Makes the directory and what is missing above it.
    private func make(_ directory: String) throws(JobStoreError) {
        if mkdir(directory, 0o700) != 0 {
            switch errno {
            case EEXIST: return
            case ENOENT:
                let parent = StoreDirectory.parent(of: directory)
                guard parent != directory else { throw cannotMake(directory) }
                try make(parent)
                guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw cannotMake(directory) }
            default: throw cannotMake(directory)
            }
        }
        chmod(directory, 0o700)
        try StoreDirectory.synchronize(StoreDirectory.parent(of: directory))
    }

    /// The directory that holds the name at `path`.
    static func parent(of path: String) -> String {
        var names = path.split(separator: "/", omittingEmptySubsequences: false)
        while names.count > 1, names.last == "" { names.removeLast() }
        names.removeLast()
        return names.isEmpty ? "." : names == [""] ? "/" : names.joined(separator: "/")
    }

    private func cannotMake(_ directory: String) -> JobStoreError {
        .unavailable(reason: "cannot make the directory \(directory): \(errnoText(errno)); check the permissions above it, or name another")
    }

    /// Makes an empty file for its owner alone, without opening it: closing a descriptor of a database drops SQLite's locks on it.
    func makeFile(_ file: String) throws(JobStoreError) {
        guard mknod(file, S_IFREG | 0o600, 0) == 0 || errno == EEXIST else {
            throw errno == ENOSPC || errno == EDQUOT
                ? .full(reason: "cannot make \(file): \(errnoText(errno)); free some space and try again")
                : .unavailable(reason: "cannot make \(file): \(errnoText(errno)); check the permissions of the directory")
        }
        chmod(file, 0o600)
    }

    /// Makes a directory of the store, if it is missing.
    func makeDirectory(_ directory: String) throws(JobStoreError) {
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw cannotMake(directory) }
        chmod(directory, 0o700)
    }

    /// Makes the names in the directory, and its own, survive a power cut: what is in a file is lost with its name.
    /// - Throws: ``JobStoreError/unavailable(reason:)`` when the disk cannot promise it; nothing may be acknowledged then.
    func synchronize() throws(JobStoreError) {
        try StoreDirectory.synchronize(path)
        try StoreDirectory.synchronize(StoreDirectory.parent(of: path))
    }

    private static func synchronize(_ path: String) throws(JobStoreError) {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Whoever may make names in a directory need not be allowed to read it; its names then reach the disk when its system likes.
        if directory < 0, errno == EACCES { return }
        guard directory >= 0 else { throw cannotSynchronize(path) }
        defer { close(directory) }
        // File systems without a way to sync a directory say EINVAL; they write names through, or promise nothing to anybody.
        guard fsync(directory) == 0 || errno == EINVAL else { throw cannotSynchronize(path) }
    }

    private static func cannotSynchronize(_ path: String) -> JobStoreError {
        errno == ENOSPC || errno == EDQUOT
            ? .full(reason: "cannot write the directory \(path) to disk: \(errnoText(errno)); free some space and try again")
            : .unavailable(reason: "cannot write the directory \(path) to disk: \(errnoText(errno)); see the system's log for the disk")
    }
}
