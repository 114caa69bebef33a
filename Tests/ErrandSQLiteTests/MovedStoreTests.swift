// A store whose files are moved, deleted or replaced under those who have it open: nothing is acknowledged that nobody will find.

import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite struct MovedStoreTests {
    private func move(_ source: String, to target: String) { #expect(rename(source, target) == 0) }

    /// The message of what an enqueue to `store` gets.
    private func refusal(by store: TestStore) async throws -> String {
        try #require(await #expect(throws: JobStoreError.self) { try await store.enqueue() }).description
    }

    @Test func `a store that another one has taken the place of takes nothing in, and goes on when it is back`() async throws {
        let directory = TemporaryDirectory()
        let (away, place) = (TemporaryDirectory(), TemporaryDirectory())
        let old = try TestStore(directory: directory)
        let id = try await old.enqueue()
        move(directory.path, to: away.path)
        let new = try TestStore(directory: directory)
        let text = try await refusal(by: old)
        #expect(text.contains("\(directory.path)/queue.db is not the file that was opened"), "\(text)")
        await #expect(throws: JobStoreError.self) { try await old.join() }
        #expect(try await new.inspection.stats().counts.isEmpty)
        try await new.enqueue()
        new.sqlite.close()
        move(directory.path, to: place.path)
        move(away.path, to: directory.path)
        let second = try await old.enqueue()
        #expect(try await old.inspection.states(of: [id, second]) == [.available, .available])
    }

    @Test func `a store whose queue is restored under its feet takes nothing in`() async throws {
        let store = try TestStore()
        try await store.enqueue()
        let copy = TemporaryDirectory()
        _ = try await store.sqlite.backup(to: copy.path)
        move("\(copy.path)/queue.db", to: store.directory.path + "/queue.db")
        let text = try await refusal(by: store)
        #expect(text.contains("is not the file that was opened"), "\(text)")
    }

    @Test func `whoever finds that its store has moved keeps no lock of it`() async throws {
        let directory = TemporaryDirectory()
        let away = TemporaryDirectory()
        let old = try TestStore(directory: directory)
        try await old.enqueue()
        move(directory.path, to: away.path)
        let text = try await refusal(by: old)
        #expect(text.contains("was the store's directory moved or deleted?"), "\(text)")
        var options = SQLiteStoreOptions()
        options.lockWait = .zero
        let moved = try SQLiteStore.open(directory: away.path, options: options)
        #expect(try await moved.store.jobs.enqueue([NewJob(kind: "greet", payload: [])]).count == 1)
    }
}
