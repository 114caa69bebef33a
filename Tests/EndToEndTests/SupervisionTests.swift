// The promise: a supervised worker that crashes, is killed or hangs is there again, and nobody's job pays for it.

import Foundation
import Testing

@Suite struct SupervisionTests {
    private let sandbox: Sandbox

    init() throws { sandbox = try Sandbox(program: Sandbox.isolated) }

    private func supervise(_ options: String..., environment: [String: String] = [:]) throws -> Sandbox.Running {
        try sandbox.start(
            ["work", "--supervise", "--log-level", "notice"] + options,
            environment: ["SWIFT_BACKTRACE": "enable=no"].merging(environment) { $1 })
    }

    private func job(_ id: String) throws -> [String: Any] { try #require(try sandbox.run("show", id, "--json").objects().first) }

    private func outcomes(_ job: [String: Any]) throws -> [String] {
        try #require(job["executions"] as? [[String: Any]]).compactMap { $0["outcome"] as? String }
    }

    /// The process of the worker that runs, or ran, a job of kind `good`.
    private func worker(of execution: String) throws -> pid_t? {
        let words = try sandbox.run("logs", execution, "--json").objects().compactMap { $0["message"] as? String }
            .first { $0.hasPrefix("worker ") }?.split(separator: " ")
        return words.flatMap { pid_t($0[1]) }
    }

    @Test func `one job that traps among 50 good: all 50 complete with their attempts, the one is poison after 3 crashes`() throws {
        for _ in 0..<25 { _ = try sandbox.run("enqueue", "good", "{}") }
        let culprit = try sandbox.run("enqueue", "trap", "{}", "--max-attempts", "1").text
        for _ in 0..<25 { _ = try sandbox.run("enqueue", "good", "{}") }
        let output = try supervise("--until-empty", "--idle-timeout", "60s").waitForEnd()
        #expect(output.status == 0, "\(output.err)")
        #expect(output.err.components(separatedBy: "the worker process ended and is started again").count == 4, "\(output.err)")
        let good = try sandbox.run("jobs", "--kind", "good", "--limit", "0", "--json").objects()
        #expect(good.count == 50)
        for job in good {
            #expect(job["state"] as? String == "completed" && job["attempt"] as? Int == 1 && job["crashes"] as? Int == 0, "\(job)")
        }
        let dead = try job(culprit)
        #expect(dead["state"] as? String == "dead" && dead["reason"] as? String == "poison", "\(dead)")
        #expect(dead["attempt"] as? Int == 0 && dead["crashes"] as? Int == 3)
        #expect(try outcomes(dead) == ["crashed", "crashed", "crashed"])
    }

    @Test func `a worker that is killed is replaced, which finishes its jobs; TERM then drains, exit 0`() throws {
        let ids = try (0..<5).map { _ in try sandbox.run("enqueue", "good", #"{"stays":true}"#).text }
        let supervisor = try supervise()
        #expect(try eventually { try ids.allSatisfy { try worker(of: $0) != nil } })
        let first = try #require(try worker(of: ids[0]))
        #expect(first != supervisor.pid)
        kill(first, SIGKILL)
        #expect(try eventually { try ids.allSatisfy { try job($0)["state"] as? String == "completed" } })
        for id in ids {
            #expect(try outcomes(job(id)) == ["interrupted", "completed"])
            #expect(try job(id)["attempt"] as? Int == 1)
            let second = try #require(try worker(of: "\(id).2"))
            #expect(second != first && isAlive(second))
        }
        supervisor.signal(SIGTERM)
        let output = supervisor.waitForEnd()
        #expect(output.status == 0)
        #expect(output.err.contains("it was ended by SIGKILL"), "\(output.err)")
    }

    @Test func `bad usage ends at once, a store that cannot be opened after five starts, each with the worker's own code`() throws {
        let usage = try supervise("-c", "0").waitForEnd()
        #expect(usage.status == 2)
        let file = sandbox.directory + "/file"
        try Data().write(to: URL(fileURLWithPath: file))
        let unavailable = try supervise("--store", file + "/store").waitForEnd()
        #expect(unavailable.status == 4, "\(unavailable.err)")
        #expect(unavailable.err.contains("never ready and is given up"), "\(unavailable.err)")
        #expect(unavailable.err.components(separatedBy: "is started again").count == 5, "\(unavailable.err)")
    }

    @Test func `SIGUSR1 reaches the worker, which lists what it runs; a second TERM stops hard, with the worker's code`() throws {
        let id = try sandbox.run("enqueue", "good", #"{"stays":true}"#).text
        let supervisor = try supervise()
        #expect(try eventually { try worker(of: id) != nil })
        supervisor.signal(SIGUSR1)
        #expect(eventually { supervisor.errorSoFar.contains("in flight attempt=1 execution_id=\(id).1") })
        supervisor.signal(SIGTERM)
        #expect(eventually { supervisor.errorSoFar.contains("draining") })
        supervisor.signal(SIGTERM)
        #expect(supervisor.waitForEnd().status == 143)
        // A look that fails, because the store is busy just then, is repeated.
        #expect(eventually { (try? worker(of: id)).map { !isAlive($0) } ?? false })
    }

    @Test func `a worker whose supervisor is killed drains and ends`() throws {
        let id = try sandbox.run("enqueue", "good", #"{"stays":true}"#).text
        let supervisor = try supervise("--grace", "0s")
        #expect(try eventually { try worker(of: id) != nil })
        let pid = try #require(try worker(of: id))
        supervisor.signal(SIGKILL)
        #expect(supervisor.waitForEnd().status == 137)
        #expect(eventually { !isAlive(pid) })
        #expect(try outcomes(job(id)) == ["interrupted"])
    }

    @Test func `the service manager hears of readiness, of stops and of life; a worker that stands still is replaced`() throws {
        let manager = try ServiceManager(directory: sandbox.directory)
        let id = try sandbox.run("enqueue", "good", #"{"stays":true}"#).text
        let supervisor = try supervise(environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "2000000"])
        #expect(try eventually { try worker(of: id) != nil })
        #expect(eventually { manager.heard.contains("READY=1") })
        let pid = try #require(try worker(of: id))
        kill(pid, SIGSTOP)
        #expect(eventually { supervisor.errorSoFar.contains("the worker process hangs and is ended") })
        #expect(try eventually { try job(id)["state"] as? String == "completed" })
        #expect(!isAlive(pid))
        supervisor.signal(SIGTERM)
        #expect(supervisor.waitForEnd().status == 0)
        let heard = manager.heard
        #expect(heard.contains("STOPPING=1") && heard.contains { $0.hasPrefix("EXTEND_TIMEOUT_USEC=") }, "\(heard)")
        #expect(heard.contains("WATCHDOG=1") && heard.contains("STATUS=ending a worker that hangs"), "\(heard)")
        #expect(heard.filter { $0 == "READY=1" }.count == 2)
    }
}

/// What systemd is to a service: a socket that hears its states.
private final class ServiceManager {
    let path: String
    private let socket: Int32
    private var lines: [String] = []

    init(directory: String) throws {
        path = directory + "/notify"
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
        }
        guard bound == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(socket) }

    /// Everything so far.
    var heard: [String] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count >= 0 else { return lines }
            lines += String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}
