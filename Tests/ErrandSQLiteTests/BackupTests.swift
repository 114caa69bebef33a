// Backups: complete, checked, a store of their own; and what becomes of lease tokens when one is restored.

import Errand
import ErrandContext
import Glibc
import Synchronization
import Testing

@testable import ErrandSQLite

/// What enqueuers have been told, until they are told to end.
private final class Load: Sendable {
    private struct State {
        var acknowledged: [JobID] = []
        var isOver = false
    }

    private let state = Mutex(State())

    var acknowledged: [JobID] { state.withLock { $0.acknowledged } }
    var isOver: Bool { state.withLock { $0.isOver } }
    func note(_ id: JobID) { state.withLock { $0.acknowledged.append(id) } }
    func end() { state.withLock { $0.isOver = true } }
}

@Suite(.timeLimit(.minutes(2))) struct BackupTests {
    private func names(_ path: String) -> [String] { (directoryEntries(path) ?? []).sorted() }

    private func open(_ directory: String, clock: HandClock) throws -> SQLiteStore {
        var options = SQLiteStoreOptions()
        options.clock = clock
        options.createIfMissing = false
        return try SQLiteStore.open(directory: directory, options: options)
    }

    /// A restored copy of a backup: files alone, as `cp -a` makes them. No connection of this process has them open.
    private func restore(_ backup: String, to directory: TemporaryDirectory, clock: HandClock) throws -> TestStore {
        mkdir(directory.path, 0o700)
        for name in names(backup) {
            let from = Glibc.open("\(backup)/\(name)", O_RDONLY | O_CLOEXEC)
            let to = Glibc.open("\(directory.path)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            defer { close(from); close(to) }
            while sendfile(to, from, nil, 1 << 20) > 0 {}
        }
        return try TestStore(directory: directory, clock: clock)
    }

    @Test func `a backup made under load holds every job that was acknowledged before, and finishes them all`() async throws {
        let store = try TestStore()
        let outside = TemporaryDirectory()
        mkdir(outside.path, 0o700)
        let worker = try await store.join()
        let load = Load()
        let before = try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while !load.isOver {
                        load.note(try await store.enqueue())
                        if let job = try await store.claim(worker, limit: 1).first, job.execution.job.rawValue % 2 == 0 {
                            _ = try await store.report(worker, job, .completed, .complete)
                        }
                    }
                }
            }
            while load.acknowledged.count < 200 { await Task.yield() }
            let before = load.acknowledged
            let report = try await store.sqlite.backup(to: "\(outside.path)/copy", includesLogs: true)
            #expect(report.jobs >= before.count)
            load.end()
            try await group.waitForAll()
            return before
        }
        let copy = try restore("\(outside.path)/copy", to: TemporaryDirectory(), clock: store.clock)
        let found = try await copy.inspection.states(of: before)
        #expect(found.allSatisfy { $0 == .available || $0 == .completed })
        let heir = try await copy.join()
        while case let jobs = try await copy.claim(heir, limit: 100), !jobs.isEmpty {
            for job in jobs { #expect(try await copy.report(heir, job, .completed, .complete) == .accepted) }
        }
        #expect(try await copy.inspection.states(of: before).allSatisfy { $0 == .completed })
        #expect(try await copy.jobs.casualties(seenBy: heir) == [])
    }

    @Test func `a copy is two plain files for their owner alone, and nothing else is left`() async throws {
        let store = try TestStore()
        try await store.enqueue()
        _ = try await store.logs.totalBytes()
        let outside = TemporaryDirectory()
        mkdir(outside.path, 0o755)
        let report = try await store.sqlite.backup(to: "\(outside.path)/copy/", includesLogs: true)
        #expect(report.jobs == 1 && report.running == 0 && report.hasLogs)
        #expect(names(outside.path) == ["copy"])
        #expect(names("\(outside.path)/copy") == ["logs.db", "queue.db"])
        for (name, mode) in [("", 0o700), ("/queue.db", 0o600), ("/logs.db", 0o600)] {
            var status = stat()
            #expect(stat("\(outside.path)/copy\(name)", &status) == 0 && Int(status.st_mode & 0o777) == mode)
        }
        let bare = try await store.sqlite.backup(to: "\(outside.path)/bare")
        #expect(!bare.hasLogs)
        #expect(names("\(outside.path)/bare") == ["queue.db"])
    }

    @Test func `what stands in the way is refused, and only an untouched backup is replaced`() async throws {
        let store = try TestStore()
        try await store.enqueue()
        let outside = TemporaryDirectory()
        mkdir(outside.path, 0o700)
        let place = "\(outside.path)/copy"
        _ = try await store.sqlite.backup(to: place)
        await #expect(
            throws: JobStoreError.refused(reason: "\(place) exists: name a new directory, or replace an earlier backup with --force")
        ) {
            try await store.sqlite.backup(to: place)
        }
        try await store.enqueue()
        #expect(try await store.sqlite.backup(to: place, replacesBackup: true).jobs == 2)
        #expect(names(outside.path) == ["copy"])
        // Opened as a store: somebody may work on it.
        let opened = try open(place, clock: store.clock)
        #expect(try await opened.store.inspection.stats().counts.map(\.jobs) == [2])
        opened.close()
        mkdir("\(outside.path)/other", 0o700)
        mkdir("\(outside.path)/other/mine", 0o700)
        for path in [place, "\(outside.path)/other", store.directory.path, "\(store.directory.path)/in", "/", ""] {
            let error = await #expect(throws: JobStoreError.self) { try await store.sqlite.backup(to: path, replacesBackup: true) }
            guard case .refused? = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
        }
        #expect(names(outside.path) == ["copy", "other"])
        // A link: to an untouched backup, to nothing.
        _ = try await store.sqlite.backup(to: "\(outside.path)/fresh")
        for target in ["fresh", "missing"] {
            let link = "\(outside.path)/link-\(target)"
            symlink(target, link)
            let error = await #expect(throws: JobStoreError.self) { try await store.sqlite.backup(to: link, replacesBackup: true) }
            #expect(try #require(error).description.contains("symbolic link"))
        }
        #expect(names(outside.path) == ["copy", "fresh", "link-fresh", "link-missing", "other"])
        let error = await #expect(throws: JobStoreError.self) { try await store.sqlite.backup(to: "\(outside.path)/no/such/parent") }
        #expect(try #require(error).description.contains("cannot make a directory beside"))
    }

    @Test func `a damaged store gives no backup, and says so`() async throws {
        let directory = TemporaryDirectory()
        let store = try TestStore(directory: directory)
        let payload = Array("\"\(String(repeating: "x", count: 2000))\"".utf8)
        _ = try await store.jobs.enqueue(Array(repeating: NewJob(kind: "greet", payload: payload), count: 1000))
        store.sqlite.close()
        let file = Glibc.open("\(directory.path)/queue.db", O_RDWR | O_CLOEXEC)
        let rubbish = [UInt8](repeating: 0xA5, count: 40960)
        #expect(pwrite(file, rubbish, rubbish.count, 1_024_000) == rubbish.count)
        close(file)
        let outside = TemporaryDirectory()
        mkdir(outside.path, 0o700)
        let again = try TestStore(directory: directory)
        let error = await #expect(throws: JobStoreError.self) { try await again.sqlite.backup(to: "\(outside.path)/copy") }
        guard case .damaged? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(names(outside.path) == [])
    }

    // MARK: Lease tokens of two timelines

    @Test func `no lease token is handed out twice by a store and the restored copies of it`() async throws {
        let store = try TestStore()
        for _ in 0..<6 { try await store.enqueue() }
        let worker = try await store.join()
        let claimed = try await store.claim(worker, limit: 5)
        // One of each state: running, available again, waiting for its next attempt, dead, completed, and one that never ran.
        _ = try await store.report(worker, claimed[1], .interrupted, .giveBack)
        _ = try await store.report(worker, claimed[2], .failed, .wait(until: store.clock.now() + .seconds(1)))
        _ = try await store.report(worker, claimed[3], .failed, .bury(reason: "max_attempts"))
        _ = try await store.report(worker, claimed[4], .completed, .complete)
        let outside = TemporaryDirectory()
        mkdir(outside.path, 0o700)
        let report = try await store.sqlite.backup(to: "\(outside.path)/copy")
        #expect(report.jobs == 6 && report.running == 1)

        var tokens: [[ExecutionID]] = [try await use(store, by: worker, giving: [claimed[0]])]
        for _ in 0..<2 {
            store.clock.advance(by: .seconds(60))
            let copy = try restore("\(outside.path)/copy", to: TemporaryDirectory(), clock: store.clock)
            // Looking, and enqueueing, does not use the copy up.
            try await copy.enqueue()
            let again = try copy.crashAndReopen()
            tokens.append(try await use(again, by: try await again.join(), giving: []))
            #expect(tokens.last?.count ?? 0 >= 15)
        }
        let all = tokens.flatMap { $0 } + claimed.map(\.execution).dropFirst()
        #expect(Set(all).count == all.count)
    }

    /// Runs every job a few times over, the finished ones by an operator's retry.
    private func use(_ store: TestStore, by worker: WorkerID, giving held: [ClaimedJob]) async throws -> [ExecutionID] {
        for job in held { _ = try await store.report(worker, job, .interrupted, .giveBack) }
        var executions = held.map(\.execution)
        for _ in 0..<3 {
            store.clock.advance(by: .seconds(2))
            let dead = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 100).jobs.filter { $0.state == .dead }
            _ = try await store.control.retry(dead.map(\.id), resettingAttempts: false)
            for job in try await store.claim(worker, limit: 100) {
                executions.append(job.execution)
                _ = try await store.report(worker, job, .failed, .bury(reason: "max_attempts"))
            }
        }
        return executions
    }

    @Test func `a job that ran when the copy was made runs again there, at no cost, under a higher ordinal`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue { $0.maxAttempts = 1 }
        let worker = try await store.join()
        let first = try #require(try await store.claim(worker).first)
        let outside = TemporaryDirectory()
        mkdir(outside.path, 0o700)
        _ = try await store.sqlite.backup(to: "\(outside.path)/copy")
        let copy = try restore("\(outside.path)/copy", to: TemporaryDirectory(), clock: store.clock)
        #expect(try await copy.inspection.stats().workers == [])
        let again = try #require(try await copy.claim(try await copy.join()).first)
        #expect(again.execution.job == id && again.attempt == 1)
        #expect(again.execution.ordinal > first.execution.ordinal + 1_000_000)
        #expect(again.previous == first.execution)
        #expect(try await copy.outcomes(id) == [.interrupted, nil])
        // The original knows nothing of it.
        #expect(try await store.report(worker, first, .completed, .complete) == .accepted)
    }
}
