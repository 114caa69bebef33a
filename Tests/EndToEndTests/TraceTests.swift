// One trace from an HTTP request's header through job, child process, and the job that it enqueues, to a collector.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct TraceTests {
    private let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let request = "00f067aa0ba902b7"
    private static let header = "00-\(traceID)-\(request)-01"

    /// Enqueues a command that enqueues another one, as a web server would that got a request with this header.
    private func enqueueTwo() throws -> String {
        try sandbox.run(
            "enqueue", "--", "sh", "-c", "echo outer; \"$0\" enqueue -- sh -c 'echo inner; exit 3'", Sandbox.errand,
            environment: ["TRACEPARENT": Self.header, "TRACESTATE": "vendor=1", "BAGGAGE": "user=ada"]
        ).text
    }

    private func tree(_ id: String, _ more: String...) throws -> [[String: Any]] {
        try sandbox.run(["trace", id, "--json"] + more).objects()
    }

    private func ids(_ record: [String: Any]?) throws -> (trace: String, span: String) {
        (try #require(record?["trace_id"] as? String), try #require(record?["span_id"] as? String))
    }

    @Test func `a request, its job, the child process and the job that it enqueues are one trace, and a tree without any tracer`() throws {
        let id = try enqueueTwo()
        #expect(try sandbox.run("work", "--until-empty", "--idle-timeout", "0s").status == 0)
        let jobs = try tree(id)
        #expect(jobs.count == 2)
        #expect(jobs.map { $0["trace_id"] as? String } == [Self.traceID, Self.traceID])
        #expect(jobs.map { $0["depth"] as? Int } == [0, 1])
        #expect(jobs.map { $0["asked"] as? Bool } == [true, false])
        #expect(jobs.map { $0["state"] as? String } == ["completed", "dead"])
        #expect(jobs[1]["parent_execution_id"] as? String == "\(id).1")
        let child = try #require(jobs[1]["id"] as? String)
        let outer = try ids(try sandbox.run("logs", id, "--json").objects().first)
        let inner = try ids(try sandbox.run("logs", child, "--json").objects().first)
        #expect([outer.trace, inner.trace] == [Self.traceID, Self.traceID])
        let stored = try #require(try sandbox.run("show", child, "--json").objects().first)
        #expect(stored["trace_parent"] as? String == "00-\(Self.traceID)-\(outer.span)-01", "the child's caller is the outer execution")
        // From any of its jobs, by any name for it, the same tree is shown.
        for name in [child, "\(child).1", String(child.suffix(6))] {
            let seen = try tree(name)
            #expect(seen.map { $0["id"] as? String } == [id, child])
            #expect(seen.map { $0["asked"] as? Bool } == [false, true])
        }
        let text = try sandbox.run("trace", id, "--logs").lines
        #expect(text[0].contains(Self.traceID) && text[0].contains("2 jobs"))
        let order = [
            text.firstIndex { $0.hasSuffix(" outer") }, text.firstIndex { $0.contains(child) && $0.contains("dead") },
            text.firstIndex { $0.hasSuffix(" inner") },
        ]
        #expect(order.compactMap { $0 }.count == 3 && order.compactMap { $0 } == order.compactMap { $0 }.sorted())
        #expect(try sandbox.run("trace", "\(id).7").status == 3)
        #expect(try sandbox.run("trace", "zzzzzzzzzzzzz").status == 3)
    }

    @Test func `a collector's spans decode with the public schema and carry the IDs of the logs`() throws {
        let collector = try LoopbackCollector()
        defer { collector.stop() }
        let id = try enqueueTwo()
        let worked = try sandbox.run(
            "work", "--until-empty", "--idle-timeout", "0s", "--otlp", collector.url, environment: ["OTEL_SERVICE_NAME": "shop"])
        #expect(worked.status == 0, "\(worked.err)")
        let child = try #require(try tree(id).last?["id"] as? String)
        let outer = try ids(try sandbox.run("logs", id, "--json").objects().first)
        let inner = try ids(try sandbox.run("logs", child, "--json").objects().first)
        var files: [String] = []
        for (number, body) in collector.bodies.enumerated() {
            files.append("\(sandbox.directory)/body\(number)")
            try Data(body).write(to: URL(fileURLWithPath: files[number]))
        }
        #expect(!files.isEmpty)
        func span(_ ids: (trace: String, span: String), parent: String, execution: String, status: String, events: [String]) -> [String:
            Any]
        {
            [
                "name": "default process", "kind": "SPAN_KIND_CONSUMER", "trace_id": ids.trace, "span_id": ids.span,
                "parent_span_id": parent, "links": [String](), "status": status, "events": events,
                "attributes": [
                    "messaging.system": "errand", "messaging.operation.type": "process", "errand.execution.id": execution,
                    "messaging.message.id": String(execution.dropLast(2)), "errand.attempt": 1,
                ],
            ]
        }
        let expected: [String: Any] = [
            "service": "shop",
            "spans": [
                span(outer, parent: Self.request, execution: "\(id).1", status: "STATUS_CODE_OK", events: []),
                span(inner, parent: outer.span, execution: "\(child).1", status: "STATUS_CODE_ERROR", events: ["exception"]),
            ],
        ]
        let expectation = "\(sandbox.directory)/expected.json"
        try JSONSerialization.data(withJSONObject: expected).write(to: URL(fileURLWithPath: expectation))
        let checked = try check([expectation] + files)
        #expect(checked.status == 0, "\(checked.err)")
        #expect(outer.trace == Self.traceID && inner.trace == Self.traceID)
        try expectNoticed(files, expectation: expectation, outer.span)
    }

    /// The checker notices a cut body, another ID, an unknown field and a missing span.
    private func expectNoticed(_ files: [String], expectation: String, _ span: String) throws {
        let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: files[0])))
        let id = stride(from: 0, to: 16, by: 2).map { offset in
            UInt8(span.dropFirst(offset).prefix(2), radix: 16) ?? 0
        }
        let places = original.ranges(of: id)
        #expect(!places.isEmpty, "the outer span is in the first body")
        var otherID = original
        for place in places { otherID[place.lowerBound] ^= 1 }
        // Field 99 with a length of 0: no message of the schema has it.
        for (broken, word) in [
            (Array(original.dropLast()), "does not decode"), (otherID, "no span \(span)"), (original + [0x9A, 0x06, 0x00], "no field 99"),
            ([], "no span \(span)"),
        ] {
            let path = "\(sandbox.directory)/broken"
            try Data(broken).write(to: URL(fileURLWithPath: path))
            let seen = try check([expectation, path] + files.dropFirst())
            #expect(seen.status == 1)
            #expect(seen.err.contains(word), "\(seen.err)")
        }
    }

    private func check(_ arguments: [String]) throws -> Sandbox.Output {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try Sandbox.Running(
            executable: root.path + "/Scripts/check-otlp", arguments: arguments, input: nil, environment: [:]
        ).waitForEnd()
    }

    @Test(arguments: ["collector:4317", "ftp://h", "http://", "http://user:hunter2@h"])
    func `a URL that is none is refused with a sentence`(url: String) throws {
        let output = try sandbox.run("work", "--once", "--otlp", url)
        #expect(output.status == 2)
        #expect(output.err.contains("--otlp: "))
        #expect(!output.err.contains("hunter2"))
    }

    @Test func `the environment names the collector where the flag does not, and a collector that is away costs no job`() throws {
        let collector = try LoopbackCollector()
        defer { collector.stop() }
        let id = try sandbox.run("enqueue", "--", "true").text
        let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": collector.url]
        #expect(try sandbox.run("work", "--once", environment: environment).status == 0)
        #expect(!collector.bodies.isEmpty)
        let other = try sandbox.run("enqueue", "--", "true").text
        let away = try sandbox.run("work", "--once", "--otlp", "http://127.0.0.1:1")
        #expect(away.status == 0)
        #expect(away.err.contains("spans were not delivered"))
        let wrong = try sandbox.run("work", "--once", environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere"])
        #expect(wrong.status == 2 && wrong.err.contains("OTEL_EXPORTER_OTLP_ENDPOINT: "))
        for job in [id, other] { #expect(try sandbox.run("show", job, "--json").objects().first?["state"] as? String == "completed") }
    }
}
