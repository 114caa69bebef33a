// A process of a mixed run: enqueues, works, logs and checkpoints like any other, and every call goes on record.

import ArgumentParser
import Errand
import ErrandContext
import ErrandSQLite
import FaultInjector
import Glibc
import Logging

/// Enqueues jobs and runs whatever is there until nothing is left.
struct Mixed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One process of a recorded run.")

    @Argument(help: "Sets its jobs' keys apart.") var name: String
    @Argument var directory: String
    @Argument(help: "The file that all processes of the run record to.") var record: String
    @Option(help: "How many jobs it enqueues.") var jobs = 40
    @Option(help: "The call to die at, from 1.") var dieAt: Int64 = 0
    @Option(help: "The sync that fails, from 1.") var failSyncAt: Int64 = 0
    @Flag(help: "Open the store with durability normal: the broken variant.") var normal = false
    @Flag(help: "Acknowledge before the commit: the broken variant.") var early = false

    func run() async throws {
        faults_watch(directory.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/"))
        guard faults_record(record) == 0 else { throw ValidationError("cannot write to \(record)") }
        if dieAt > 0 { faults_arm(Int32(FAULTS_CHANGE), dieAt, Int32(FAULTS_KILL), 0, false) }
        if failSyncAt > 0 { faults_arm(Int32(FAULTS_SYNC), failSyncAt, Int32(FAULTS_FAIL), EIO, false) }
        var options = SQLiteStoreOptions()
        options.bootID = "first"
        options.lockWait = nil
        if normal { options.durability = .normal }
        // Opening meets faults, too.
        guard let opened = Mixed.untilItWorks({ () throws(JobStoreError) in try SQLiteStore.open(directory: directory, options: options) })
        else { throw ValidationError("\(directory) cannot be opened") }
        var store = opened.store
        store.jobs = NotingStore(base: store.jobs, isEarly: early) { faults_mark("\($0)") }
        let queue = JobQueue(store: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for producer in 0..<4 {
                group.addTask { [jobs, name, store] in
                    for number in stride(from: producer, to: jobs, by: 4) {
                        try await Mixed.enqueue("\(name)-\(number)", into: store.jobs)
                    }
                }
            }
            group.addTask { try await Mixed.work(on: queue) }
            try await group.waitForAll()
        }
        // What was enqueued while the worker was about to leave.
        try await Mixed.work(on: queue)
        opened.close()
    }

    private static let patience = 20

    private static func untilItWorks<Value>(_ body: () throws(JobStoreError) -> Value) -> Value? {
        for _ in 0..<patience {
            do throws(JobStoreError) { return try body() } catch { continue }
        }
        return nil
    }

    private static func enqueue(_ key: String, into jobs: any JobStore) async throws(JobStoreError) {
        var job = NewJob(kind: Step.kind, payload: Array("{}".utf8))
        job.key = key
        var left = patience
        while true {
            do throws(JobStoreError) {
                _ = try await jobs.enqueue([job])
                return
            } catch {
                left -= 1
                if left == 0 { throw error }
            }
        }
    }

    private struct FirstTime: Error {}

    /// Runs the real worker. Every fourth job fails once; all log.
    private static func work(on queue: JobQueue) async throws {
        let handler = Handler(kind: Step.kind, backoff: Backoff(base: .milliseconds(5))) { job, context in
            context.logger.info("here I am", metadata: ["execution": "\(job.execution)"])
            if job.attempt == 1, job.execution.job.rawValue & 3 == 0 { throw FirstTime() }
            return nil
        }
        let configuration = Worker.Configuration { configuration in
            configuration.logger = Logger(label: "mixed") { _ in SwiftLogNoOpLogHandler() }
            configuration.suspectThreshold = nil
        }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration, reporters: [])
            .runUntilEmpty(idleTimeout: .milliseconds(200))
    }
}
