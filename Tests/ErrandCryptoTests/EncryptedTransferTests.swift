// Exports of an encrypted store: sealed as they are stored unless somebody opens them, and sealed again where they go.

import Errand
import ErrandContext
import ErrandTesting
import Testing

@testable import ErrandCrypto

@Suite struct EncryptedTransferTests {
    private let key = AESCipher(key: .random())
    private let payload = Array(#"{"card":"4242","account":{"id":7}}"#.utf8)

    /// An encrypted store with a job that has a key, a unique key made of its payload, a step and a result.
    private func filled() async throws -> (plain: Store, sealed: Store) {
        let model = ModelStore()
        let store = model.store.encrypted(by: key)
        var job = NewJob(kind: "pay", payload: payload)
        job.key = "order-1"
        job.terms.uniqueness = try Uniqueness(by: ["account.id"]).resolved(for: payload)
        _ = try await store.jobs.enqueue([job])
        _ = try await store.jobs.enqueue([NewJob(kind: "pay", payload: payload)])
        let worker = try await store.jobs.join(
            WorkerDescription(
                kinds: ["pay"], queues: ["default": 1], concurrency: 1, host: "h", pid: 1, version: "1", startedAt: model.clock.now(),
                lease: .seconds(60)))
        let claim = ClaimRequest(limit: 2, queues: [.init(queue: "default", limit: 2)], kinds: ["pay"])
        let held = try await store.jobs.exchange(ExchangeRequest(worker: worker, claim: claim)).claimed
        let step = JobStep(name: "charge", execution: held[0].execution, result: payload, recordedAt: model.clock.now())
        #expect(try await store.steps.record(step, by: worker) == .recorded)
        let end = ExecutionReport(
            execution: held[1].execution, outcome: .completed, next: .complete, error: nil, result: payload, finishedAt: model.clock.now())
        _ = try await store.jobs.exchange(ExchangeRequest(worker: worker, reports: [end]))
        return (model.store, store)
    }

    private func exported(_ store: Store) async throws -> [ExportedJob] {
        let transfer = try #require(store.transfer)
        let newest = try #require(try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 1).jobs.first)
        return try await transfer.exportJobs(matching: JobSelector(), after: nil, through: newest.id, limit: 10).jobs
            .map { $0.settled(at: newest.createdAt) }
    }

    @Test func `without a key everything stays sealed, and opens elsewhere with the key that sealed it`() async throws {
        let jobs = try await exported(try await filled().plain)
        #expect(jobs.allSatisfy { SealedBytes($0.job.payload) != nil })
        for value in [jobs[1].result, jobs[0].steps[0].result] { #expect(SealedBytes(try #require(value)) != nil) }
        #expect(jobs[0].job.fingerprints.count == 1)
        let other = ModelStore()
        // Through a store with the key too, what is sealed is not sealed again.
        let there = other.store.encrypted(by: key)
        #expect(try await there.transfer?.importJobs(jobs) == [.imported, .imported])
        let opened = try await exported(there)
        #expect(opened.allSatisfy { $0.job.payload == payload })
        #expect(opened[1].result == payload && opened[0].steps[0].result == payload)
        var again = NewJob(kind: "pay", payload: payload)
        again.key = "order-1"
        #expect(try await there.jobs.enqueue([again]) == [.existing(jobs[0].id)])
    }

    @Test func `opened, it is sealed with the key of the store that it goes to, whose keys then act`() async throws {
        let jobs = try await exported(try await filled().sealed)
        #expect(jobs.allSatisfy { $0.job.payload == payload } && jobs[0].job.fingerprints.isEmpty)
        let unique = try Uniqueness(by: ["account.id"]).resolved(for: payload)
        #expect(jobs[0].job.terms.uniqueness == unique)
        let other = ModelStore()
        let there = other.store.encrypted(by: AESCipher(key: .random()))
        #expect(try await there.transfer?.importJobs(jobs) == [.imported, .imported])
        #expect(try await exported(other.store).allSatisfy { SealedBytes($0.job.payload) != nil })
        #expect(try await exported(there) == jobs)
        var same = NewJob(kind: "pay", payload: payload)
        same.terms.uniqueness = try Uniqueness(by: ["account.id"]).resolved(for: payload)
        #expect(try await there.jobs.enqueue([same]) == [.unique(jobs[0].id)])
        same.terms.uniqueness = nil
        same.key = "order-1"
        #expect(try await there.jobs.enqueue([same]) == [.existing(jobs[0].id)])
    }

    @Test func `a redacted export holds no secret, whether it was opened or not`() async throws {
        let (plain, sealed) = try await filled()
        let redaction = Redaction(names: ["card"], secrets: [])
        let opened = try await exported(sealed.redacted(by: redaction))
        #expect(opened.allSatisfy { !String(decoding: $0.job.payload, as: UTF8.self).contains("4242") })
        #expect(!String(decoding: opened[1].result ?? [], as: UTF8.self).contains("4242"))
        #expect(!String(decoding: opened[0].steps[0].result ?? [], as: UTF8.self).contains("4242"))
        let bare = try await exported(plain)
        #expect(try await exported(plain.redacted(by: redaction)) == bare)
    }
}
