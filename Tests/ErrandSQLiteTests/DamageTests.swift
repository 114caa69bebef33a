// Damaged files: what is said, what goes on, and that nothing is made anew behind anybody's back.

import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(5))) struct DamageTests {
    /// A closed store with many jobs and log lines, all of them in the databases themselves.
    private func makeStore() async throws -> TemporaryDirectory {
        let directory = TemporaryDirectory()
        let store = try TestStore(directory: directory)
        let payload = Array("\"\(String(repeating: "x", count: 2000))\"".utf8)
        _ = try await store.jobs.enqueue(Array(repeating: NewJob(kind: "greet", payload: payload), count: 1000))
        let chunk = LogChunk(
            job: JobID(rawValue: 1), ordinal: 1, firstSequence: 1, lines: 1, firstTime: store.clock.now(), lastTime: store.clock.now(),
            highestLevel: .info, flags: [], body: payload)
        _ = try await store.logs.append(Array(repeating: chunk, count: 1000), dropping: [])
        store.sqlite.close()
        for name in ["queue.db-wal", "logs.db-wal"] {
            var status = stat()
            #expect(stat("\(directory.path)/\(name)", &status) != 0 || status.st_size == 0, "\(name) was emptied at the end")
        }
        return directory
    }

    /// Overwrites the middle third of a database, whole pages. No SQLite connection of this process has it open.
    private func overwriteMiddle(of path: String) throws {
        let file = Glibc.open(path, O_RDWR | O_CLOEXEC)
        defer { close(file) }
        var status = stat()
        fstat(file, &status)
        let third = Int(status.st_size) / 3 / 4096 * 4096
        let rubbish = [UInt8](repeating: 0xA5, count: third)
        #expect(pwrite(file, rubbish, third, off_t(third)) == third)
    }

    @Test func `a sound file is told from a damaged one and from none`() async throws {
        let directory = try await makeStore()
        #expect(DatabaseCheck.quick("\(directory.path)/queue.db") == .sound)
        #expect(DatabaseCheck.quick("\(directory.path)/logs.db") == .sound)
        #expect(DatabaseCheck.quick("\(directory.path)/none.db") == .missing)
        try overwriteMiddle(of: "\(directory.path)/queue.db")
        guard case .damaged(let findings, _) = DatabaseCheck.quick("\(directory.path)/queue.db") else {
            Issue.record("overwritten pages were not noticed")
            return
        }
        #expect(!findings.isEmpty && findings.count <= 4)
    }

    @Test func `overwritten pages of queue_db are damage with a way out, for claims and for lists`() async throws {
        let directory = try await makeStore()
        try overwriteMiddle(of: "\(directory.path)/queue.db")
        let store = try TestStore(directory: directory)
        let worker = try await store.join()
        let claim = await #expect(throws: JobStoreError.self) {
            while try await !store.claim(worker, limit: 100).isEmpty {}
        }
        let list = await #expect(throws: JobStoreError.self) {
            var cursor: JobID?
            repeat {
                cursor = try await store.inspection.jobs(matching: JobSelector(), before: cursor, limit: 100).next
            } while cursor != nil
        }
        for error in [claim, list] {
            guard case .damaged(let reason)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(reason.hasPrefix("\(directory.path)/queue.db: database disk image is malformed: stop the workers and restore a backup"))
            #expect(reason.contains("save what can be read with the .recover or .dump of sqlite3"))
        }
    }

    @Test func `overwritten logs stop no job`() async throws {
        let directory = try await makeStore()
        try overwriteMiddle(of: "\(directory.path)/logs.db")
        let store = try TestStore(directory: directory)
        let error = await #expect(throws: JobStoreError.self) {
            _ = try await store.logs.prune(olderThan: store.clock.now() + .seconds(1), beyondBytes: nil, limit: 10_000)
        }
        #expect(try #require(error).description.contains("move logs.db, logs.db-wal and logs.db-shm away"))
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker, limit: 1).first)
        #expect(try await store.report(worker, job, .completed, .complete) == .accepted)
        // Moved away, as the message says: the next opener makes a new file.
        store.sqlite.close()
        for suffix in ["", "-wal", "-shm"] { rename("\(directory.path)/logs.db\(suffix)", "\(directory.path)/old\(suffix)") }
        for suffix in ["", "-wal", "-shm"] { unlink("\(directory.path)/old\(suffix)") }
        let again = try TestStore(directory: directory)
        #expect(try await again.logs.newestCursor() == 0)
        #expect(try await again.inspection.stats().counts.reduce(0) { $0 + $1.jobs } == 1000)
    }

    @Test func `a file whose head is overwritten is refused and left as it is`() async throws {
        let directory = try await makeStore()
        let path = "\(directory.path)/queue.db"
        let file = Glibc.open(path, O_RDWR | O_CLOEXEC)
        let rubbish = [UInt8](repeating: 0xA5, count: 100)
        #expect(pwrite(file, rubbish, 100, 0) == 100)
        close(file)
        var before = stat()
        stat(path, &before)
        let error = #expect(throws: JobStoreError.self) { try TestStore(directory: directory) }
        #expect(try #require(error).description.contains("is not a SQLite database: stop the workers and restore a backup"))
        var after = stat()
        stat(path, &after)
        #expect(after.st_size == before.st_size && after.st_ino == before.st_ino)
    }

    @Test func `a database that another tool has copied without its write-ahead mode gets it back`() async throws {
        let directory = try await makeStore()
        let connection = try Connection(path: "\(directory.path)/queue.db", queryOnly: false)
        try connection.execute("PRAGMA journal_mode=DELETE")
        #expect(try connection.text("PRAGMA journal_mode") == "delete")
        let store = try TestStore(directory: directory)
        let mode = try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            (try database.connection.text("PRAGMA journal_mode"), [])
        }
        #expect(mode == "wal")
    }

    @Test func `the library's known defect is told by its version`() {
        #expect(
            SQLiteLibrary.hasResetDefect(3_007_000) && SQLiteLibrary.hasResetDefect(3_040_001) && SQLiteLibrary.hasResetDefect(3_051_002))
        #expect(!SQLiteLibrary.hasResetDefect(3_051_003) && !SQLiteLibrary.hasResetDefect(3_006_023))
        #expect(SQLiteLibrary.remark.hasPrefix(SQLiteLibrary.version))
    }
}
