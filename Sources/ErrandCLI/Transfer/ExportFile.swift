// The file of an export: made anew, or cut behind its last whole record and gone on with.

import Errand
import Glibc

/// A file that an export is written to, for its owner alone: it may hold secrets. Locked while it is open.
final class ExportFile {
    let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// What to do about a file that is there.
    enum Existing {
        /// Leave it alone, and fail.
        case refuse
        /// Go on with it.
        case keep
        /// It is the rest of an earlier try: begin anew.
        case empty
    }

    /// Opens the file at `path`, and makes it if it is not there.
    /// - Throws: ``Failure``: 5 when it exists and may not be touched, or another export writes it; 2 when it cannot be opened.
    init(_ path: String, existing: Existing) throws {
        self.path = path
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | (existing == .refuse ? O_EXCL : 0)
        descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            guard code == EEXIST else { throw Failure(.usage, "cannot write \(path): \(String(cString: strerror(code)))") }
            throw Failure(.conflict, "\(path) exists: go on with it with --resume, or name another file")
        }
        var status = stat()
        let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        // Two exports into one file would give neither.
        guard !isFile || flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Failure(.conflict, "\(path) is being written by another export: wait for its end")
        }
        if existing == .empty { try cut(at: 0) }
    }

    deinit { close(descriptor) }

    /// Adds a line, with its end.
    /// - Throws: ``Failure`` with status 4 when there is no room.
    func write(_ line: [UInt8]) throws {
        buffer.append(contentsOf: line)
        if buffer.count >= 256 << 10 { try flush() }
    }

    /// Hands what was gathered to the system: a process that is killed afterwards has not lost it.
    /// - Throws: ``Failure``.
    func flush() throws {
        guard !buffer.isEmpty else { return }
        let code = writeFully(buffer, to: descriptor)
        buffer.removeAll(keepingCapacity: true)
        if code != 0 { throw failure(code) }
    }

    /// Writes everything, and returns when it is on the disk.
    /// - Throws: ``Failure``.
    func finish() throws {
        try flush()
        // A pipe or a device has nothing to sync, and says so.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw failure(errno) }
    }

    /// Forgets everything behind `offset`, and goes on there.
    /// - Throws: ``Failure``.
    func cut(at offset: Int) throws {
        guard ftruncate(descriptor, offset) == 0, lseek(descriptor, offset, SEEK_SET) == offset else { throw failure(errno) }
    }

    /// How long it is.
    var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Gives the finished file its name, unless that is taken.
    /// - Throws: ``Failure`` with status 5 when a file of that name exists.
    func name(_ name: String) throws {
        guard link(path, name) == 0 else {
            let code = errno
            guard code != EEXIST else { throw Failure(.conflict, "\(name) exists: name another file") }
            throw Failure(.usage, "cannot write \(name): \(String(cString: strerror(code)))")
        }
        guard unlink(path) == 0 else { throw failure(errno) }
    }

    private func failure(_ code: Int32) -> Failure {
        Failure(.unavailable, "cannot write \(path): \(String(cString: strerror(code)))")
    }
}
