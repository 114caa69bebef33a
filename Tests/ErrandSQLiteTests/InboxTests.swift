// Enqueueing by plain SQL: what the view takes and refuses, and what becomes of it.

import CSQLite
import Errand
import ErrandContext
import Synchronization
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(5))) struct InboxTests {
    private func application(_ store: TestStore) throws -> Application { try Application("\(store.directory.path)/queue.db") }

    private func id(ofKey key: String, _ other: Application) throws -> JobID {
        let found = try other.texts("SELECT id FROM errand_enqueue WHERE key = '\(key)'")
        return try #require(found.first.flatMap { JobID($0) })
    }

    @Test func `a job that plain SQL enqueues is a job like all others, with everything that was said of it`() async throws {
        let store = try TestStore()
        let other = try application(store)
        try other.run(
            """
            INSERT INTO errand_enqueue(kind, payload, queue, priority, run_at, max_attempts, timeout, key, label, meta, tags, limit_key,
              sequence, unique_key, expires_at, deadline, trace_parent)
            VALUES('greet', '{"name":"Ada"}', 'mail', -7, '2040-01-31 08:00:00', 3, 1.5, 'k', 'a label', '{"ticket":"4711"}', 'late, gold',
              'acme', 'letters', 'ada', 2213000000, '2040-03-01T00:00:00+01:00', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
            """)
        let id = try id(ofKey: "k", other)
        let job = try #require(try await store.inspection.job(id))
        #expect(job.summary.kind == "greet")
        #expect(job.summary.queue == "mail")
        #expect(job.payload == Array("{\"name\":\"Ada\"}".utf8))
        #expect(job.summary.priority == -7)
        #expect(job.summary.state == .scheduled)
        #expect(job.summary.runAt == Timestamp("2040-01-31T08:00:00Z"))
        #expect(job.summary.maxAttempts == 3)
        #expect(job.timeout == .milliseconds(1500))
        #expect(job.summary.key == "k")
        #expect(job.summary.label == "a label")
        #expect(job.summary.meta == ["ticket": "4711"])
        #expect(job.terms.tags == ["gold", "late"])
        #expect(job.terms.limitKey == "acme")
        #expect(job.terms.sequence == JobSequence("letters"))
        #expect(job.terms.uniqueness == Uniqueness(key: "ada"))
        #expect(job.terms.expiresAt == Timestamp(microseconds: 2_213_000_000_000_000))
        #expect(job.terms.deadline == Timestamp("2040-02-29T23:00:00Z"))
        #expect(job.trace?.traceID == "0af7651916cd43dd8448eb211c80319c")
        // Its ID is found as before.
        #expect(try other.texts("SELECT id FROM errand_enqueue WHERE key = 'k'") == [id.description])
    }

    @Test func `what is left out is as everywhere, and a worker gets it`() async throws {
        let store = try TestStore()
        let worker = try await store.join()
        let other = try application(store)
        try other.run("INSERT INTO errand_enqueue(kind) VALUES('greet')")
        let job = try #require(try await store.claim(worker).first)
        #expect(job.kind == "greet")
        #expect(job.queue == "default")
        #expect(job.payload == Array("{}".utf8))
        #expect(job.maxAttempts == 5)
        #expect(try other.number("SELECT count(*) FROM errand_inbox") == 0)
        #expect(try await store.report(worker, job, .completed, .complete) == .accepted)
    }

    @Test func `what a transaction has not committed is no job`() async throws {
        let store = try TestStore()
        let other = try application(store)
        try other.run("BEGIN IMMEDIATE; INSERT INTO errand_enqueue(kind) VALUES('greet'); INSERT INTO errand_enqueue(kind) VALUES('greet')")
        #expect(try await store.inspection.stats().counts.isEmpty)
        try other.run("ROLLBACK")
        #expect(try await store.inspection.stats().counts.isEmpty)
    }

    @Test(arguments: [
        ("payload", "'{}'", "kind is missing: it picks the handler"),
        ("kind", "'Greet'", "kind takes 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"),
        ("kind", "''", "kind takes 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"),
        ("kind", "'a' || char(0) || 'b'", "kind takes 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"),
        ("kind, queue", "'k', printf('%065d', 0)", "queue takes 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"),
        ("kind, payload", "'k', zeroblob(1048577)", "the payload has more than 1048576 bytes (1 MiB): pass a reference instead"),
        ("kind, priority", "'k', 101", "priority takes a whole number from -100 to 100"),
        ("kind, priority", "'k', 1.5", "priority takes a whole number from -100 to 100"),
        ("kind, priority", "'k', '1'", "priority takes a whole number from -100 to 100"),
        ("kind, max_attempts", "'k', 0", "max_attempts takes a whole number from 1 to 1000"),
        ("kind, timeout", "'k', 0", "timeout takes a number of seconds, more than 0 and at most ten years"),
        ("kind, timeout", "'k', '30s'", "timeout takes a number of seconds, more than 0 and at most ten years"),
        (
            "kind, run_at", "'k', '12:00'",
            "run_at takes a time such as '2030-01-31 08:00:00' (UTC), '2030-01-31T08:00:00+01:00' or seconds since 1970"
        ),
        (
            "kind, run_at", "'k', '2030-13-01'",
            "run_at takes a time such as '2030-01-31 08:00:00' (UTC), '2030-01-31T08:00:00+01:00' or seconds since 1970"
        ),
        (
            "kind, deadline", "'k', -1",
            "deadline takes a time such as '2030-01-31 08:00:00' (UTC), '2030-01-31T08:00:00+01:00' or seconds since 1970"
        ),
        (
            "kind, run_at", "'k', '2030-02-31'",
            "run_at takes a time such as '2030-01-31 08:00:00' (UTC), '2030-01-31T08:00:00+01:00' or seconds since 1970"
        ),
        ("kind, run_at, expires_at", "'k', '2040-01-02', '2040-01-02'", "expires_at takes a time behind run_at"),
        ("kind, payload", "'k', ''", "the payload is empty: leave it out for {}"),
        ("kind, key", "'k', 7", "key takes a text of 1 to 512 bytes, without NUL"),
        ("kind, key", "'k', ''", "key takes a text of 1 to 512 bytes, without NUL"),
        ("kind, label", "'k', printf('%0201d', 0)", "label takes a text of 1 to 200 bytes, without NUL"),
        ("kind, id", "'k', '06h3k9x8q4p2a'", "id and number are given by Errand: leave them out"),
    ])
    func `what SQL can tell is refused at once`(columns: String, values: String, message: String) throws {
        let store = try TestStore()
        let other = try application(store)
        #expect(other.refusal("INSERT INTO errand_enqueue(\(columns)) VALUES(\(values))") == "errand: \(message)")
        // Nor is it lost without a word where a program ignores what its own tables refuse.
        #expect(other.refusal("INSERT OR IGNORE INTO errand_enqueue(\(columns)) VALUES(\(values))") == "errand: \(message)")
        #expect(try other.number("SELECT count(*) FROM errand_inbox") == 0)
    }

    @Test func `what only Errand can tell makes a dead job that says why, and no payload that is not JSON`() async throws {
        let store = try TestStore()
        let other = try application(store)
        try other.run(
            """
            INSERT INTO errand_enqueue(kind, payload, key, priority, label) VALUES('greet', '{"a":1,', 'a', 7, 'a label');
            INSERT INTO errand_enqueue(kind, meta, key) VALUES('greet', '["x"]', 'b');
            INSERT INTO errand_enqueue(kind, tags, key) VALUES('greet', 'Not-A-Tag', 'c');
            INSERT INTO errand_enqueue(kind, meta, key) VALUES('greet', 'null', 'd');
            INSERT INTO errand_enqueue(kind, payload, key) VALUES('greet', x'ff', 'e');
            INSERT INTO errand_enqueue(kind, key) VALUES('greet', CAST(x'ff' AS TEXT));
            INSERT INTO errand_enqueue(kind, key) VALUES('greet', CAST(x'fe' AS TEXT));
            """)
        let dead = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 10).jobs.filter { $0.state == .dead }
        var reasons: [String] = []
        for key in ["a", "b", "c", "d", "e"] {
            let summary = try #require(dead.first { $0.key == key })
            let job = try #require(try await store.inspection.job(summary.id))
            #expect(JobRules.payloadProblem(job.payload) == nil)
            reasons.append(job.summary.reason ?? "")
        }
        #expect(reasons[0].hasPrefix("refused: the payload is not valid JSON: "))
        #expect(reasons[1] == "refused: meta is not a JSON object of texts")
        #expect(reasons[2].hasPrefix("refused: \"Not-A-Tag\" is not a tag"))
        #expect(reasons[3] == "refused: meta is not a JSON object of texts")
        #expect(reasons[4].hasPrefix("refused: the payload is not valid JSON: "))
        #expect(dead.count { $0.reason == "refused: key is not UTF-8" } == 2)
        // Whoever shows a payload relies on its being JSON, and could not tell what in it is secret.
        let first = try #require(dead.first { $0.key == "a" })
        #expect(try await store.inspection.job(first.id)?.payload == Array("null".utf8))
        #expect(first.priority == 7)
        #expect(first.label == "a label")
        // It cannot run, and stands in nobody's way.
        guard case .invalid? = try await store.control.retry([first.id], resettingAttempts: true).first else {
            Issue.record("a job that was refused can be retried")
            return
        }
        try other.run("INSERT INTO errand_enqueue(kind, payload, key) VALUES('greet', '{\"a\":1}', 'a')")
        let mended = try #require(try await store.inspection.jobs(meantBy: "key:a").first)
        #expect(try await store.inspection.job(mended)?.summary.state == .available)
    }

    @Test func `a repetition under a key adds nothing, and another job under it is refused`() async throws {
        let store = try TestStore()
        let other = try application(store)
        func add(_ payload: String) -> String? {
            other.refusal("INSERT INTO errand_enqueue(kind, payload, key) VALUES('greet', '\(payload)', 'order-7')")
        }
        #expect(add("{\"n\":1}") == nil)
        #expect(add("{\"n\":1}") == nil)
        #expect(add("{\"n\":2}") == "errand: the key belongs to a job of another kind or payload")
        #expect(try other.number("SELECT count(*) FROM errand_inbox") == 1)
        let id = try id(ofKey: "order-7", other)
        // The library finds it, seen or not, and so does plain SQL once it has been seen.
        let same = try await store.jobs.enqueue([
            NewJob(kind: "greet", payload: Array("{\"n\":1}".utf8)) { $0.key = "order-7" },
            NewJob(kind: "greet", payload: Array("{\"n\":2}".utf8)) { $0.key = "order-7" },
        ])
        #expect(same == [.existing(id), .conflict(id)])
        #expect(add("{\"n\":1}") == nil)
        #expect(add("{\"n\":2}") == "errand: the key belongs to a job of another kind or payload")
        #expect(try other.texts("SELECT id FROM errand_enqueue WHERE key = 'order-7'") == [id.description])
        #expect(try await store.inspection.stats().counts.map(\.jobs) == [1])
    }

    @Test func `a job whose unique key another one has is cancelled, and says which`() async throws {
        let store = try TestStore()
        let first = try await store.enqueue { $0.terms.uniqueness = Uniqueness(key: "ada") }
        let other = try application(store)
        try other.run("INSERT INTO errand_enqueue(kind, unique_key, key) VALUES('greet', 'ada', 'second')")
        let second = try #require(try await store.inspection.jobs(meantBy: "key:second").first)
        let job = try #require(try await store.inspection.job(second))
        #expect(job.summary.state == .cancelled)
        #expect(job.summary.reason == "the unique key belongs to job \(first)")
        // The first one still has it.
        let third = try await store.jobs.enqueue([
            NewJob(kind: "greet", payload: Array("{}".utf8)) { $0.terms.uniqueness = Uniqueness(key: "ada") }
        ])
        #expect(third == [.unique(first)])
    }

    @Test func `IDs of both ways are one growing series, and say when`() async throws {
        let store = try TestStore(clock: HandClock())
        let other = try application(store)
        var ids: [JobID] = []
        for _ in 0..<20 {
            ids.append(try await store.enqueue())
            try other.run("BEGIN IMMEDIATE; INSERT INTO errand_enqueue(kind) VALUES('greet')")
            let text = try other.texts("SELECT id FROM errand_enqueue WHERE number = (SELECT last_id FROM errand_meta)")
            ids.append(try #require(text.first.flatMap { JobID($0) }))
            try other.run("COMMIT")
        }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == 40)
        let page = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 100)
        #expect(Set(page.jobs.map(\.id)) == Set(ids))
    }

    @Test func `whoever looks or acts meets every job that was committed before, however many wait`() async throws {
        let store = try TestStore()
        let other = try application(store)
        try other.run(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO errand_enqueue(kind, payload, key) SELECT 'greet', '{"n":' || i || '}', 'k' || i FROM n
            """)
        let last = try id(ofKey: "k5000", other)
        #expect(try await store.control.cancel([last], reason: nil) == [.cancelled])
        let again = NewJob(kind: "greet", payload: Array("{\"n\":4999}".utf8)) { $0.key = "k4999" }
        guard case .existing = try await store.jobs.enqueue([again])[0] else {
            Issue.record("a key that waits in the inbox was free")
            return
        }
        let counts = try await store.inspection.stats().counts
        #expect(counts.reduce(0) { $0 + $1.jobs } == 5000)
        #expect(try other.number("SELECT count(*) FROM errand_inbox") == 0)
        // All were told, once each.
        let events = try #require(store.sqlite.store.events)
        let told = try await events.events(after: EventCursor(rawValue: 0), limit: 20_000).events.filter { $0.change == .enqueued }
        #expect(Set(told.map(\.job)).count == 5000)
        #expect(told.count == 5000)
    }

    @Test func `a worker that finds nothing to do while the inbox is not empty asks again at once`() async throws {
        let store = try TestStore()
        let worker = try await store.join()
        try application(store).run(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO errand_enqueue(kind, run_at) SELECT 'greet', '2040-01-01' FROM n;
            INSERT INTO errand_enqueue(kind) VALUES('greet')
            """)
        var steps = 1
        var reply = try await store.exchange(worker)
        while reply.claimed.isEmpty {
            try #require(reply.nextWake == store.clock.now())
            reply = try await store.exchange(worker)
            steps += 1
        }
        #expect(steps > 1)
        #expect(reply.claimed.count == 1)
        let after = try await store.exchange(worker)
        #expect(after.nextWake == Timestamp("2040-01-01T00:00:00Z"))
    }

    @Test func `a job may wait for one that plain SQL has just enqueued, and a key that was given away meanwhile is told`() async throws {
        let store = try TestStore()
        let other = try application(store)
        try other.run(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
            INSERT INTO errand_enqueue(kind, key) SELECT 'greet', 'k' || i FROM n
            """)
        let last = try id(ofKey: "k3000", other)
        let after = try await store.enqueue { $0.after = [Dependency(.job(last))] }
        #expect(try await store.inspection.job(after)?.summary.state == .blocked)
        // As an Errand of the version before would do it, which does not look at the inbox.
        try other.run("BEGIN IMMEDIATE; INSERT INTO errand_enqueue(kind, key) VALUES('greet', 'twice')")
        let late = try id(ofKey: "twice", other)
        try other.run("INSERT INTO errand_idempotency(key, job, digest) VALUES('twice', \(last.rawValue), x''); COMMIT")
        let job = try #require(try await store.inspection.job(late))
        #expect(job.summary.state == .cancelled)
        #expect(job.summary.reason == "the key belongs to job \(last)")
        #expect(try other.number("SELECT count(*) FROM errand_inbox") == 0)
    }

    @Test func `on a disk that is almost full they wait, and come in when there is room`() async throws {
        let room = Room()
        let directory = TemporaryDirectory()
        var options = SQLiteStoreOptions()
        options.space = { room.space }
        let store = try SQLiteStore.open(directory: directory.path, options: options)
        defer { store.close() }
        let other = try Application("\(directory.path)/queue.db")
        room.isFull.store(true, ordering: .relaxed)
        try other.run("INSERT INTO errand_enqueue(kind) VALUES('greet')")
        #expect(try await store.store.inspection.stats().counts.isEmpty)
        room.isFull.store(false, ordering: .relaxed)
        #expect(try await store.store.inspection.stats().counts.map(\.jobs) == [1])
    }

    @Test func `what no rule foresees is put aside with its reason, and nothing else waits for it`() async throws {
        let store = try TestStore()
        let other = try application(store)
        // Around the view, under an ID that is taken.
        let taken = try await store.enqueue()
        try other.run(
            """
            INSERT INTO errand_inbox(id, arrived_at, kind, queue, priority, max_attempts, payload)
              VALUES(\(taken.rawValue), 0, 'greet', 'default', 0, 5, x'7b7d');
            INSERT INTO errand_inbox(id, arrived_at, kind, queue, priority, max_attempts, payload)
              VALUES(\(taken.rawValue + 1), 0, 'No Kind', 'default', 0, 5, x'7b7d');
            INSERT INTO errand_enqueue(kind) VALUES('greet');
            """)
        let counts = try await store.inspection.stats().counts
        #expect(counts.reduce(0) { $0 + $1.jobs } == 3)
        #expect(counts.first { $0.state == .dead }?.kind == "unnamed")
        #expect(try SQLiteStore.stranded(in: store.directory.path)?.jobs == 1)
        #expect(
            try other.texts("SELECT problem FROM errand_inbox") == [
                "\(store.directory.path)/queue.db: UNIQUE constraint failed: errand_job.id"
            ])
    }

    @Test func `the view works where the schema is not trusted, and finds keys and numbers without reading all jobs`() throws {
        let store = try TestStore()
        let other = try application(store)
        try other.run("PRAGMA trusted_schema=OFF; INSERT INTO errand_enqueue(kind, key) VALUES('greet', 'a')")
        for condition in ["key = 'a'", "number = 7"] {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            sqlite3_prepare_v2(other.handle, "EXPLAIN QUERY PLAN SELECT id FROM errand_enqueue WHERE \(condition)", -1, &statement, nil)
            while sqlite3_step(statement) == SQLITE_ROW {
                let line = String(cString: sqlite3_column_text(statement, 3))
                #expect(!line.hasPrefix("SCAN"), "\(line)")
            }
        }
    }
}

/// The room on a disk, as a test has it.
private final class Room: Sendable {
    let isFull = Atomic(false)

    var space: DiskSpace { DiskSpace(free: isFull.load(ordering: .relaxed) ? 1 << 20 : 1 << 30, total: 2 << 30) }
}

extension NewJob {
    /// A job changed by `change`.
    fileprivate init(kind: String, payload: [UInt8], _ change: (inout NewJob) -> Void) {
        self.init(kind: kind, payload: payload)
        change(&self)
    }
}
