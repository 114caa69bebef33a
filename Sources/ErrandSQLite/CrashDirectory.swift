// The directory crash/ of a store: one file for each worker that captures crashes, named by its ID.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// Crash files below a store's directory, made when the first worker needs one.
struct CrashDirectory: CrashLedger {
    let path: String

    /// A process writes a line of some hundred bytes for each thread that crashes.
    private static let readLimit = 64 << 10

    private func file(of worker: WorkerID) -> String { "\(path)/\(worker)" }

    private func failed(to action: String, _ path: String) -> JobStoreError {
        .unavailable(reason: "cannot \(action) \(path): \(errnoText(errno))")
    }

    func open(for worker: WorkerID) throws(JobStoreError) -> Int32 {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failed(to: "make the directory", path) }
        chmod(path, 0o700)
        let file = file(of: worker)
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = Glibc.open(file, flags, 0o600)
        guard descriptor >= 0 else { throw failed(to: "open", file) }
        fchmod(descriptor, 0o600)
        return descriptor
    }

    func contents(of worker: WorkerID) throws(JobStoreError) -> [UInt8]? {
        let file = file(of: worker)
        // Whatever lies there, reading it does not block.
        let descriptor = Glibc.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT || errno == ENOTDIR { return nil }
        guard descriptor >= 0 else { throw failed(to: "open", file) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: CrashDirectory.readLimit)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + length, $0.count - length) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failed(to: "read", file) }
            if count == 0 { break }
            length += count
        }
        return Array(bytes[..<length])
    }

    func remove(_ worker: WorkerID) throws(JobStoreError) {
        let file = file(of: worker)
        guard unlink(file) == 0 || errno == ENOENT || errno == ENOTDIR else { throw failed(to: "delete", file) }
    }

    func workers(untouchedFor age: Duration) throws(JobStoreError) -> [WorkerID] {
        guard access(path, F_OK) == 0 else { return [] }
        guard let names = directoryEntries(path) else { throw failed(to: "read the directory", path) }
        let now = time(nil)
        return names.compactMap { name in
            var status = stat()
            guard let worker = WorkerID(name), lstat(file(of: worker), &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                now - status.st_mtim.tv_sec >= age.components.seconds
            else { return nil }
            return worker
        }
    }
}
