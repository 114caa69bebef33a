// The promise: an outcome that cannot be written is tried until the grace of a shutdown ends, and the exit code says how that went.

import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(3))) struct UnwrittenTests {
    /// A worker in the middle of a job that waits for a file to end.
    private func busyWorker(in sandbox: Sandbox) throws -> (worker: Sandbox.Running, job: String) {
        let job = try sandbox.run(
            "enqueue", "--", "sh", "-c", "echo started; while [ ! -e \(sandbox.directory)/go ]; do sleep 0.05; done"
        ).text
        let worker = try sandbox.start(["work", "--grace", "1s"])
        #expect(try eventually { try sandbox.run("logs", job).out.contains("started") })
        return (worker, job)
    }

    /// Takes a lock as another process would, until the descriptor is closed: byte 0 is for jobs, 1 for logs.
    private func sitOnTheLock(of sandbox: Sandbox, byte place: Int = 0) -> Int32 {
        let lock = open(sandbox.store + "/lock", O_RDWR | O_CLOEXEC)
        var byte = flock()
        byte.l_type = Int16(F_WRLCK)
        byte.l_start = place
        byte.l_len = 1
        // F_OFD_SETLKW, which Glibc's import lacks: a lock of this open file, as another process would have it.
        #expect(fcntl(lock, 38, &byte) == 0)
        return lock
    }

    private func letGo(_ sandbox: Sandbox) throws { try Data().write(to: URL(fileURLWithPath: sandbox.directory + "/go")) }

    private func outcomes(of job: String, in sandbox: Sandbox) throws -> [String] {
        let shown = try #require(try sandbox.run("show", job, "--json").objects().first)
        return (shown["executions"] as? [[String: Any]])?.compactMap { $0["outcome"] as? String } ?? []
    }

    @Test func `while somebody sits on the write lock nothing is recorded; the worker leaves with 74, and the job runs again`() throws {
        let sandbox = try Sandbox()
        let (worker, job) = try busyWorker(in: sandbox)
        let lock = sitOnTheLock(of: sandbox)
        try letGo(sandbox)
        worker.signal(SIGTERM)
        let end = worker.waitForEnd()
        #expect(end.status == 74)
        #expect(end.err.contains("left with 1 outcomes unwritten because the store did not take them: those jobs run again"))
        close(lock)
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        #expect(try outcomes(of: job, in: sandbox) == ["interrupted", "completed"])
    }

    @Test func `an idle worker leaves although somebody sits on the write lock`() throws {
        let sandbox = try Sandbox()
        let job = try sandbox.run("enqueue", "--", "true").text
        let worker = try sandbox.start(["work", "--grace", "1s"])
        // Its outcome is on record, so that nothing is left to write.
        #expect(try sandbox.run("wait", job).status == 0)
        let lock = sitOnTheLock(of: sandbox)
        defer { close(lock) }
        worker.signal(SIGTERM)
        let end = worker.waitForEnd()
        #expect(end.err.contains("the store does not answer: left without its last word"), "\(end.err)")
        #expect(end.status == 0, "\(end)")
    }

    @Test func `while somebody sits on the lock of the logs an outcome is recorded, and the worker leaves without its last lines`() throws {
        let sandbox = try Sandbox()
        let (worker, job) = try busyWorker(in: sandbox)
        let lock = sitOnTheLock(of: sandbox, byte: 1)
        defer { close(lock) }
        try letGo(sandbox)
        #expect(eventually { worker.errorSoFar.contains("execution ended") })
        worker.signal(SIGTERM)
        let end = worker.waitForEnd()
        #expect(end.status == 0, "\(end)")
        #expect(try outcomes(of: job, in: sandbox) == ["completed"])
    }

    @Test func `a store that is gone past the grace costs the outcome, and the log says so`() throws {
        let sandbox = try Sandbox()
        let (worker, job) = try busyWorker(in: sandbox)
        let away = sandbox.directory + "/away"
        try FileManager.default.moveItem(atPath: sandbox.store, toPath: away)
        try letGo(sandbox)
        #expect(eventually { worker.errorSoFar.contains("the store failed") })
        worker.signal(SIGTERM)
        let end = worker.waitForEnd()
        #expect(end.status == 74)
        #expect(end.err.contains("unwritten_outcomes=1"))
        #expect(end.err.contains("was the store's directory moved or deleted?"))
        try FileManager.default.moveItem(atPath: away, toPath: sandbox.store)
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        #expect(try outcomes(of: job, in: sandbox) == ["interrupted", "completed"])
    }

    @Test func `a store that comes back gets the outcome, without a restart`() throws {
        let sandbox = try Sandbox()
        let (worker, job) = try busyWorker(in: sandbox)
        let away = sandbox.directory + "/away"
        try FileManager.default.moveItem(atPath: sandbox.store, toPath: away)
        try letGo(sandbox)
        #expect(eventually { worker.errorSoFar.contains("the store failed") })
        try FileManager.default.moveItem(atPath: away, toPath: sandbox.store)
        #expect(eventually { worker.errorSoFar.contains("the store is back") })
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
        #expect(try outcomes(of: job, in: sandbox) == ["completed"])
    }
}
