// A job's way through the tables: taken in, claimed, reported, looked at.

import Errand
import ErrandContext
import ErrandSQLite
import Testing

@Suite struct LifeOfAJobTests {
    @Test func `a job goes from available through running to completed`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        #expect(try await store.inspection.states(of: [id]) == [.available])
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        #expect(job.execution == ExecutionID(id, 1))
        #expect(job.attempt == 1)
        #expect(job.payload == Array("{}".utf8))
        #expect(try await store.inspection.states(of: [id]) == [.running])
        #expect(try await store.report(worker, job, .completed, .complete, result: Array("7".utf8)) == .accepted)
        let detail = try #require(try await store.inspection.job(id))
        #expect(detail.summary.state == .completed)
        #expect(detail.result == Array("7".utf8))
        #expect(detail.executions.map(\.outcome) == [.completed])
        #expect(detail.executions.map(\.worker) == [worker])
    }

    @Test func `everything that a job carries comes back in the claim and in the detail`() async throws {
        let store = try TestStore()
        let trace = try #require(
            TraceContext(traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", traceState: "a=b", baggage: "c=d"))
        let parent = ExecutionID(JobID(rawValue: 5), 2)
        let root = ExecutionID(JobID(rawValue: 3), 1)
        let id = try await store.enqueue {
            $0.payload = Array(#"{"to":"ünïcode"}"#.utf8)
            $0.priority = -7
            $0.maxAttempts = 3
            $0.timeout = .milliseconds(1500)
            $0.key = "order-1"
            $0.meta = ["tenant": "é\"1", "empty": ""]
            $0.label = "a line"
            $0.trace = trace
            $0.parent = parent
            $0.root = root
        }
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        #expect(
            job
                == ClaimedJob(
                    execution: ExecutionID(id, 1), attempt: 1, maxAttempts: 3, queue: "default", kind: "greet",
                    payload: Array(#"{"to":"ünïcode"}"#.utf8), timeout: .milliseconds(1500), key: "order-1",
                    meta: ["tenant": "é\"1", "empty": ""], trace: trace, parent: parent, root: root,
                    dueAt: store.clock.now(), startedAt: store.clock.now()))
        let detail = try #require(try await store.inspection.job(id))
        #expect(detail.summary.label == "a line")
        #expect(detail.summary.key == "order-1")
        #expect(detail.summary.priority == -7)
        #expect(detail.timeout == .milliseconds(1500))
        #expect(detail.trace == trace)
        #expect(detail.parent == parent)
        #expect(detail.root == root)
    }

    @Test func `jobs are claimed by priority, then by due time, then by ID, across kinds`() async throws {
        let store = try TestStore()
        let now = store.clock.now()
        let late = try await store.enqueue("a") { $0.runAt = now + .seconds(-1) }
        let early = try await store.enqueue("b") { $0.runAt = now + .seconds(-5) }
        let urgent = try await store.enqueue("c") { $0.priority = -1 }
        let same = try await store.enqueue("a") { $0.runAt = now + .seconds(-1) }
        let worker = try await store.join()
        let order = try await store.claim(worker, kinds: ["a", "b", "c"])
        #expect(order.map(\.execution.job) == [urgent, early, late, same])
    }

    @Test func `a failed attempt waits as retryable and runs again as the next ordinal and attempt`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        let error = StoredError(type: "Oops", message: "no", code: 3)
        let retryAt = store.clock.now() + .seconds(10)
        _ = try await store.report(worker, job, .failed, .wait(until: retryAt), error: error)
        #expect(try await store.inspection.states(of: [id]) == [.retryable])
        #expect(try await store.exchange(worker).nextWake == retryAt)
        store.clock.advance(by: .seconds(10))
        let again = try #require(try await store.claim(worker).first)
        #expect(again.execution == ExecutionID(id, 2))
        #expect(again.attempt == 2)
        let detail = try #require(try await store.inspection.job(id))
        #expect(detail.executions.map(\.outcome) == [.failed, nil])
        #expect(detail.error == error)
    }

    @Test func `a snoozed execution is refunded and shown as scheduled`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        let worker = try await store.join()
        let job = try #require(try await store.claim(worker).first)
        _ = try await store.report(worker, job, .snoozed, .wait(until: store.clock.now() + .seconds(1)))
        #expect(try await store.inspection.states(of: [id]) == [.scheduled])
        store.clock.advance(by: .seconds(1))
        #expect(try await store.claim(worker).map(\.attempt) == [1])
    }

    @Test func `a report about another ordinal or by another worker is refused and changes nothing`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        let worker = try await store.join()
        let other = try await store.join()
        var job = try #require(try await store.claim(worker).first)
        #expect(try await store.report(other, job, .completed, .complete) == .leaseLost)
        job.execution = ExecutionID(id, 2)
        #expect(try await store.report(worker, job, .completed, .complete) == .leaseLost)
        #expect(try await store.inspection.states(of: [id]) == [.running])
    }

    @Test func `the same key with the same input gives the same job, and with another a conflict`() async throws {
        let store = try TestStore()
        var job = NewJob(kind: "greet", payload: [1])
        job.key = "k"
        var other = job
        other.payload = [2]
        let results = try await store.jobs.enqueue([job, job, other])
        let id = results[0].id
        #expect(results == [.added(id), .existing(id), .conflict(id)])
        #expect(try await store.inspection.jobs(meantBy: "key:k") == [id])
    }

    @Test func `a prefix or a suffix of an ID finds its job`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        #expect(try await store.inspection.jobs(meantBy: id.description) == [id])
        #expect(try await store.inspection.jobs(meantBy: String(id.description.prefix(12))) == [id])
        #expect(try await store.inspection.jobs(meantBy: String(id.description.suffix(4))) == [id])
        #expect(try await store.inspection.jobs(meantBy: "zzzzzzzzzzzz") == [])
    }

    @Test func `lists go page by page from the newest, and filters hold`() async throws {
        let store = try TestStore()
        var ids: [JobID] = []
        for index in 0..<7 { ids.append(try await store.enqueue(index % 2 == 0 ? "even" : "odd")) }
        var listed: [JobID] = []
        var cursor: JobID?
        repeat {
            let page = try await store.inspection.jobs(matching: JobSelector(), before: cursor, limit: 3)
            listed += page.jobs.map(\.id)
            cursor = page.next
        } while cursor != nil
        #expect(listed == ids.reversed())
        var odd = JobSelector()
        odd.kinds = ["odd"]
        #expect(try await store.inspection.jobs(matching: odd, before: nil, limit: 10).jobs.map(\.id) == [ids[5], ids[3], ids[1]])
    }

    @Test func `counts follow every transition`() async throws {
        let store = try TestStore()
        for _ in 0..<3 { try await store.enqueue() }
        let worker = try await store.join()
        let claimed = try await store.claim(worker, limit: 2)
        _ = try await store.report(worker, claimed[0], .completed, .complete)
        let stats = try await store.inspection.stats()
        let counts = Dictionary(uniqueKeysWithValues: stats.counts.map { ($0.state, $0.jobs) })
        #expect(counts == [.available: 1, .running: 1, .completed: 1])
        #expect(stats.workers.map(\.id) == [worker])
        #expect(stats.workers.map(\.running) == [1])
        #expect(stats.lastHour.map(\.outcome) == [.completed])
    }
}
