// The one lock file of a store: byte locks that keep writers of all processes apart and prove that workers live.

import CErrand
import Dispatch
import Errand
import ErrandContext
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The lock file of a store, held open once for each opened store.
///
/// The locks are OFD locks: they belong to the open file, so two stores opened in one process exclude each other like two processes
/// do, and they vanish with the descriptor however the process ends. Every byte is used by one thread of a store only.
final class StoreLock: Sendable {
    /// What a byte of the file stands for.
    enum Byte: Int64, CaseIterable, Sendable {
        /// Writes and checkpoints of `queue.db`.
        case queue = 0
        /// Writes and checkpoints of `logs.db`.
        case logs = 1
        /// Opening, creating, migrating.
        case open = 2
    }

    private struct State {
        var file: Int32
        var inode: UInt64
        /// Presence bytes that this store holds.
        var present: Set<Int64> = []
        /// Waits that a bounded call has given up, still asleep in a thread of their own.
        var pending: [Byte: PendingLock] = [:]
        var isClosed = false
    }

    let path: String
    private let queuePath: String
    private let state: Mutex<State>
    /// Taken by the thread of this store that opens a file: byte locks do not keep the threads of one open lock file apart.
    private let opener = DispatchSemaphore(value: 1)

    /// Opens the lock file of the store in `directory`, making it if it is missing.
    init(directory: String) throws(JobStoreError) {
        path = "\(directory)/lock"
        queuePath = "\(directory)/queue.db"
        let (file, inode) = try StoreLock.openFile(path)
        state = Mutex(State(file: file, inode: inode))
    }

    deinit { close() }

