// A store with encryption on: nothing readable on the disk, everything readable through it, and no attempt lost for want of a key.

import Errand
import ErrandContext
import ErrandSQLite
import ErrandTesting
import Foundation
import Logging
import Synchronization
import Testing

@testable import ErrandCrypto

/// A SQLite store in a directory of its own, closed and removed with the test.
private final class Disk: Sendable {
    let directory = FileManager.default.temporaryDirectory.appending(path: "errand-encrypted-\(UUID())").path
    let opened: SQLiteStore

    init() throws { opened = try SQLiteStore.open(directory: directory) }

    var plain: Store { opened.store }

    /// What all files of the store hold at this moment.
    func bytes() throws -> [UInt8] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted().flatMap { name -> [UInt8] in
            let path = directory + "/" + name
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else { return [] }
            // Through another process: closing a descriptor of the database here would drop SQLite's own locks.
            let cat = Process()
            let pipe = Pipe()
            cat.executableURL = URL(fileURLWithPath: "/bin/cat")
            cat.arguments = [path]
            cat.standardOutput = pipe
            try cat.run()
            let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
            cat.waitUntilExit()
            return Array(data)
        }
    }

    deinit {
        opened.close()
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Issue.record("the store's directory stays behind: \(error)")
        }
    }
}

extension [UInt8] {
    fileprivate func holds(_ text: String) -> Bool {
        let needle = Array(text.utf8)
        return indices.contains { self[$0] == needle[0] && self[$0...].starts(with: needle) }
    }
}

