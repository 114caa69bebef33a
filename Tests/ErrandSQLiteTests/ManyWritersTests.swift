// Several opened stores on one directory at once, as several processes would be; and a full disk.

import Errand
import ErrandContext
import Synchronization
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(2))) struct ManyWritersTests {
    @Test func `four stores run every job once, and the counters add up`() async throws {
        let directory = TemporaryDirectory()
        let clock = HandClock()
        var stores: [TestStore] = []
        for _ in 0..<4 { stores.append(try TestStore(directory: directory, clock: clock, patient: true)) }
        let perStore = 150
        let runs = try await withThrowingTaskGroup(of: [ExecutionID].self) { group in
            for store in stores {
                group.addTask {
                    for index in 0..<perStore { try await store.enqueue(index % 2 == 0 ? "even" : "odd") }
                    return []
                }
                group.addTask {
                    let worker = try await store.join(lease: .seconds(1000))
                    var ran: [ExecutionID] = []
                    var held: [ClaimedJob] = []
                    while true {
                        let reports = held.map {
                            ExecutionReport(execution: $0.execution, outcome: .completed, next: .complete, finishedAt: clock.now())
                        }
                        let claim = ClaimRequest(limit: 7, queues: [.init(queue: "default", limit: 7)], kinds: ["even", "odd"])
                        let reply = try await store.jobs.exchange(ExchangeRequest(worker: worker, reports: reports, claim: claim))
                        #expect(reply.results.allSatisfy { $0 == .accepted })
                        held = reply.claimed
                        ran += held.map(\.execution)
                        if held.isEmpty {
                            let done = try await store.inspection.stats().counts.filter { $0.state == .completed }.reduce(0) {
                                $0 + $1.jobs
                            }
                            if done == 4 * perStore { return ran }
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(runs.count == 4 * perStore)
        #expect(Set(runs.map(\.job)).count == 4 * perStore)
        #expect(runs.allSatisfy { $0.ordinal == 1 })
        let check = try await stores[0].sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            (try database.connection.text("PRAGMA integrity_check"), [])
        }
        #expect(check == "ok")
    }

    @Test func `a full disk is said so, acknowledges nothing, and heals without a new opening`() async throws {
        let store = try TestStore()
        try await store.enqueue()
        try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            let pages = try database.connection.integer("PRAGMA page_count") ?? 0
            try database.connection.execute("PRAGMA max_page_count = \(pages + 4)")
            return ((), [])
        }
        let large = NewJob(kind: "greet", payload: [UInt8](repeating: 0x20, count: 100_000))
        let error = await #expect(throws: JobStoreError.self) { try await store.jobs.enqueue([large]) }
        guard case .full(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasSuffix("free some space and try again"))
        #expect(try await store.inspection.stats().counts.map(\.jobs) == [1])
        try await store.sqlite.core.queue.perform(.normal) { (database) throws(JobStoreError) in
            try database.connection.execute("PRAGMA max_page_count = 1000000")
            return ((), [])
        }
        #expect(try await store.jobs.enqueue([large]).count == 1)
    }

    @Test func `an acknowledged job survives a crash, and what was not begun is refused`() async throws {
        let store = try TestStore()
        let id = try await store.enqueue()
        let reopened = try store.crashAndReopen()
        #expect(try await reopened.inspection.states(of: [id]) == [.available])
        await #expect(throws: JobStoreError.unavailable(reason: "the store is closed")) { try await store.enqueue() }
    }

    @Test func `a payload of the greatest size is kept, and one byte more is refused`() async throws {
        let store = try TestStore()
        let most = NewJob(kind: "greet", payload: [UInt8](repeating: 0x20, count: Limits.payloadBytes))
        #expect(try await store.jobs.enqueue([most]).count == 1)
        var over = most
        over.payload.append(0x20)
        let refused = over
        await #expect(
            throws: JobStoreError.refused(reason: "the payload has 1048577 bytes; at most 1048576 are kept: pass a reference instead")
        ) {
            try await store.jobs.enqueue([refused])
        }
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
    ])
    func `digests are those of the standard`(text: String, expected: String) {
        let hex = SHA256.digest(Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == expected)
    }
}
