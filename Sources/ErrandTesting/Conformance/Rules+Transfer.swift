// Rules about export and import: every job once, as it stood; what holds among the jobs of a store holds for imported ones too.

import Errand
import ErrandContext

extension RuleCheck {
    var transfer: any TransferStore {
        get throws { try require(subject.store.transfer, "the store has no way to export and import") }
    }

    /// All jobs that match, page after page, as they would stand elsewhere.
    func exported(_ selector: JobSelector = JobSelector(), pageSize: Int = 100) async throws -> [ExportedJob] {
        guard let last = try await inspection.jobs(matching: JobSelector(), before: nil, limit: 1).jobs.first?.id else { return [] }
        var found: [ExportedJob] = []
        var cursor: JobID?
        repeat {
            let page = try await transfer.exportJobs(matching: selector, after: cursor, through: last, limit: pageSize)
            expect(page.jobs.count <= pageSize, "a page of \(pageSize) has \(page.jobs.count) jobs")
            if let next = page.next, let cursor, next <= cursor {
                throw StoredError(type: "RuleBroken", message: "the cursor \(next) does not move on from \(cursor)")
            }
            found += page.jobs
            cursor = page.next
        } while cursor != nil
        return found.map { $0.settled(at: subject.now()) }
    }

    /// Takes in jobs, and expects that all of them are new.
    func takeIn(_ jobs: [ExportedJob]) async throws {
        for (job, result) in zip(jobs, try await transfer.importJobs(jobs)) where result != .imported {
            fail("an import of the new job \(job.id), \(job.state), gave \(result)")
        }
    }

    /// A job of queue `q` and kind `k` that has come from elsewhere: available, and never started.
    func foreign(_ number: Int64 = 1, _ change: (inout ExportedJob) -> Void = { _ in }) -> ExportedJob {
        let now = subject.now()
        let milliseconds = now.microseconds / 1000 - 1_735_689_600_000
        var input = RuleCheck.input()
        input.runAt = now
        var job = ExportedJob(id: JobID(rawValue: max(1, milliseconds) << 22 + number), job: input, createdAt: now, state: .available)
        change(&job)
        return job
    }

    /// An execution of `job` that ended in the past.
    func past(_ job: ExportedJob, _ ordinal: Int64, _ outcome: Outcome = .failed) -> ExecutionRecord {
        ExecutionRecord(
            execution: ExecutionID(job.id, ordinal), attempt: 1, worker: WorkerID(rawValue: 7), startedAt: job.createdAt,
            finishedAt: job.createdAt + .seconds(1), outcome: outcome, error: StoredError(type: "Broken", message: "no", code: 3))
    }

