// The real worker and a Sentry server: an event of a failed command arrives, and a server that does not answer changes nothing.

#if Web
import Foundation
import Synchronization
import Testing

@Suite struct SentryTests {
    private static let command = [
        "enqueue", "--meta", "ticket=4711", "--", "sh", "-c", "echo one; sleep 0.1; echo two >&2; env; exit 3",
    ]

    @Test(arguments: [true, false])
    func `a command that fails is reported with its own last lines`(byFlag: Bool) throws {
        let sandbox = try Sandbox()
        let server = try LoopbackServer(answering: true)
        let id = try sandbox.run(SentryTests.command).text
        let worked =
            byFlag
            ? try sandbox.run("work", "--until-empty", "--sentry-dsn", server.dsn)
            : try sandbox.run("work", "--until-empty", environment: ["SENTRY_DSN": server.dsn, "SENTRY_RELEASE": "shop@7"])
        #expect(worked.status == 0, "\(worked.err)")
        let requests = server.stop()
        let request = try #require(requests.first)
        #expect(requests.count == 1)
        #expect(request.hasPrefix("POST /api/1/envelope/ HTTP/1.1\r\n"))
        let lines = try #require(request.components(separatedBy: "\r\n\r\n").last).split(separator: "\n")
        let payload = try #require(lines.last)
        let event = try #require(try JSONSerialization.jsonObject(with: Data(payload.utf8)) as? [String: Any])
        #expect((event["tags"] as? [String: String])?["execution_id"] == "\(id).1")
        #expect(event["release"] as? String == (byFlag ? nil : "shop@7"))
        let crumbs = try #require((event["breadcrumbs"] as? [String: Any])?["values"] as? [[String: Any]])
        let messages = crumbs.compactMap { $0["message"] as? String }
        #expect(Array(messages.prefix(2)) == ["one", "two"])
        #expect(crumbs.prefix(2).map { $0["category"] as? String } == ["stdout", "stderr"])
        // What the command saw of the worker's environment is in its lines: no DSN.
        #expect(messages.contains("ERRAND_EXECUTION_ID=\(id).1"))
        #expect(!request.contains("SENTRY_DSN") && !request.contains(server.dsn))
        // The worker's own log is told as well.
        #expect(worked.err.contains("error report"))
    }

    @Test(arguments: [true, false])
    func `a server that does not answer, or is not there, changes no outcome, and the worker leaves`(listens: Bool) throws {
        let sandbox = try Sandbox()
        let server = try LoopbackServer(answering: false)
        if !listens { server.stop() }
        let id = try sandbox.run(SentryTests.command).text
        let worked = try sandbox.run("work", "--until-empty", environment: ["SENTRY_DSN": server.dsn])
        #expect(worked.status == 0, "\(worked.err)")
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(job["state"] as? String == "dead")
        #expect((job["error"] as? [String: Any])?["code"] as? Int == 3)
        server.stop()
    }
}

/// A server on the loopback that keeps every request and answers 200, or never reads what comes.
final class LoopbackServer: Sendable {
    let dsn: String
    private let descriptor: Int32
    private let isAnswering: Bool
    private let requests = Mutex<[String]>([])
    private let isStopped = Mutex(false)

    init(answering: Bool) throws {
        isAnswering = answering
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        descriptor = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 8) == 0 ? getsockname(listener, pointer, &length) : -1
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        dsn = "http://abc@127.0.0.1:\(UInt16(bigEndian: address.sin_port))/1"
        if answering { Thread { self.serve() }.start() }
    }

    /// Ends the server; gives what has come.
    @discardableResult
    func stop() -> [String] {
        let wasStopped = isStopped.withLock { stopped in
            defer { stopped = true }
            return stopped
        }
        if !wasStopped {
            shutdown(descriptor, Int32(SHUT_RDWR))
            if !isAnswering { close(descriptor) }
        }
        return requests.withLock { $0 }
    }

    private func serve() {
        defer { close(descriptor) }
        while true {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { return }
            defer { close(connection) }
            while let request = LoopbackServer.read(from: connection) {
                requests.withLock { $0.append(request) }
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
                guard write(connection, answer, answer.utf8.count) > 0 else { break }
            }
        }
    }

    /// One request, head and body; `nil` at the connection's end.
    private static func read(from connection: Int32) -> String? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let head = text.range(of: "\r\n\r\n"), let length = text[..<head.lowerBound].firstMatch(of: /(?i)content-length: (\d+)/),
                text[head.upperBound...].utf8.count >= Int(length.output.1) ?? 0
            {
                return text
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }
}
#endif
