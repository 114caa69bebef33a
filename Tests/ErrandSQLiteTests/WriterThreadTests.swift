// Group commit: what shares one, what fails alone, and how durable it is.

import CErrand
import CSQLite
import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(5))) struct WriterThreadTests {
    @Test func `what piles up during one commit goes into the next`() async throws {
        let store = try TestStore(patient: true)
        let file = Glibc.open("\(store.directory.path)/lock", O_RDWR | O_CLOEXEC)
        #expect(errand_lock_take(file, 0, 0) == 0)
        let before = store.sqlite.commits
        let ids = try await withThrowingTaskGroup(of: JobID.self) { group in
            group.addTask { try await store.enqueue() }
            for _ in 0..<99 { group.addTask { try await store.enqueue() } }
            // The writer holds what it took before it met the lock; everything else must wait for the next commit.
            while store.sqlite.core.queue.waiting + store.sqlite.core.queue.taken < 100 { await Task.yield() }
            close(file)
            return try await group.reduce(into: Set<JobID>()) { $0.insert($1) }
        }
        #expect(ids.count == 100)
        // Two, unless the machine is so slow that a commit's time is over before its batch is.
        #expect(store.sqlite.commits - before < 20)
    }

    @Test func `an operation that is refused fails alone, and its counters with it`() async throws {
        let store = try TestStore(patient: true)
        let queue = store.sqlite.core.queue
        let file = Glibc.open("\(store.directory.path)/lock", O_RDWR | O_CLOEXEC)
        #expect(errand_lock_take(file, 0, 0) == 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.enqueue("first") }
            group.addTask {
                await #expect(throws: JobStoreError.refused(reason: "no")) {
                    try await queue.perform(.normal) { (database) throws(JobStoreError) -> (Void, Set<DoorbellTopic>) in
                        database.count(.dead, feed: 1, by: 5)
                        _ = try database.enqueue([try PreparedJob(NewJob(kind: "undone", payload: []))])
                        throw .refused(reason: "no")
                    }
                }
            }
            group.addTask { try await store.enqueue("third") }
            while queue.waiting + queue.taken < 3 { await Task.yield() }
            close(file)
            try await group.waitForAll()
        }
        let counts = try await store.inspection.stats().counts
        #expect(Set(counts.map(\.kind)) == ["first", "third"])
        #expect(counts.allSatisfy { $0.state == .available && $0.jobs == 1 })
    }

    @Test func `a commit is as durable as its strongest operation asks`() async throws {
        let store = try TestStore()
        for (durability, expected) in [(Durability.full, 2), (.normal, 1), (.full, 2)] as [(Durability, Int64)] {
            let found = try await store.sqlite.core.queue.perform(durability) { (database) throws(JobStoreError) in
                (try database.connection.integer("PRAGMA synchronous"), [])
            }
            #expect(found == expected)
        }
    }

    @Test func `acknowledgements are durable, claims and heartbeats need not be`() async throws {
        let store = try TestStore()
        try await store.enqueue()
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        #expect(store.sqlite.core.queue.durabilities == [.full, .normal, .normal])
        _ = try await store.report(worker, job, .completed, .complete)
        #expect(store.sqlite.core.queue.durabilities == [.full, .normal, .normal, .full])
    }

    @Test func `an enqueue is as durable as its job asks, or else as the store`() async throws {
        for (store, asked, expected) in [
            (.full, nil, .full), (.full, .normal, .normal), (.normal, nil, .normal), (.normal, .full, .full),
        ] as [(Durability, Durability?, Durability)] {
            var options = SQLiteStoreOptions()
            options.durability = store
            let directory = TemporaryDirectory()
            let opened = try SQLiteStore.open(directory: directory.path, options: options)
            var job = NewJob(kind: "greet", payload: [])
            job.durability = asked
            _ = try await opened.store.jobs.enqueue([job])
            #expect(opened.core.queue.durabilities == [expected])
        }
    }

    @Test func `one transaction takes the highest durability that any of its jobs asks for`() async throws {
        let store = try TestStore()
        var relaxed = NewJob(kind: "greet", payload: [])
        relaxed.durability = .normal
        var strict = relaxed
        strict.durability = .full
        _ = try await store.jobs.enqueue([relaxed, relaxed])
        _ = try await store.jobs.enqueue([relaxed, strict, relaxed])
        #expect(store.sqlite.core.queue.durabilities == [.normal, .full])
    }

    @Test func `in a store of normal durability outcomes and commands are normal too`() async throws {
        var options = SQLiteStoreOptions()
        options.durability = .normal
        let directory = TemporaryDirectory()
        let opened = try SQLiteStore.open(directory: directory.path, options: options)
        let store = try TestStore(directory: directory)
        let worker = try await store.join()
        try await store.enqueue()
        let job = try #require(try await store.claim(worker).first)
        let report = ExecutionReport(
            execution: job.execution, outcome: .failed, next: .bury(reason: "max_attempts"), finishedAt: store.clock.now())
        _ = try await opened.store.jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
        _ = try await opened.store.control.retry([job.execution.job], resettingAttempts: false)
        #expect(opened.core.queue.durabilities == [.normal, .normal])
    }

    @Test func `every connection keeps its hands off checkpoints and deletes without wiping`() async throws {
        let store = try TestStore()
        let settings = try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            var values: [String: String?] = [:]
            for name in ["journal_mode", "wal_autocheckpoint", "secure_delete", "mmap_size", "auto_vacuum", "foreign_keys"] {
                values[name] = try database.connection.text("PRAGMA \(name)")
            }
            return (values, [])
        }
        #expect(
            settings == [
                "journal_mode": "wal", "wal_autocheckpoint": "0", "secure_delete": "0", "mmap_size": "0", "auto_vacuum": "2",
                "foreign_keys": "0",
            ])
    }

    @Test func `an idle writer empties its log after a second, and a large log is emptied at once`() {
        var policy = CheckpointPolicy()
        #expect(policy.idleWait(now: 0) == nil)
        policy.didCommit(at: 5)
        #expect(policy.idleWait(now: 5) == 1_000_000_000)
        policy.didCheckpoint(emptied: false, at: 1_000_000_005)
        #expect(policy.idleWait(now: 1_000_000_005) == 1_000_000_000)
        policy.didCheckpoint(emptied: true, at: 2_000_000_005)
        #expect(policy.idleWait(now: 2_000_000_005) == nil)
    }

    @Test func `closing commits what was handed in`() async throws {
        let directory = TemporaryDirectory()
        let store = try TestStore(directory: directory)
        async let ids = store.jobs.enqueue(Array(repeating: NewJob(kind: "greet", payload: []), count: 50))
        _ = try await ids
        store.sqlite.close()
        #expect(try await TestStore(directory: directory).inspection.stats().counts.map(\.jobs) == [50])
    }

    @Test func `after an input or output error the next write opens the file anew`() async throws {
        let store = try TestStore()
        let first = try await store.enqueue()
        let queue = store.sqlite.core.queue
        let before = try await queue.perform(.normal) { (database) throws(JobStoreError) in
            _ = database.connection.failure(SQLITE_IOERR)
            return (UInt(bitPattern: database.connection.handle), [])
        }
        let second = try await store.enqueue()
        let worker = try await store.join()
        #expect(try await store.claim(worker).map(\.execution.job) == [first, second])
        let (after, isPoisoned) = try await queue.perform(.normal) { (database) throws(JobStoreError) in
            ((UInt(bitPattern: database.connection.handle), database.connection.isPoisoned), [])
        }
        #expect(!isPoisoned)
        #expect(after != before)
    }
}