    /// Fills a store with jobs in every state that it can make.
    func fillWithEverything() async throws {
        let worker = try await join()
        let (now, later) = (subject.now(), subject.now() + .seconds(3600))
        func run(_ outcome: Outcome, _ next: NextStep, error: StoredError? = nil, result: String? = nil) async throws {
            let held = try await claimOne(worker)
            _ = try await subject.store.steps.record(
                JobStep(name: "first", execution: held.execution, result: Array("[1]".utf8), recordedAt: now), by: worker)
            try await end(held.execution, by: worker, outcome, next, error: error, result: result.map { Array($0.utf8) })
        }
        let broken = StoredError(type: "Broken", message: "no", code: 3, stack: "here")
        for (outcome, next) in [
            (Outcome.completed, NextStep.complete), (.cancelled, .cancel(reason: "enough")), (.failed, .bury(reason: "tired")),
            (.failed, .wait(until: later)), (.snoozed, .wait(until: later)), (.failed, .giveBack),
        ] {
            _ = try await add { $0.priority = -50 }
            try await run(outcome, next, error: outcome == .failed ? broken : nil, result: outcome == .completed ? #"{"a": 1}"# : nil)
            try await subject.advance(by: .milliseconds(3))
        }
        // Of a sequence one died before, another one waits for its next attempt, and an older one that was delayed waits for its turn.
        _ = try await add(count: 1, sequence: "halted", halts: true) { $0.priority = -60 }
        try await run(.failed, .bury(reason: "given up"), error: broken)
        _ = try await add(count: 2, sequence: "halted", halts: true)
        _ = try await add(count: 1, sequence: "ada") { $0.runAt = now + .milliseconds(100) }
        _ = try await add(count: 1, sequence: "ada") { $0.priority = -70 }
        try await run(.failed, .wait(until: later), error: broken)
        try await subject.advance(by: .milliseconds(200))
        try await beat(worker)

        _ = try await add {
            $0.terms.uniqueness = Uniqueness(key: "one", onConflict: .keepLast); $0.priority = -80
        }
        let running = try await claimOne(worker)
        _ = try await add { $0.terms.uniqueness = Uniqueness(key: "one", onConflict: .keepLast) }
        _ = try await jobs.exchange(
            {
                var step = ExchangeRequest(worker: worker)
                step.progress = [JobProgress(execution: running.execution, fraction: 0.25, message: "a quarter", at: now)]
                return step
            }())
        let doomed = try await add { $0.priority = -90 }
        _ = try await claimOne(worker)
        _ = try await control.cancel([doomed], reason: "not needed")

        _ = try await add { input in
            (input.key, input.label, input.meta, input.timeout) = ("k1", "for \"ada\"", ["a": "b"], .seconds(30))
            input.terms.tags = ["red", "x:1"]
            input.terms.limitKey = "tenant"
            (input.terms.expiresAt, input.terms.deadline) = (later, later + .seconds(1))
            input.trace = TraceContext(
                traceID: String(repeating: "ab", count: 16), spanID: String(repeating: "cd", count: 8), isSampled: true)
            (input.traceRelation, input.parent, input.root) = (.link, running.execution, running.execution)
            (input.maxAttempts, input.payload) = (7, Array(#"{ "n": 1.50, "é": null }"#.utf8))
        }
        let payload = Array(#"{"n":1}"#.utf8)
        let uniqueness = try Uniqueness(by: ["n"], period: .seconds(500)).resolved(for: payload)
        _ = try await add { ($0.payload, $0.terms.uniqueness) = (payload, uniqueness) }
        _ = try await add { $0.runAt = later }
        let unwanted = try await add()
        _ = try await control.cancel([unwanted], reason: "not needed")
    }
}

extension JobStoreConformance {
    static let transferRules: [Rule] = [
        Rule("imported jobs wait for what they waited for, and their workflow counts them") { check in
            let transfer = try check.require(check.subject.store.transfer, "the store exports nothing")
            let first = try await check.add()
            var draft = NewWorkflow()
            draft.jobs = [
                RuleCheck.input { $0.after = [Dependency(.job(first))] },
                RuleCheck.input { $0.after = [Dependency(.entry(0), ifFailed: .hold), Dependency(.job(first), ifFailed: .ignore)] },
            ]
            draft.followers = [.init(RuleCheck.input(), ifFailed: .cascade)]
            let start = try await check.workflows.start(draft)
            let status = try await check.status(start.id)
            let ids = [first] + start.jobs.map(\.id) + start.followers.map(\.id)
            let page = try await transfer.exportJobs(matching: JobSelector(), after: nil, through: ids[3], limit: 10)
            check.equal(page.jobs.map(\.id), ids, "the export")
            check.equal(page.jobs[2].job.after.map(\.ifFailed), [.ignore, .hold], "what the last waits for")
            // As into another store: nothing of it is here any more.
            check.equal(
                try await check.control.delete(ids.reversed(), evenLive: true), ids.map { _ in .changed }, "the deletion")
            _ = try await check.control.prune(RetentionPolicy(), limit: 10)
            check.equal(try await transfer.importWorkflow(status), .imported, "the workflow")
            check.equal(try await transfer.importWorkflow(status), .existing, "the workflow again")
            check.equal(try await transfer.importJobs(page.jobs), ids.map { _ in .imported }, "the jobs")
            check.equal(try await transfer.importJobs(page.jobs), ids.map { _ in .existing }, "the jobs again")
            check.equal(try await check.inspection.states(of: ids), [.available, .blocked, .blocked, .blocked], "the states")
            check.equal(try await check.workflows.close(start.id)?.live, 2, "the workflow's live jobs")
            let worker = try await check.join()
            for wanted in ids {
                let held = try await check.claimOne(worker)
                check.equal(held.execution.job, wanted, "what can be claimed")
                try await check.end(held.execution, by: worker, .completed, .complete)
            }
            check.equal(try await check.status(start.id).state, .completed, "the workflow at the end")
            let late = try await transfer.exportJobs(matching: JobSelector(), after: nil, through: ids[3], limit: 10).jobs
            _ = try await check.control.delete(ids, evenLive: true)
            _ = try await check.control.prune(RetentionPolicy(), limit: 10)
            // Without the first: the others have ended, and do not wait for it.
            _ = try await transfer.importWorkflow(status)
            check.equal(try await transfer.importJobs(Array(late.dropFirst())), ids.dropFirst().map { _ in .imported }, "those that ended")
            check.equal(try await check.workflows.close(start.id)?.completed, 2, "the workflow's jobs then")
        },
        Rule("an imported job waits on for what is not here, until it is promoted") { check in
            let transfer = try check.require(check.subject.store.transfer, "the store exports nothing")
            let first = try await check.add()
            let last = try await check.add { $0.after = [Dependency(.job(first))] }
            let job = try await transfer.exportJobs(matching: JobSelector(), after: first, through: last, limit: 10).jobs
            _ = try await check.control.delete([last, first], evenLive: true)
            check.equal(try await transfer.importJobs(job), [.imported], "the import")
            try await check.expectState(last, .blocked, "the job")
            check.equal(try await check.control.promote([last], despiteDependencies: true), [.changed], "the promotion")
            try await check.expectState(last, .available, "the job afterwards")
        },
        Rule("jobs of another store stand in an empty one as they stood there, in every state, and once however often they are imported") {
            check in
            let other = RuleCheck(subject: ModelStoreUnderTest())
            try await other.fillWithEverything()
            if let failure = other.failures.first { check.fail("the other store: \(failure)") }
            let jobs = try await other.exported()
            check.equal(
                Set(jobs.map(\.state)), [.available, .scheduled, .retryable, .waiting, .completed, .cancelled, .dead], "the states")
            try await check.takeIn(jobs)
            for (seen, wanted) in zip(try await check.exported(), jobs) { check.equal(seen, wanted, "the job \(wanted.id)") }
            try await check.subject.crashAndReopen()
            check.equal(try await check.transfer.importJobs(jobs), jobs.map { _ in .existing }, "the same import again")
            check.equal(try await check.exported(), jobs, "all jobs after another import")
        },
        Rule("an export gives every job once, oldest first, up to the last that was asked for, whatever the page size") { check in
            let ids = try await check.add(count: 7)
            let tagged = try await check.add(count: 2) { $0.terms.tags = ["red"] }
            for size in [1, 2, 7, 100] {
                check.equal(try await check.exported(pageSize: size).map(\.id), ids + tagged, "all jobs in pages of \(size)")
            }
            var selector = JobSelector()
            selector.tags = ["red"]
            check.equal(try await check.exported(selector, pageSize: 1).map(\.id), tagged, "the jobs with a tag")
            selector = JobSelector()
            selector.ids = [ids[4], ids[2]]
            check.equal(try await check.exported(selector).map(\.id), [ids[2], ids[4]], "the jobs with these IDs")
            let page = try await check.transfer.exportJobs(matching: JobSelector(), after: ids[1], through: ids[3], limit: 100)
            check.equal(page.jobs.map(\.id), [ids[2], ids[3]], "the jobs between two")
        },
        Rule("the next execution of an imported job has a higher ordinal than all before, also after a retry, a delay and a crash") {
            check in
            let now = check.subject.now()
            let ready = check.foreign(1) { job in
                (job.ordinal, job.attempts) = (9, 1)
                job.executions = [check.past(job, 3, .interrupted), check.past(job, 8)]
            }
            let delayed = check.foreign(2) { job in
                (job.state, job.startsAt, job.ordinal, job.attempts) = (.retryable, now + .milliseconds(100), 4, 1)
                job.executions = [check.past(job, 4)]
            }
            let dead = check.foreign(3) { job in
                (job.state, job.finishedAt, job.ordinal, job.attempts) = (.dead, now, 6, 1)
                job.executions = [check.past(job, 6)]
            }
            try await check.takeIn([ready, delayed, dead])
            check.equal(try await check.control.retry([dead.id], resettingAttempts: false), [.retried], "a retry of the dead one")
            try await check.subject.advance(by: .milliseconds(150))
            try await check.subject.crashAndReopen()
            let worker = try await check.join()
            try await check.beat(worker)
            let claimed = try await check.claim(worker)
            check.equal(Set(claimed.map(\.execution.job)), [ready.id, delayed.id, dead.id], "who runs")
            for job in claimed {
                let before = [ready, delayed, dead].first { $0.id == job.execution.job }
                check.expect(
                    job.execution.ordinal > before?.ordinal ?? .max, "\(job.execution) runs behind the ordinal \(before?.ordinal ?? 0)")
                check.equal(job.attempt, 2, "the attempt of \(job.execution)")
                check.equal(job.previous, before?.executions.last?.execution, "the execution before \(job.execution)")
            }
        },
        Rule("a job whose ID, key or unique key is another's is refused, one that cannot be is too, and the others come in") { check in
            let owner = try await check.add { input in
                input.key = "mine"
                input.terms.uniqueness = Uniqueness(key: "only")
            }
            let detail = try await check.detail(owner)
            let taken = check.foreign(1) { $0.id = owner }
            let keyed = check.foreign(2) { $0.job.key = "mine" }
            let unique = check.foreign(3) { $0.job.terms.uniqueness = Uniqueness(key: "only") }
            let fine = check.foreign(4)
            let over = check.foreign(5) { job in
                // What has ended is in nobody's way.
                (job.state, job.finishedAt, job.job.terms.uniqueness) = (.completed, job.createdAt, Uniqueness(key: "only"))
            }
            var other = taken
            other.createdAt = detail.summary.createdAt + .seconds(-5)
            let results = try await check.transfer.importJobs([other, keyed, unique, fine, over])
            check.equal(results, [.idTaken, .keyTaken(owner), .uniqueTaken(owner), .imported, .imported], "the results")
            let wrong: [ExportedJob] = [
                check.foreign(6) { $0.state = .running }, check.foreign(7) { $0.state = .dead },
                check.foreign(8) { $0.state = .scheduled },
                check.foreign(9) { $0.executions = [check.past($0, 5)] },
                check.foreign(10) { $0.id = JobID(rawValue: .max) },
                check.foreign(11) { $0.job.kind = "Not a kind" },
                check.foreign(12) { $0.job.payload = Array("{".utf8) },
            ]
            for (job, result) in zip(wrong, try await check.transfer.importJobs(wrong)) {
                guard case .refused = result else {
                    check.fail("an import of what cannot be gave \(result): \(job)")
                    continue
                }
            }
            check.equal(try await check.detail(owner), detail, "the job that was there")
            check.equal(try await check.list().count, 3, "the jobs")
        },
        Rule("imported jobs act as if they had been enqueued here: keys, unique keys, tags, limit keys, expiries, suspicion") { check in
            let now = check.subject.now()
            let keyed = check.foreign(1) { job in
                (job.job.key, job.job.priority) = ("order-1", -10)
                job.job.terms.tags = ["red"]
                job.job.terms.uniqueness = Uniqueness(key: "u")
            }
            let expiring = check.foreign(2) { job in
                (job.state, job.startsAt) = (.scheduled, now + .seconds(600))
                job.job.terms.expiresAt = now + .milliseconds(50)
            }
            let suspect = check.foreign(3) { job in
                (job.isSuspect, job.ordinal, job.executions) = (true, 2, [check.past(job, 2, .interrupted)])
                job.job.kind = "s"
            }
            try await check.takeIn([keyed, expiring, suspect])
            let again = RuleCheck.input { $0.key = "order-1" }
            check.equal(try await check.jobs.enqueue([again]), [.existing(keyed.id)], "the same enqueue again")
            let different = RuleCheck.input { ($0.key, $0.payload) = ("order-1", Array("[]".utf8)) }
            check.equal(try await check.jobs.enqueue([different]), [.conflict(keyed.id)], "another payload under the key")
            let second = RuleCheck.input { $0.terms.uniqueness = Uniqueness(key: "u") }
            check.equal(try await check.jobs.enqueue([second]), [.unique(keyed.id)], "another one with the unique key")
            var selector = JobSelector()
            selector.tags = ["red"]
            check.equal(try await check.list(selector).map(\.id), [keyed.id], "the jobs with the tag")

            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            check.equal(held.execution.job, keyed.id, "who is first")
            let asked = ExchangeRequest(worker: worker, claim: RuleCheck.claim(kinds: ["s"]))
            let reply = try await check.jobs.exchange(asked)
            check.equal(reply.claimed.count, 0, "suspects given to who holds something")
            check.expect(reply.suspectsWait, "nothing tells that a suspect waits")
            try await check.end(held.execution, by: worker, .completed, .complete)
            check.equal(try await check.jobs.enqueue([second]).map { $0 == .added($0.id) }, [true], "the unique key is free")
            try await check.subject.advance(by: .milliseconds(60))
            try await check.beat(worker)
            try await check.expectState(expiring.id, .cancelled, "a job past its expiry")
        },
        Rule("limits hold for imported jobs, whose places are given anew, and their counts are right at their end") { check in
            try await check.subject.store.queues.change(.queue("q"), [.keyConcurrency(1)])
            let jobs = (1...3).map { number in check.foreign(number) { $0.job.terms.limitKey = "ada" } }
            try await check.takeIn(jobs)
            let worker = try await check.join()
            var order: [JobID] = []
            for _ in 0..<4 {
                let claimed = try await check.claim(worker)
                check.expect(claimed.count <= 1, "\(claimed.count) of one key were given out at once")
                guard let job = claimed.first else { break }
                order.append(job.execution.job)
                try await check.end(job.execution, by: worker, .completed, .complete)
            }
            check.equal(order, jobs.map(\.id), "who ran, in order")
            let counts = try await check.inspection.stats().counts
            check.equal(counts, [.init(queue: "q", kind: "k", state: .completed, jobs: 3)], "the counts")
        },
        Rule("the turn in a sequence is its holder's again, although an older job that waits for it comes first") { check in
            let now = check.subject.now()
            func member(_ number: Int64, _ change: (inout ExportedJob) -> Void) -> ExportedJob {
                check.foreign(number) { job in
                    job.job.terms.sequence = JobSequence("ada")
                    change(&job)
                }
            }
            let older = member(1) { $0.state = .waiting }
            let holder = member(2) { job in
                (job.state, job.startsAt, job.hasTurn) = (.retryable, now + .milliseconds(50), true)
                (job.ordinal, job.attempts, job.executions) = (1, 1, [check.past(job, 1)])
            }
            try await check.takeIn([older, holder])
            let worker = try await check.join()
            check.equal(try await check.claim(worker), [], "a claim while the holder waits for its next attempt")
            try await check.subject.advance(by: .milliseconds(60))
            try await check.beat(worker)
            let first = try await check.claimOne(worker)
            check.equal(first.execution.job, holder.id, "who is first")
            check.equal(try await check.claim(worker), [], "a claim while it runs")
            try await check.end(first.execution, by: worker, .completed, .complete)
            check.equal(try await check.claim(worker).map(\.execution.job), [older.id], "who is next")
        },
        Rule("IDs that are given out after an import are higher than the imported ones") { check in
            _ = try await check.add()
            let ahead = check.foreign(1) { $0.id = JobID(rawValue: $0.id.rawValue + (30 * 86_400_000) << 22) }
            try await check.takeIn([ahead])
            let id = try await check.add()
            check.expect(id > ahead.id, "the job \(id) was added after \(ahead.id)")
            try await check.subject.crashAndReopen()
            let next = try await check.add()
            check.expect(next > id, "the job \(next) was added after \(id)")
        },
        Rule("the stream tells of an imported live job once, and not of one that is over") { check in
            let live = check.foreign(1)
            let over = check.foreign(2) { ($0.state, $0.finishedAt) = (.cancelled, $0.createdAt) }
            try await check.takeIn([live, over])
            _ = try await check.transfer.importJobs([live, over])
            let events = try await check.events()
            check.equal(events.map(\.change), [.enqueued], "what is told")
            check.equal(events.map(\.job), [live.id], "of which job")
        },
    ]
}