@Suite(.timeLimit(.minutes(5))) struct EncryptedStoreTests {
    private let key = PayloadKey.random()

    private func configuration() -> Worker.Configuration {
        Worker.Configuration {
            $0.until = .empty(idleTimeout: .zero)
            $0.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        }
    }

    @Test func `payload and result are nowhere on the disk in the clear, and come back as they were`() async throws {
        TestLogCapture.install()
        let disk = try Disk()
        let store = disk.plain.encrypted(by: AESCipher(key: key))
        let queue = JobQueue(store: store)
        let payload = Array("{\"card\":\"plain-payload-text\"}".utf8)
        let id = try await queue.enqueue(kind: "charge", payload: payload, options: EnqueueOptions { $0.key = "once" }).id
        let seen = Mutex<[UInt8]>([])
        let handler = Handler(kind: "charge") { job, _ in
            seen.withLock { $0 = job.payload }
            return Array("\"plain-result-text\"".utf8)
        }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration()).run()
        #expect(seen.withLock { $0 } == payload)
        let detail = try #require(try await store.inspection.job(id))
        #expect(detail.payload == payload)
        #expect(detail.result == Array("\"plain-result-text\"".utf8))
        let bytes = try disk.bytes()
        // The check can see: what is not encrypted is there.
        #expect(bytes.holds("charge") && bytes.holds("once"))
        #expect(!bytes.holds("plain-payload-text") && !bytes.holds("plain-result-text"))
    }

    @Test func `without encryption the same texts are on the disk`() async throws {
        let disk = try Disk()
        _ = try await JobQueue(store: disk.plain).enqueue(kind: "charge", payload: Array("\"plain-payload-text\"".utf8))
        #expect(try disk.bytes().holds("plain-payload-text"))
    }

    @Test func `a worker without the key runs nothing, charges no attempt, and leaves the job to one that has it`() async throws {
        TestLogCapture.install()
        let clock = ManualClock()
        let model = ModelStore(clock: clock)
        let id = try await JobQueue(store: model.store.encrypted(by: AESCipher(key: key)), clock: clock)
            .enqueue(kind: "charge", payload: Array("{}".utf8)).id
        let runs = Mutex(0)
        let handler = Handler(kind: "charge") { _, _ in
            runs.withLock { $0 += 1 }
            return nil
        }
        let other = PayloadKey.random()
        for blind in [model.store, model.store.encrypted(by: AESCipher(key: other))] {
            try await Worker(queue: JobQueue(store: blind, clock: clock), handlers: [handler], configuration: configuration()).run()
            let job = try #require(try await model.store.inspection.job(id))
            #expect(job.summary.state == .scheduled && job.summary.attempt == 0)
            #expect(job.executions.last?.error?.type == "PayloadUnreadable")
            #expect(job.executions.last?.error?.message.contains(key.id) == true)
            clock.advance(by: .seconds(61))
        }
        #expect(runs.withLock { $0 } == 0)
        let seeing = model.store.encrypted(by: AESCipher(key: other, older: [key]))
        try await Worker(queue: JobQueue(store: seeing, clock: clock), handlers: [handler], configuration: configuration()).run()
        #expect(runs.withLock { $0 } == 1)
        #expect(try await seeing.inspection.job(id)?.summary.state == .completed)
    }

    @Test func `a payload that was moved to another kind is not run`() async throws {
        TestLogCapture.install()
        let clock = ManualClock()
        let model = ModelStore(clock: clock)
        let cipher = AESCipher(key: key)
        // As somebody who can write to the store would: sealed bytes of one kind under another.
        let moved = cipher.seal(Array("{}".utf8), for: .payload(kind: "refund")).bytes
        let id = try await model.store.jobs.enqueue([NewJob(kind: "charge", payload: moved)])[0].id
        let runs = Mutex(0)
        let handler = Handler(kind: "charge") { _, _ in
            runs.withLock { $0 += 1 }
            return nil
        }
        let queue = JobQueue(store: model.store.encrypted(by: cipher), clock: clock)
        try await Worker(queue: queue, handlers: [handler], configuration: configuration()).run()
        #expect(runs.withLock { $0 } == 0)
        let job = try #require(try await model.store.inspection.job(id))
        #expect(job.summary.attempt == 0)
        #expect(job.executions.last?.error?.message.contains("not the bytes that were encrypted") == true)
    }

    @Test func `jobs from before encryption run, and their keys are recognised`() async throws {
        TestLogCapture.install()
        let disk = try Disk()
        var job = NewJob(kind: "charge", payload: Array("{\"n\":1}".utf8))
        job.key = "before"
        let id = try await JobQueue(store: disk.plain).enqueue([job])[0].id
        let queue = JobQueue(store: disk.plain.encrypted(by: AESCipher(key: key)))
        #expect(try await queue.enqueue([job]) == [.existing(id)])
        job.payload = Array("{\"n\":2}".utf8)
        #expect(try await queue.enqueue([job]) == [.conflict(id)])
        let handler = Handler(kind: "charge") { job, _ in job.payload }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration()).run()
        #expect(try await queue.store.inspection.job(id)?.result == Array("{\"n\":1}".utf8))
    }

    @Test func `an idempotency key outlives a rotation`() async throws {
        let disk = try Disk()
        var job = NewJob(kind: "charge", payload: Array("{\"n\":1}".utf8))
        job.key = "once"
        let id = try await JobQueue(store: disk.plain.encrypted(by: AESCipher(key: key))).enqueue([job])[0].id
        let rotated = JobQueue(store: disk.plain.encrypted(by: AESCipher(key: .random(), older: [key])))
        #expect(try await rotated.enqueue([job]) == [.existing(id)])
        let without = JobQueue(store: disk.plain.encrypted(by: AESCipher(key: .random())))
        #expect(try await without.enqueue([job]) == [.conflict(id)])
    }

    @Test func `a look without the key shows that it is sealed, and with which key`() async throws {
        let disk = try Disk()
        let id = try await JobQueue(store: disk.plain.encrypted(by: AESCipher(key: key)))
            .enqueue(kind: "charge", payload: Array("{}".utf8)).id
        let detail = try #require(try await disk.plain.inspection.job(id))
        #expect(SealedBytes(detail.payload)?.keyID == key.id)
    }

    @Test func `the largest payload and result fit`() async throws {
        TestLogCapture.install()
        let disk = try Disk()
        let queue = JobQueue(store: disk.plain.encrypted(by: AESCipher(key: key)))
        let largest = [UInt8](repeating: UInt8(ascii: "7"), count: Limits.payloadBytes)
        let result = [UInt8](repeating: UInt8(ascii: "1"), count: Limits.resultBytes)
        let id = try await queue.enqueue(kind: "charge", payload: largest).id
        let handler = Handler(kind: "charge") { job, _ in job.payload.count == Limits.payloadBytes ? result : nil }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration()).run()
        #expect(try await queue.store.inspection.job(id)?.result == result)
    }
}
