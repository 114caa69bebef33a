// Rings between opened stores, and the look at the database that stands in for a missing one.

import CSQLite
import Errand
import ErrandSQLite
import Synchronization
import Testing

/// What a listener has heard, as a stream that a test can wait for.
private struct Ears: Sendable {
    let rings: AsyncStream<Set<DoorbellTopic>>
    let listener: any DoorbellListener

    init(_ store: TestStore, _ topics: Set<DoorbellTopic>) {
        let (stream, continuation) = AsyncStream.makeStream(of: Set<DoorbellTopic>.self)
        rings = stream
        listener = store.sqlite.store.doorbell.listen(to: topics) { continuation.yield($0) }
    }

    /// The next ring; the test's time limit ends a wait in vain.
    func next() async -> Set<DoorbellTopic>? { await rings.first { _ in true } }
}

/// A value that closures share.
private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

@Suite(.timeLimit(.minutes(5))) struct DoorbellTests {
    @Test func `another store hears of work, control, outcomes and logs after their commits`() async throws {
        let store = try TestStore()
        let other = try TestStore(directory: store.directory, clock: store.clock)
        let work = Ears(other, [.work])
        let id = try await store.enqueue()
        #expect(await work.next() == [.work])
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        work.listener.stop()
        let control = Ears(other, [.control])
        _ = try await store.control.cancel([id], reason: nil)
        #expect(await control.next()?.contains(.control) == true)
        control.listener.stop()
        let outcome = Ears(other, [.outcome])
        _ = try await store.report(worker, job, .completed, .complete)
        #expect(await outcome.next()?.contains(.outcome) == true)
        outcome.listener.stop()
        let log = Ears(other, [.log])
        other.sqlite.store.doorbell.ring([.log])
        #expect(await log.next() == [.log])
    }

    @Test func `a listener is told only of its topics, and after its end of none`() async throws {
        let store = try TestStore()
        let heard = Shared<[Set<DoorbellTopic>]>([])
        let deaf = store.sqlite.store.doorbell.listen(to: [.log]) { topics in heard.value.withLock { $0.append(topics) } }
        let stopped = store.sqlite.store.doorbell.listen(to: [.work]) { topics in heard.value.withLock { $0.append(topics) } }
        stopped.stop()
        let ears = Ears(store, [.work])
        store.sqlite.store.doorbell.ring([.work])
        #expect(await ears.next() == [.work])
        #expect(heard.value.withLock { $0 } == [])
        deaf.stop()
    }

    @Test func `a doorbell that nobody listened to for a while rings again for a new listener`() async throws {
        let store = try TestStore()
        let first = Ears(store, [.work])
        store.sqlite.store.doorbell.ring([.work])
        #expect(await first.next() == [.work])
        first.listener.stop()
        let names = SocketProbe.names("\(store.directory.path)/doorbells")
        #expect(names.count == 1)
        #expect(names.allSatisfy { $0.hasPrefix("-") }, "nobody is to be rung: \(names)")
        let second = Ears(store, [.control])
        store.sqlite.store.doorbell.ring([.control])
        #expect(await second.next() == [.control])
    }

    @Test func `rows that come by plain SQL are noticed without a ring`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        let ears = Ears(store, [.outcome])
        var database: OpaquePointer?
        try #require(sqlite3_open("\(store.directory.path)/queue.db", &database) == SQLITE_OK)
        defer { sqlite3_close(database) }
        sqlite3_exec(database, "PRAGMA wal_autocheckpoint=0", nil, nil, nil)
        // The first look only learns what there is, so the change is made until it has been noticed.
        let noticed = Shared(false)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = await ears.next()
                noticed.value.withLock { $0 = true }
            }
            var step: Int64 = 1
            while !noticed.value.withLock({ $0 }) {
                sqlite3_exec(
                    database,
                    "INSERT OR REPLACE INTO errand_scheduled VALUES(\(id.rawValue + step), \(-step), 0, 0, 0, 0)", nil, nil, nil)
                step += 1
                await Task.yield()
            }
        }
        #expect(noticed.value.withLock { $0 })
    }

    @Test func `a job that plain SQL enqueues is noticed without a ring`() async throws {
        let store = try TestStore()
        let ears = Ears(store, [.work])
        let other = try Application("\(store.directory.path)/queue.db")
        let noticed = Shared(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = await ears.next()
                noticed.value.withLock { $0 = true }
            }
            // The first look only learns what there is, so jobs are added until one has been noticed.
            while !noticed.value.withLock({ $0 }) {
                try other.run("INSERT INTO errand_enqueue(kind) VALUES('greet')")
                await Task.yield()
            }
            try await group.waitForAll()
        }
    }

    @Test func `the socket of a dead process is cleared away by the next ring`() async throws {
        let store = try TestStore()
        let path = "\(store.directory.path)/doorbells"
        var address = SocketProbe(path: path, name: "w-dead")
        let isBound = address.bind()
        try #require(isBound)
        address.close()
        #expect(SocketProbe.names(path) == ["w-dead"])
        store.sqlite.store.doorbell.ring([.work])
        #expect(SocketProbe.names(path) == [])
    }
}
