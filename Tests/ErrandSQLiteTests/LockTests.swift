// The lock file: who may write, for how long one waits, and who is named when it takes too long.

import CErrand
import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite struct LockTests {
    /// A foreign holder of a byte: another open file of the lock, as another process would have it.
    private func hold(_ byte: Int64, of directory: TemporaryDirectory) -> Int32 {
        let file = Glibc.open("\(directory.path)/lock", O_RDWR | O_CLOEXEC)
        #expect(errand_lock_take(file, byte, 0) == 0)
        return file
    }

    private func open(_ directory: TemporaryDirectory, wait: Duration?) throws -> SQLiteStore {
        var options = SQLiteStoreOptions()
        options.lockWait = wait
        return try SQLiteStore.open(directory: directory.path, options: options)
    }

    @Test(.timeLimit(.minutes(5))) func `opening the logs waits for their lock without blocking the caller's thread`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory, wait: nil).store
        let file = hold(1, of: directory)
        let thread = ThreadExecutor(name: "test-caller")
        defer { thread.stop() }
        let append = Task(executorPreference: thread) { try await store.logs.newestCursor() }
        // On the same thread: it answers only when the first call has let go of it.
        let ids = try await Task(executorPreference: thread) {
            try await store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
        }.value
        #expect(ids.count == 1)
        close(file)
        #expect(try await append.value == 0)
    }

    @Test(.timeLimit(.minutes(5))) func `an empty append waits for the lines before it`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory, wait: nil).store
        #expect(try await store.logs.newestCursor() == 0)
        let file = hold(1, of: directory)
        let time = Timestamp(microseconds: 1)
        let chunk = LogChunk(
            job: JobID(rawValue: 1), ordinal: 1, firstSequence: 1, lines: 1, firstTime: time, lastTime: time, highestLevel: .info,
            flags: [],
            body: Array("{}\n".utf8))
        let first = Task { try await store.logs.append([chunk], dropping: []) }
        for _ in 0..<1000 { await Task.yield() }
        let second = Task {
            _ = try await store.logs.append([], dropping: [])
            return try await store.logs.newestCursor()
        }
        for _ in 0..<1000 { await Task.yield() }
        close(file)
        #expect(try await second.value == 1)
        #expect(try await first.value == [1])
    }

    @Test func `a store that is complete opens, is read and written while somebody was stopped who opens it too`() async throws {
        let directory = TemporaryDirectory()
        let first = try open(directory, wait: nil)
        #expect(try await first.store.logs.newestCursor() == 0)
        let file = hold(2, of: directory)
        defer { close(file) }
        let second = try open(directory, wait: .zero)
        let store = second.store
        #expect(try await store.inspection.stats().counts.isEmpty)
        #expect(try await store.logs.newestCursor() == 0)
        #expect(try await store.jobs.enqueue([NewJob(kind: "greet", payload: [])]).count == 1)
    }

    @Test func `a replaced lock file makes nobody look dead, on either side`() async throws {
        let old = try TestStore()
        let worker = try await old.join()
        try await old.enqueue()
        _ = try #require(try await old.claim(worker).first)
        unlink("\(old.directory.path)/lock")
        #expect(try await old.jobs.casualties(seenBy: worker) == [])
        let new = try TestStore(directory: old.directory, clock: old.clock)
        let newcomer = try await new.join()
        #expect(try await new.jobs.casualties(seenBy: newcomer) == [])
        #expect(try await old.jobs.casualties(seenBy: worker) == [])
        // It has found the new file by looking, and proves its life there.
        let file = Glibc.open("\(old.directory.path)/lock", O_RDWR | O_CLOEXEC)
        defer { close(file) }
        #expect(errand_lock_probe(file, 1 << 40 + worker.rawValue) == 1)
    }

    @Test func `a write waits no longer than told, and the error names the holder`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory, wait: .milliseconds(100))
        let file = hold(0, of: directory)
        let error = await #expect(throws: JobStoreError.self) {
            try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
        }
        let text = try #require(error).description
        #expect(
            text.hasPrefix(
                "the store is not available: waited 0.1 seconds for the write lock of \(directory.path)/lock, held by PID \(getpid()) ("))
        #expect(text.hasSuffix("resume or end that process and try again"))
        close(file)
        #expect(try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])]).count == 1)
        #expect(try await store.store.inspection.stats().counts.map(\.jobs) == [1], "what was refused must not appear later")
    }

    @Test func `a wait that was given up does not keep the lock when it comes`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory, wait: .milliseconds(20))
        let file = hold(0, of: directory)
        await #expect(throws: JobStoreError.self) { try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])]) }
        close(file)
        let other = try open(directory, wait: .seconds(10))
        #expect(try await other.store.jobs.enqueue([NewJob(kind: "greet", payload: [])]).count == 1)
    }

    @Test func `a patient writer goes on when the lock is free`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory, wait: nil)
        let file = hold(0, of: directory)
        async let waiting = store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])])
        close(file)
        #expect(try await waiting.count == 1)
    }

    @Test func `opening waits no longer than told either`() throws {
        let directory = TemporaryDirectory()
        mkdir(directory.path, 0o700)
        close(Glibc.open("\(directory.path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
        let file = hold(2, of: directory)
        defer { close(file) }
        let error = #expect(throws: JobStoreError.self) { try open(directory, wait: .milliseconds(50)) }
        #expect(try #require(error).description.contains("for the open lock of"))
    }

    @Test func `the logs have a lock of their own`() async throws {
        let directory = TemporaryDirectory()
        let store = try open(directory, wait: .milliseconds(50))
        let file = hold(1, of: directory)
        defer { close(file) }
        #expect(try await store.store.jobs.enqueue([NewJob(kind: "greet", payload: [])]).count == 1)
        let error = await #expect(throws: JobStoreError.self) { try await store.store.logs.delete(logsOf: [JobID(rawValue: 1)]) }
        #expect(try #require(error).description.contains("for the logs lock of"))
    }

    @Test func `a replaced lock file is noticed, and proofs of life move to the new one`() async throws {
        let directory = TemporaryDirectory()
        let store = try TestStore(directory: directory)
        let worker = try await store.join()
        let path = "\(directory.path)/lock"
        unlink(path)
        close(Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
        try await store.enqueue()
        let file = Glibc.open(path, O_RDWR | O_CLOEXEC)
        defer { close(file) }
        #expect(errand_lock_probe(file, 1 << 40 + worker.rawValue) == 1)
    }

    @Test func `a lock line of proc is read for its bytes`() {
        let details =
            "pos:\t0\nflags:\t02100002\nlock:\t1: OFDLCK  ADVISORY  WRITE -1 fe:00:1234 0 0\nlock:\t2: OFDLCK  ADVISORY  WRITE -1 fe:00:1234 7 9\n"
        #expect(LockHolder.holds(0, details))
        #expect(!LockHolder.holds(1, details))
        #expect(LockHolder.holds(8, details))
    }
}
