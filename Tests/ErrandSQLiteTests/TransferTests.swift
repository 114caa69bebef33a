// Export and import on SQLite: plans that walk keys, counts that stay right, and one commit for each batch.

import Errand
import ErrandContext
import Testing

@testable import ErrandSQLite

@Suite struct TransferTests {
    private func plan(_ sql: SQL, _ database: QueueDatabase) throws(JobStoreError) -> [String] {
        var lines: [String] = []
        try database.connection.prepare(SQL("EXPLAIN QUERY PLAN \(sql.text)")).forEach { lines.append($0.text(3)) }
        return lines
    }

    @Test func `an export and an import walk keys only`() async throws {
        let store = try TestStore()
        let plans = try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            var plans: [[String]] = []
            for sql in [ExportSQL.ids, ExportSQL.input, ExportSQL.place, ImportSQL.known] { plans.append(try plan(sql, database)) }
            return (plans, [])
        }
        #expect(plans[0] == ["SEARCH errand_job USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"])
        for line in plans.joined() { #expect(line.hasPrefix("SEARCH"), "\(line)") }
    }

    @Test func `a batch of an import is one commit, and its jobs are counted once`() async throws {
        let store = try TestStore()
        let transfer = try #require(store.sqlite.store.transfer)
        let now = Timestamp(microseconds: 1_767_225_600_000_000)
        let jobs = (1...500).map { number in
            var job = ExportedJob(
                id: JobID(rawValue: 1 << 50 + Int64(number)),
                job: NewJob(kind: number % 2 == 0 ? "even" : "odd", payload: Array("{}".utf8)),
                createdAt: now, state: number % 5 == 0 ? .dead : .completed)
            job.job.runAt = now
            job.finishedAt = now
            return job
        }
        let before = store.sqlite.commits
        #expect(try await transfer.importJobs(jobs).allSatisfy { $0 == .imported })
        #expect(try await transfer.importJobs(jobs).allSatisfy { $0 == .existing })
        #expect(store.sqlite.commits <= before + 2)
        let counts = try await store.sqlite.store.inspection.stats().counts
        #expect(counts.reduce(0) { $0 + $1.jobs } == 500)
        #expect(counts.filter { $0.state == .dead }.reduce(0) { $0 + $1.jobs } == 100)
    }

    @Test func `a page of an export is cut where its jobs are large, and goes on behind the cut`() async throws {
        let store = try TestStore()
        let payload = Array("\"\(String(repeating: "x", count: 1_000_000))\"".utf8)
        let results = try await store.sqlite.store.jobs.enqueue((0..<10).map { _ in NewJob(kind: "k", payload: payload) })
        let transfer = try #require(store.sqlite.store.transfer)
        var seen: [JobID] = []
        var cursor: JobID?
        repeat {
            let page = try await transfer.exportJobs(matching: JobSelector(), after: cursor, through: results[9].id, limit: 100)
            #expect(page.jobs.count <= 5)
            seen += page.jobs.map(\.id)
            cursor = page.next
        } while cursor != nil
        #expect(seen == results.map(\.id))
    }
}
