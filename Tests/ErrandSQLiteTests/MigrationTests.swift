// Upgrades: all or nothing, one after the other, and never by an Errand that is too old.

import CSQLite
import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(5))) struct MigrationTests {
    private static let boot = BootIdentity(boot: "boot", timeNamespace: 1)

    /// A step to a version that does not exist yet.
    private static func step(_ sql: String) -> [Schema.Step] {
        Schema.steps + [Schema.Step(version: Schema.version + 1, queue: sql, logs: "")]
    }

    private static func prepare(_ directory: String, steps: [Schema.Step]) throws {
        let connection = try Connection(path: "\(directory)/queue.db", queryOnly: false)
        sqlite3_create_function(connection.handle, "die", 0, SQLITE_UTF8, nil, { _, _, _ in _exit(9) }, nil, nil)
        let lock = try StoreLock(directory: directory)
        _ = try Migrations.prepareQueue(
            connection, boot: boot, steps: steps, under: WriteGuard(lock: lock, byte: .queue, wait: .seconds(5)), settle: {})
    }

    private func version(_ directory: TemporaryDirectory) throws -> (schema: Int, hasTable: Bool) {
        let connection = try Connection(path: "\(directory.path)/queue.db", queryOnly: true)
        return (
            Int(try connection.integer("SELECT schema FROM errand_meta") ?? 0),
            try connection.integer("SELECT 1 FROM sqlite_schema WHERE name = 'errand_news'") != nil
        )
    }

    @Test func `a step that fails in its middle leaves nothing of itself, and the next one succeeds`() throws {
        let directory = TemporaryDirectory()
        try TestStore(directory: directory).sqlite.close()
        #expect(throws: JobStoreError.self) {
            try MigrationTests.prepare(
                directory.path, steps: MigrationTests.step("CREATE TABLE errand_news(x); INSERT INTO nowhere VALUES(1);"))
        }
        #expect(try version(directory) == (Int(Schema.version), false))
        try MigrationTests.prepare(directory.path, steps: MigrationTests.step("CREATE TABLE errand_news(x);"))
        #expect(try version(directory) == (Int(Schema.version) + 1, true))
    }

    @Test func `a process that dies in the middle of a step leaves nothing of it`() async throws {
        let directory = TemporaryDirectory()
        try TestStore(directory: directory).sqlite.close()
        await #expect(processExitsWith: .exitCode(9)) { [path = directory.path as String] in
            try MigrationTests.prepare(
                path, steps: MigrationTests.step("CREATE TABLE errand_news(x); INSERT INTO errand_news VALUES(die());"))
        }
        #expect(try version(directory) == (Int(Schema.version), false))
        try TestStore(directory: directory).sqlite.close()
    }

    @Test func `a process that is at work while a newer Errand takes the store for itself writes nothing more`() async throws {
        let store = try TestStore()
        let worker = try await store.join()
        try await store.enqueue()
        let job = try #require(try await store.claim(worker).first)
        let newer = Schema.version + 1
        let upgrade = try Connection(path: "\(store.directory.path)/queue.db", queryOnly: false)
        try upgrade.execute("UPDATE errand_meta SET schema = \(newer), min_reader = \(newer), min_writer = \(newer)")
        let refusal = JobStoreError.newerSchema(found: Int(newer), supported: Int(Schema.version))
        await #expect(throws: refusal) { try await store.enqueue() }
        await #expect(throws: refusal) { try await store.report(worker, job, .completed, .complete) }
        // An upgrade that only adds is nothing to it.
        try upgrade.execute("UPDATE errand_meta SET min_reader = 1, min_writer = 1")
        try await store.enqueue()
        #expect(try await store.report(worker, job, .completed, .complete) == .accepted)
    }

    @Test func `a store that only newer ones may write is refused with both numbers, and left as it is`() throws {
        let directory = TemporaryDirectory()
        try TestStore(directory: directory).sqlite.close()
        let newer = Schema.version + 1
        let connection = try Connection(path: "\(directory.path)/queue.db", queryOnly: false)
        try connection.execute("UPDATE errand_meta SET schema = \(newer), min_writer = \(newer), min_reader = \(newer)")
        let error = #expect(throws: JobStoreError.self) { try TestStore(directory: directory) }
        #expect(error == .newerSchema(found: Int(newer), supported: Int(Schema.version)))
        #expect(
            error?.description
                == "the store has schema \(newer), and this Errand knows schemas up to \(Schema.version): upgrade Errand on this machine")
        let look = try #require(try SchemaLook.look(in: directory.path).first)
        #expect(look.schema == Int(newer) && look.minWriter == Int(newer) && look.pending == [])
        #expect(look.problem == error, "what looks says so before it promises that there is nothing to do")
    }

    @Test func `a look tells what an older store lacks and changes nothing`() throws {
        let directory = TemporaryDirectory()
        try TestStore(directory: directory).sqlite.close()
        let connection = try Connection(path: "\(directory.path)/queue.db", queryOnly: false)
        try connection.execute("UPDATE errand_meta SET schema = 1; DROP INDEX errand_job_root")
        for _ in 0..<2 {
            let look = try #require(try SchemaLook.look(in: directory.path).first)
            #expect(look.file == "queue.db" && look.schema == 1)
            #expect(look.pending.map(\.version) == Schema.steps.map { Int($0.version) })
            #expect(try #require(look.pending.first).sql.contains("CREATE INDEX errand_job_root"))
        }
        let missing = TemporaryDirectory()
        #expect(throws: JobStoreError.self) { try SchemaLook.look(in: missing.path) }
        #expect(access(missing.path, F_OK) != 0)
    }
}