    /// Lets go of every lock, as the process's death would.
    func close() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            // A wait that was left behind keeps the open file alive, so closing it is not enough.
            for byte in Byte.allCases { _ = errand_lock_release(state.file, byte.rawValue) }
            for presence in state.present { _ = errand_lock_release(state.file, presence) }
            Glibc.close(state.file)
        }
    }

    private static func openFile(_ path: String) throws(JobStoreError) -> (Int32, UInt64) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            throw .unavailable(reason: "cannot open \(path): \(errnoText(errno)); check the permissions of the store directory")
        }
        // The umask may have taken from the mode, never added to it.
        fchmod(file, 0o600)
        var status = stat()
        fstat(file, &status)
        return (file, UInt64(status.st_ino))
    }

    // MARK: Locks of bytes

    /// Takes the lock of `byte`, waiting up to `wait` (`nil`: as long as it takes); gives how long it took, in nanoseconds.
    @discardableResult func acquire(_ byte: Byte, wait: Duration?) throws(JobStoreError) -> Int64 {
        let began = MachineClock.nanoseconds
        while true {
            let (file, inode, pending) = try state.withLock { state throws(JobStoreError) in
                guard !state.isClosed else { throw JobStoreError.unavailable(reason: "the store is closed") }
                return (state.file, state.inode, state.pending[byte])
            }
            if let pending, pending.resume() {
                // An earlier wait was given up and still sleeps: its lock would be ours, so wait for that one.
                guard pending.wait(for: wait) else { throw busy(byte, wait: wait) }
                state.withLock { $0.pending[byte] = nil }
            } else {
                try take(byte, of: file, inode: inode, wait: wait)
            }
            do throws(JobStoreError) {
                if try isCurrent(inode: inode) { return MachineClock.nanoseconds - began }
                try reopen(replacing: inode)
            } catch {
                // The file may be that of a store which was moved, and which others work on where it is now.
                release(byte)
                throw error
            }
        }
    }

    /// Gives back the lock of `byte`.
    func release(_ byte: Byte) {
        state.withLock { state in
            guard !state.isClosed else { return }
            _ = errand_lock_release(state.file, byte.rawValue)
        }
    }

    /// Runs `body` as the only one, here and in other processes, that opens, makes or migrates a file of the store.
    func whileOpening<Value>(wait: Duration?, _ body: () throws(JobStoreError) -> Value) throws(JobStoreError) -> Value {
        opener.wait()
        defer { opener.signal() }
        try acquire(.open, wait: wait)
        defer { release(.open) }
        return try body()
    }

    private func take(_ byte: Byte, of file: Int32, inode: UInt64, wait: Duration?) throws(JobStoreError) {
        var code = errand_lock_take(file, byte.rawValue, wait == nil ? 1 : 0)
        if code == EAGAIN, let wait {
            // A sleeping fcntl cannot be given a deadline, so it sleeps in a thread that may be left behind.
            let pending = PendingLock(file: file, byte: byte.rawValue)
            pending.start()
            guard pending.wait(for: wait) else {
                state.withLock { $0.pending[byte] = pending }
                throw busy(byte, wait: wait)
            }
            code = pending.code
        }
        guard code == 0 else { throw .unavailable(reason: "cannot lock \(path): \(errnoText(code))") }
    }

    /// Whether the file that was locked is still the one that others find: a deleted or replaced lock file makes two lock domains.
    private func isCurrent(inode: UInt64) throws(JobStoreError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw .unavailable(reason: "\(path) is gone: \(errnoText(errno)); was the store's directory moved or deleted?")
        }
        return status.st_nlink > 0 && UInt64(status.st_ino) == inode
    }

    /// Opens the lock file that stands at the path now, and moves the proofs of life there.
    private func reopen(replacing inode: UInt64) throws(JobStoreError) {
        let (file, newInode) = try StoreLock.openFile(path)
        state.withLock { state in
            guard state.inode == inode, !state.isClosed else {
                Glibc.close(file)
                return
            }
            for presence in state.present { _ = errand_lock_take(file, presence, 0) }
            Glibc.close(state.file)
            state.file = file
            state.inode = newInode
            state.pending = [:]
        }
    }

    private func busy(_ byte: Byte, wait: Duration?) -> JobStoreError {
        let holder = LockHolder.find(path: path, byte: byte.rawValue).map { "held by \($0)" } ?? "its holder is not visible from here"
        let name = byte == .logs ? "logs" : byte == .queue ? "write" : "open"
        return .unavailable(
            reason:
                "waited \(wait.map { "\($0)" } ?? "") for the \(name) lock of \(path), \(holder); resume or end that process and try again")
    }

    // MARK: Words

    /// The file's content at the place of `byte`; 0 where nobody has written.
    func word(about byte: Byte) -> UInt8 {
        state.withLock { state in
            var word: UInt8 = 0
            guard !state.isClosed, pread(state.file, &word, 1, off_t(byte.rawValue)) == 1 else { return 0 }
            return word
        }
    }

    /// Writes to the file at the place of `byte`. Whether that succeeds is no matter of life: it is word of trouble, and who writes it
    /// is in trouble.
    func setWord(_ word: UInt8, about byte: Byte) {
        state.withLock { state in
            guard !state.isClosed else { return }
            var word = word
            _ = pwrite(state.file, &word, 1, off_t(byte.rawValue))
        }
    }

    // MARK: Proofs of life

    private static func presence(_ worker: WorkerID) -> Int64 { 1 << 40 + worker.rawValue }

    /// Takes the proof of life of a worker of this store; `false` when somebody else holds it.
    func appear(_ worker: WorkerID) -> Bool {
        let byte = StoreLock.presence(worker)
        return state.withLock { state in
            guard !state.isClosed, errand_lock_take(state.file, byte, 0) == 0 else { return false }
            state.present.insert(byte)
            return true
        }
    }

    /// Gives the proof of life back.
    func disappear(_ worker: WorkerID) {
        let byte = StoreLock.presence(worker)
        state.withLock { state in
            guard !state.isClosed, state.present.remove(byte) != nil else { return }
            _ = errand_lock_release(state.file, byte)
        }
    }

    /// Whether somebody, this store included, holds the proof of life of `worker`; also true as long as nobody can tell, because the
    /// lock file is gone or has just been replaced.
    func isPresent(_ worker: WorkerID) throws(JobStoreError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return true }
        let inode = state.withLock { $0.inode }
        // In a file that was deleted, everybody who came later looks dead.
        if UInt64(status.st_ino) != inode { try reopen(replacing: inode) }
        return try holds(worker) || isFreshReplacement
    }

    /// How long the workers of a store may take to find a new lock file: they look whenever they look for the dead, about once a second.
    private static let replacementTime: Int64 = 2_000_000_000

    /// Whether the lock file is younger than the store and so new that its workers may still prove their lives in a deleted one.
    private var isFreshReplacement: Bool {
        let birth = errand_birth_time(path)
        guard birth > 0, birth > errand_birth_time(queuePath) else { return false }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return (0..<StoreLock.replacementTime).contains(Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) - birth)
    }

    private func holds(_ worker: WorkerID) throws(JobStoreError) -> Bool {
        let byte = StoreLock.presence(worker)
        let code = state.withLock { state in
            state.isClosed ? -EBADF : state.present.contains(byte) ? 1 : errand_lock_probe(state.file, byte)
        }
        guard code >= 0 else { throw .unavailable(reason: "cannot probe \(path): \(errnoText(-code))") }
        return code == 1
    }
}
