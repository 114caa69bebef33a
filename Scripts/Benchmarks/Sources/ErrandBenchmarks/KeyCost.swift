// What a claim costs with limits, limit keys and sequences in use, beside a full store and an empty one, against plain claims.

import Errand
import ErrandSQLite
import Glibc

enum KeyCost {
    private static let payload = Array(#"{"n":1,"text":"0123456789012345678901234567890123456789"}"#.utf8)
    private static let keys = 100

    /// One store, its worker, and how its jobs are made.
    private struct Subject {
        let store: SQLiteStore
        let worker: WorkerID
        let isKeyed: Bool
        var next = 0

        init(_ directory: String, isKeyed: Bool) async throws {
            store = try SQLiteStore.open(directory: directory + "/store")
            worker = try await store.store.jobs.join(
                WorkerDescription(
                    kinds: ["work"], queues: ["default": 1000], concurrency: 1000, host: "benchmark", pid: getpid(), version: "0",
                    startedAt: SystemClock.shared.now(), lease: .seconds(600)))
            self.isKeyed = isKeyed
            guard isKeyed else { return }
            let queues = store.store.queues
            try await queues.change(.queue("default"), [.concurrency(10_000), .keyConcurrency(2)])
            try await queues.change(.kind("work"), [.concurrency(10_000), .rate(RateLimit(interval: .microseconds(1), burst: 1_000_000))])
        }

        /// Adds jobs, four of five under a limit key and every fifth in a sequence; 100 keys in turn.
        mutating func enqueue(_ count: Int, runAt: Timestamp? = nil) async throws {
            var jobs: [NewJob] = []
            for _ in 0..<count {
                var job = NewJob(kind: "work", payload: KeyCost.payload)
                job.runAt = runAt
                if isKeyed {
                    let key = next % KeyCost.keys
                    if key % 5 == 0 { job.terms.sequence = JobSequence("row\(key)") } else { job.terms.limitKey = "key\(key)" }
                }
                next += 1
                jobs.append(job)
            }
            _ = try await store.store.jobs.enqueue(jobs)
        }

        /// Adds a workflow whose jobs, so many, wait for one that does not start today.
        func block(_ count: Int) async throws {
            let tomorrow = SystemClock.shared.now() + .seconds(86_400)
            var first = NewJob(kind: "work", payload: KeyCost.payload)
            first.runAt = tomorrow
            let prerequisite = try await store.store.jobs.enqueue([first])[0].id
            var draft = NewWorkflow()
            draft.isOpen = true
            let workflow = try await store.store.workflows.start(draft).id
            for start in stride(from: 0, to: count, by: 10_000) {
                _ = try await store.store.jobs.enqueue(
                    (start..<min(start + 10_000, count)).map { _ in
                        var job = NewJob(kind: "work", payload: KeyCost.payload)
                        job.workflow = workflow
                        job.after = [Dependency(.job(prerequisite))]
                        return job
                    })
            }
        }

        func claim(_ count: Int) async throws -> [ClaimedJob] {
            try await store.store.jobs.exchange(
                ExchangeRequest(
                    worker: worker, claim: ClaimRequest(limit: count, queues: [.init(queue: "default", limit: count)], kinds: ["work"]))
            ).claimed
        }

        func complete(_ jobs: [ClaimedJob]) async throws {
            let now = SystemClock.shared.now()
            let reply = try await store.store.jobs.exchange(
                ExchangeRequest(
                    worker: worker,
                    reports: jobs.map { ExecutionReport(execution: $0.execution, outcome: .completed, next: .complete, finishedAt: now) }))
            precondition(reply.results.allSatisfy { $0 == .accepted })
        }
    }

    static func run() async throws {
        let directories = (0..<3).map { _ in temporaryDirectory() }
        defer { directories.forEach(remove) }
        var subjects = [
            try await Subject(directories[0], isKeyed: false), try await Subject(directories[1], isKeyed: true),
            try await Subject(directories[2], isKeyed: true),
        ]
        say("filling a store with 1,000,000 finished jobs, 100,000 scheduled ones, and 100,000 that may start, in 100 keys …")
        for _ in 0..<100 {
            _ = try await subjects[2].store.store.jobs.enqueue((0..<10_000).map { _ in NewJob(kind: "work", payload: payload) })
            for _ in 0..<10 { try await subjects[2].complete(try await subjects[2].claim(1000)) }
        }
        for _ in 0..<10 { try await subjects[2].enqueue(10_000, runAt: SystemClock.shared.now() + .seconds(86_400)) }
        for _ in 0..<10 { try await subjects[2].enqueue(10_000) }
        say("100,000 more jobs, of a workflow, wait for one that starts tomorrow …")
        try await subjects[1].block(1)
        try await subjects[2].block(100_000)

        say("claim (one exchange, one commit): wall µs per call, interleaved; whole: enqueue, claim and complete")
        for batch in [10, 100] {
            var claims = [Sample(), Sample(), Sample()]
            var wholes = [Sample(), Sample(), Sample()]
            for round in 0..<220 {
                // In turn, so that none always finds the processor's caches warm.
                for place in 0..<3 {
                    let index = (place + round) % 3
                    let begin = seconds(CLOCK_MONOTONIC)
                    try await subjects[index].enqueue(batch)
                    let start = seconds(CLOCK_MONOTONIC)
                    let jobs = try await subjects[index].claim(batch)
                    let end = seconds(CLOCK_MONOTONIC)
                    precondition(jobs.count == batch, "a claim of \(batch) brought \(jobs.count)")
                    try await subjects[index].complete(jobs)
                    guard round >= 20 else { continue }
                    claims[index].add(end - start)
                    wholes[index].add(seconds(CLOCK_MONOTONIC) - begin)
                }
            }
            say("batch \(batch)")
            for (name, index) in [("plain, empty", 0), ("keys, empty ", 1), ("keys, full  ", 2)] {
                say("  \(name)  \(claims[index].line(unit: "µs", scale: 1e6))  whole \(fixed(wholes[index].median * 1e6)) µs")
            }
            say("  full / empty with the same features \(fixed(claims[2].median / claims[1].median))  (mark: 2.0)")
            say("  full with features / plain and empty \(fixed(claims[2].median / claims[0].median))  (mark: 2.5)")
        }
        for subject in subjects { subject.store.close() }
    }
}
