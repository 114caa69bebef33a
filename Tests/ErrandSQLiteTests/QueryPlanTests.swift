// The plan of every hot statement, pinned: a claim must not slow down because a table has grown.

import Errand
import Testing

@testable import ErrandSQLite

@Suite struct QueryPlanTests {
    private func plan(_ sql: SQL, logs: Bool = false) async throws -> [String] {
        let store = try TestStore()
        let explain: @Sendable (Connection) throws(JobStoreError) -> [String] = { (connection) throws(JobStoreError) in
            var lines: [String] = []
            try connection.prepare(SQL("EXPLAIN QUERY PLAN \(sql.text)")).forEach { lines.append($0.text(3)) }
            return lines
        }
        if logs {
            _ = try await store.logs.totalBytes()
            let directory = store.directory.path
            return try explain(try Connection(path: "\(directory)/logs.db", queryOnly: true))
        }
        return try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            (try explain(database.connection), [])
        }
    }

    @Test func `the statements of a claim walk keys only`() async throws {
        #expect(try await plan(ClaimSQL.candidates) == ["SEARCH errand_available USING PRIMARY KEY (feed=?)"])
        #expect(
            try await plan(ClaimSQL.take) == ["SEARCH errand_available USING PRIMARY KEY (feed=? AND (priority,rank,id)<(?,?,?))"])
        #expect(try await plan(ClaimSQL.input) == ["SEARCH errand_job USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(ClaimSQL.extras) == ["SEARCH errand_job USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(
            try await plan(ClaimSQL.feeds) == [
                "SEARCH q USING INDEX sqlite_autoindex_errand_queue_1 (name=?)",
                "SEARCH f USING COVERING INDEX sqlite_autoindex_errand_feed_1 (queue=?)", "SEARCH k USING INTEGER PRIMARY KEY (rowid=?)",
            ])
    }

    @Test func `leaving running walks row keys only`() async throws {
        #expect(try await plan(LeaveSQL.held) == ["SEARCH errand_running USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(LeaveSQL.drop) == ["SEARCH errand_running USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(LeaveSQL.wish) == ["SEARCH errand_control USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(LeaveSQL.dropWish) == ["SEARCH errand_control USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(PlacementSQL.input) == ["SEARCH errand_job USING INTEGER PRIMARY KEY (rowid=?)"])
    }

    @Test func `promotion walks the index of due times`() async throws {
        #expect(try await plan(PromoteSQL.due) == ["SEARCH errand_scheduled USING INDEX errand_scheduled_due (run_at<?)"])
        #expect(try await plan(PromoteSQL.next) == ["SEARCH errand_scheduled USING COVERING INDEX errand_scheduled_due"])
    }

    @Test func `what waits for what is found, told and released without a walk`() async throws {
        let statements = [
            DependencySQL.jobState, DependencySQL.edges, DependencySQL.move, DependencySQL.end, DependencySQL.drop, DependencySQL.settled,
            DependencySQL.hasOpen, DependencySQL.isNeeded, DependencySQL.blocked, DependencySQL.needLess, DependencySQL.unblock,
            DependencySQL.becomeDue, DependencySQL.place, DependencySQL.dependents, WorkflowSQL.keyed, WorkflowSQL.end, WorkflowSQL.leave,
            WorkflowSQL.finish, WorkflowSQL.jobs, WorkflowSQL.jobsBackwards, WorkflowSQL.list,
        ]
        for sql in statements {
            for line in try await plan(sql) { #expect(line.hasPrefix("SEARCH"), "\(line): \(sql.text)") }
        }
        #expect(
            try await plan(DependencySQL.hasOpen) == [
                "SEARCH errand_dependency USING PRIMARY KEY (prerequisite=? AND state<?)"
            ])
        // The first row of a list that is empty but for moments.
        #expect(try await plan(DependencySQL.nextSettling) == ["SCAN errand_settling"])
    }

    @Test func `a unique key is found, passed on and freed without a walk`() async throws {
        #expect(try await plan(UniqueSQL.owner) == ["SEARCH errand_unique_key USING PRIMARY KEY (key=?)"])
        #expect(try await plan(UniqueSQL.owned) == ["SEARCH errand_unique_key USING INDEX errand_unique_key_job (job=?)"])
        #expect(
            try await plan(UniqueSQL.progress) == [
                "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH f USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
                "SEARCH r USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN", "CORRELATED SCALAR SUBQUERY 1",
                "SEARCH e USING PRIMARY KEY (job=?)",
            ])
        #expect(
            try await plan(UniqueSQL.held) == [
                "SEARCH h USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)",
            ])
        #expect(
            try await plan(UniqueSQL.overdue) == ["SEARCH errand_unique_key USING INDEX errand_unique_key_until (until<?)"])
    }

    @Test func `jobs that end by themselves are found by their time`() async throws {
        let running = ["CORRELATED SCALAR SUBQUERY 1", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"]
        #expect(try await plan(ExpirySQL.due) == ["SEARCH e USING COVERING INDEX errand_expiry_due (at<?)"] + running)
        #expect(try await plan(ExpirySQL.next) == ["SCAN e USING COVERING INDEX errand_expiry_due"] + running)
        #expect(try await plan(ExpirySQL.deadline) == ["SEARCH errand_expiry USING PRIMARY KEY (job=? AND what=?)"])
        #expect(try await plan(ExpirySQL.forget) == ["SEARCH errand_expiry USING PRIMARY KEY (job=?)"])
    }

    @Test func `a heartbeat and its wishes touch small tables by key`() async throws {
        #expect(try await plan(WorkerSQL.renew) == ["SEARCH errand_worker USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(
            try await plan(WorkerSQL.cancellations) == ["SCAN c", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"],
            "the tiny table of wishes must lead")
    }

    @Test func `enqueue finds names, keys and the last ID without a walk`() async throws {
        #expect(
            try await plan(EnqueueSQL.lastID) == [
                "SCAN CONSTANT ROW", "SCALAR SUBQUERY 1", "SEARCH errand_meta USING INTEGER PRIMARY KEY (rowid=?)", "SCALAR SUBQUERY 2",
                "SEARCH errand_job",
            ])
        #expect(try await plan(EnqueueSQL.keyed) == ["SEARCH errand_idempotency USING PRIMARY KEY (key=?)"])
        #expect(
            try await plan(EnqueueSQL.findFeed) == [
                "SEARCH errand_feed USING COVERING INDEX sqlite_autoindex_errand_feed_1 (queue=? AND kind=?)"
            ])
    }

    @Test func `the inbox is looked at from its beginning or by key, however much waits`() async throws {
        #expect(try await plan(InboxSQL.any) == ["SCAN errand_inbox USING INDEX errand_inbox_new"])
        #expect(try await plan(InboxSQL.first) == ["SCAN errand_inbox USING INDEX errand_inbox_new"])
        #expect(try await plan(InboxSQL.one) == ["SEARCH errand_inbox USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(InboxSQL.newest) == ["SEARCH errand_inbox USING INDEX errand_inbox_new (id<?)"])
        #expect(try await plan(InboxSQL.keyed) == ["SEARCH errand_inbox USING INDEX errand_inbox_key (key=?)"])
    }

    @Test func `looking at jobs walks keys, whatever the history holds`() async throws {
        for sql in [InspectSQL.summary, ControlSQL.locate, InspectSQL.summaries] {
            let lines = try await plan(sql)
            #expect(lines.allSatisfy { $0.hasPrefix("SEARCH") }, "\(lines)")
        }
        #expect(
            try await plan(InspectSQL.ended) == ["SEARCH errand_finished USING COVERING INDEX errand_finished_other (state=? AND id<?)"])
        #expect(try await plan(RetentionSQL.finished) == ["SEARCH errand_finished USING INTEGER PRIMARY KEY (rowid>?)"])
        #expect(try await plan(SuspectSQL.latestExecutions) == ["SEARCH errand_execution USING PRIMARY KEY (job=?)"])
        #expect(
            try await plan(StatsSQL.oldest) == [
                "SEARCH a USING PRIMARY KEY (feed=? AND priority>?)", "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)",
            ])
    }

    @Test func `limits are counted by row key, and what they keep back is seen at the head of a feed`() async throws {
        #expect(try await plan(LimitSQL.parts) == ["SEARCH errand_feed USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(LimitSQL.writeQueue) == ["SEARCH errand_queue USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(LimitSQL.writeKind) == ["SEARCH errand_kind USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(LimitSQL.hasAvailable) == ["SEARCH errand_available USING PRIMARY KEY (feed=?)"])
        for table in [SettingSQL.queue, SettingSQL.kind] {
            #expect(
                try await plan(table.countRunning) == ["SCAN r", "SEARCH f USING INTEGER PRIMARY KEY (rowid=?)"],
                "the few rows that run must lead")
        }
    }

    @Test func `a limit key's account, its line and its turn are found by key`() async throws {
        #expect(
            try await plan(KeySQL.find) == ["SEARCH errand_key USING COVERING INDEX sqlite_autoindex_errand_key_1 (queue=? AND name=?)"])
        #expect(
            try await plan(KeySQL.account) == [
                "SEARCH k USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH q USING INTEGER PRIMARY KEY (rowid=?)",
            ])
        #expect(try await plan(KeySQL.write) == ["SEARCH errand_key USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(
            try await plan(KeySQL.admitted) == ["SEARCH errand_available USING COVERING INDEX errand_available_key (key=? AND lane=?)"])
        #expect(try await plan(KeySQL.anyWaiting) == ["SEARCH errand_waiting USING PRIMARY KEY (key=?)"])
        #expect(try await plan(KeySQL.nextLane) == ["SEARCH errand_waiting USING PRIMARY KEY (key=? AND lane>?)"])
        #expect(try await plan(KeySQL.next) == ["SEARCH errand_waiting USING PRIMARY KEY (key=? AND lane=?)"])
        #expect(
            try await plan(KeySQL.dropAvailable) == [
                "SEARCH errand_available USING COVERING INDEX errand_available_key (key=? AND lane=? AND id=?)"
            ])
        #expect(try await plan(KeySQL.due) == ["SEARCH errand_key USING COVERING INDEX errand_key_due (next_at<?)"])
        #expect(try await plan(KeySQL.nextDue) == ["SEARCH errand_key USING COVERING INDEX errand_key_due (next_at>?)"])
    }

    @Test func `whose turn it is in a sequence, and who is next, are found by key`() async throws {
        #expect(
            try await plan(SequenceSQL.find) == [
                "SEARCH errand_sequence USING INDEX sqlite_autoindex_errand_sequence_1 (queue=? AND name=?)"
            ])
        #expect(
            try await plan(SequenceSQL.current) == ["SEARCH errand_sequence USING COVERING INDEX errand_sequence_current (current=?)"])
        #expect(try await plan(SequenceSQL.next) == ["SEARCH errand_held USING INDEX errand_held_sequence (sequence=?)"])
    }

    @Test func `a suspect is found by its feed, and an execution that is stuck by its job`() async throws {
        #expect(
            try await plan(SuspectSQL.next) == [
                "SEARCH s USING INDEX errand_suspect_ready (feed=?)", "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)",
            ])
        #expect(try await plan(SuspectSQL.isOne) == ["SEARCH errand_suspect USING INTEGER PRIMARY KEY (rowid=?)"])
        #expect(try await plan(StuckSQL.note) == ["SEARCH errand_running USING INTEGER PRIMARY KEY (rowid=?)"])
    }

    @Test func `a tag is a range, and a payload is read by its job`() async throws {
        #expect(try await plan(TagSQL.tagged) == ["SEARCH errand_tag USING PRIMARY KEY (tag=? AND job<?)"])
        #expect(try await plan(TagSQL.drop) == ["SEARCH errand_tag USING PRIMARY KEY (tag=? AND job=?)"])
        #expect(try await plan(TagSQL.payload) == ["SEARCH errand_job USING INTEGER PRIMARY KEY (rowid=?)"])
    }

    @Test func `orders are read by their worker`() async throws {
        for sql in [OrderSQL.of, OrderSQL.see] {
            #expect(try await plan(sql) == ["SEARCH errand_directive USING PRIMARY KEY (worker=?)"])
        }
        #expect(try await plan(OrderSQL.lift) == ["SEARCH errand_directive USING PRIMARY KEY (worker=? AND action=?)"])
    }

    @Test func `an edit walks row keys only`() async throws {
        for sql in [EditSQL.kind, EditSQL.rewrite, EditSQL.rewriteSuspect] {
            let lines = try await plan(sql)
            #expect(!lines.isEmpty && lines.allSatisfy { $0.hasSuffix("USING INTEGER PRIMARY KEY (rowid=?)") }, "\(lines)")
        }
    }

    @Test func `flagged chunks are found without a walk over all`() async throws {
        #expect(
            try await plan(LogSQL.leaky, logs: true) == ["SEARCH errand_log_chunk USING INDEX errand_log_chunk_leaky (id>?)"])
        for (sql, key) in [(LogSQL.crossedWithJob, "(job=?)"), (LogSQL.crossedWithExecution, "(job=? AND ordinal=? AND chunk>?)")] {
            #expect(
                try await plan(sql, logs: true) == [
                    "SEARCH errand_log_chunk USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY 1",
                    "SEARCH errand_log_crossed USING PRIMARY KEY \(key)",
                ])
        }
    }

    @Test func `a tree of jobs is a range of the index of roots, already in order`() async throws {
        for sql in [TreeSQL.below, TreeSQL.count] {
            #expect(try await plan(sql) == ["SEARCH errand_job USING COVERING INDEX errand_job_root (root_job=?)"])
        }
        #expect(try await plan(ClaimSQL.lastExecution) == ["SEARCH errand_execution USING PRIMARY KEY (job=?)"])
    }

    @Test func `logs are read by position and by cursor`() async throws {
        #expect(
            try await plan(LogSQL.ofJob, logs: true)
                == ["SEARCH errand_log_chunk USING INDEX errand_log_chunk_job (job=? AND (ordinal,first_seq)>(?,?))"])
        #expect(
            try await plan(LogSQL.ofExecution, logs: true)
                == ["SEARCH errand_log_chunk USING INDEX errand_log_chunk_job (job=? AND ordinal=? AND first_seq>?)"])
        #expect(
            try await plan(LogSQL.lastSequence, logs: true)
                == ["SEARCH errand_log_chunk USING INDEX errand_log_chunk_job (job=? AND ordinal=?)"])
        #expect(try await plan(LogSQL.after, logs: true) == ["SEARCH errand_log_chunk USING INTEGER PRIMARY KEY (rowid>?)"])
    }

    @Test func `a claim does not look at ten thousand jobs of an unhandled kind at the head`() async throws {
        let store = try TestStore()
        let worker = try await store.join()
        _ = try await store.jobs.enqueue(Array(repeating: NewJob(kind: "stranger", payload: []), count: 10_000))
        let id = try await store.enqueue()
        let steps = try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            let counter = StepCounter(database.connection)
            defer { counter.stop() }
            let request = ClaimRequest(limit: 10, queues: [.init(queue: "default", limit: 10)], kinds: ["greet"])
            let claimed = try database.claim(request, for: worker, now: store.clock.now().microseconds)
            return (claimed.map(\.execution.job) == [id] ? counter.steps : -1, [])
        }
        #expect(steps >= 0, "the claim must find the one job")
        #expect(steps < 20, "hundreds of virtual machine steps, not one for each stranger")
    }
}
