// A worker, the tracer and a collector that speaks HTTP.

#if Web
import Dispatch
import Errand
import ErrandContext
import ErrandTesting
import Glibc
import Logging
import NIOHTTP1
import SwiftProtobuf
import Synchronization
import Testing
import Tracing

@testable import ErrandOTLP

private let logger: Logger = {
    TestLogCapture.install()
    return Logger(label: "library")
}()

@Suite(.timeLimit(.minutes(2))) struct CollectorTests {
    private let model = ModelStore(clock: SystemClock.shared)
    private let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func tracer(_ collector: Collector, change: (inout OTLPSettings) -> Void = { _ in }) throws -> OTLPTracer {
        var settings = try OTLPSettings(endpoint: collector.url)
        change(&settings)
        return OTLPTracer(settings, logger: quiet)
    }

    private func worker(_ queue: JobQueue, _ handlers: Handler...) -> Worker {
        Worker(queue: queue, handlers: handlers, configuration: Worker.Configuration { ($0.concurrency, $0.logger) = (64, quiet) })
    }

    private func records(of id: JobID) async throws -> [LogRecord] {
        try await model.logs.chunks(of: id, ordinal: nil, after: nil, limit: .max).flatMap { LogFraming.records(in: $0.chunk) }
    }

    @Test func `requests are posted as OTLP says`() async throws {
        let collector = try await Collector()
        let tracer = try tracer(collector) { $0.headers = ["authorization": "Bearer x", "Content-Type": "text/plain"] }
        tracer.startSpan("one").end()
        await tracer.shutdown(within: .seconds(30))
        let request = try #require(collector.requests.first)
        #expect(request.uri == "/v1/traces")
        #expect(request.method == .POST)
        #expect(request.headers["content-type"] == ["application/x-protobuf"])
        #expect(request.headers["authorization"] == ["Bearer x"])
        #expect(request.headers["traceparent"].isEmpty, "the sending is no part of any trace")
        #expect(try collector.spans().map(\.name) == ["one"])
        try await collector.stop()
    }

    @Test func `a job's spans carry the IDs of its log lines, in every attempt, and are one trace with its child's`() async throws {
        let collector = try await Collector()
        let tracer = try tracer(collector)
        let queue = JobQueue(store: model.store, tracer: tracer)
        var options = EnqueueOptions()
        options.trace = TraceContext(traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", baggage: "u=ada")
        let id = try await queue.enqueue(kind: "outer", payload: Array("{}".utf8), options: options).id
        try await worker(
            queue,
            Handler(kind: "outer", backoff: Backoff(base: .zero)) { job, context in
                logger.info("\(job.execution)")
                if job.attempt == 1 { throw StoredError(type: "Broken", message: "once") }
                _ = try await queue.enqueue(kind: "inner", payload: Array("{}".utf8))
                return nil
            },
            Handler(kind: "inner") { job, _ in
                logger.info("\(job.execution)")
                return nil
            }
        ).runUntilEmpty()
        await tracer.shutdown(within: .seconds(30))
        let spans = try collector.spans()
        #expect(spans.count == 5)
        #expect(Set(spans.map(\.traceID)) == [SpanEncoding.bytes("4bf92f3577b34da6a3ce929d0e0e4736")])
        let consumers = spans.filter { $0.kind == .consumer }
        let tree = try await model.tree(rootedAt: id, limit: 9).jobs
        #expect(tree.count == 2)
        for record in try await records(of: tree[0].id) + records(of: tree[1].id) {
            let members = try #require(JSONMembers(object: record.jsonLine[...]))
            let span = try #require(consumers.first { $0.text("errand.execution.id") == record.message })
            #expect(members.text("trace_id").map(SpanEncoding.bytes) == span.traceID)
            #expect(members.text("span_id").map(SpanEncoding.bytes) == span.spanID)
        }
        let producer = try #require(spans.first { $0.kind == .producer && $0.text("errand.job.id") == id.description })
        let inner = try #require(spans.first { $0.kind == .producer && $0.text("errand.job.id") != id.description })
        let (first, second) = (
            try #require(consumers.first { $0.text("errand.execution.id") == "\(id).1" }),
            try #require(consumers.first { $0.text("errand.execution.id") == "\(id).2" })
        )
        #expect(first.parentSpanID == producer.spanID && second.parentSpanID == producer.spanID)
        #expect(second.links.map(\.spanID) == [first.spanID] && first.links.isEmpty)
        #expect(first.status.code == .error && second.status.code == .ok)
        #expect(inner.parentSpanID == second.spanID)
        #expect(consumers.first { $0.name == "default process" && $0.parentSpanID == inner.spanID } != nil)
        try await collector.stop()
    }

    @Test func `at concurrency 64 every line's IDs are those of its own execution's span`() async throws {
        let collector = try await Collector()
        let tracer = try tracer(collector)
        let queue = JobQueue(store: model.store, tracer: tracer)
        let ids = try await queue.enqueue((0..<256).map { _ in NewJob(kind: "talks", payload: Array("{}".utf8)) }).map(\.id)
        let gate = Gate(parties: 64)
        try await worker(
            queue,
            Handler(kind: "talks") { job, context in
                await gate.arrive()
                logger.info("\(job.execution) \(context.traceID) \(context.spanID)")
                await gate.arrive()
                logger.info("\(job.execution) \(context.traceID) \(context.spanID)")
                return nil
            }
        ).runUntilEmpty(idleTimeout: .zero)
        await tracer.shutdown(within: .seconds(30))
        var spans: [String: SpanMessage] = [:]
        for span in try collector.spans() where span.kind == .consumer { spans[span.text("errand.execution.id") ?? ""] = span }
        #expect(spans.count == 256)
        var lines = 0
        for id in ids {
            for record in try await records(of: id) {
                let words = record.message.split(separator: " ").map(String.init)
                let members = try #require(JSONMembers(object: record.jsonLine[...]))
                let span = try #require(spans[words[0]])
                #expect([members.text("trace_id"), members.text("span_id")] == [words[1], words[2]])
                #expect([span.traceID, span.spanID] == [SpanEncoding.bytes(words[1]), SpanEncoding.bytes(words[2])])
                lines += 1
            }
        }
        #expect(lines == 512)
        try await collector.stop()
    }

    @Test func `a collector that never answers holds up no job`() async throws {
        let collector = try await Collector(isSilent: true)
        let tracer = try tracer(collector) { $0.batchLimit = 1 }
        let queue = JobQueue(store: model.store, tracer: tracer)
        let ids = try await queue.enqueue((0..<32).map { _ in NewJob(kind: "works", payload: Array("{}".utf8)) }).map(\.id)
        try await worker(queue, Handler(kind: "works") { _, _ in nil }).runUntilEmpty(idleTimeout: .zero)
        #expect(try await model.states(of: ids).allSatisfy { $0 == .completed })
        await tracer.shutdown(within: .zero)
        #expect(tracer.lostSpans == 33, "none was delivered, and all are counted")
        try await collector.stop()
    }

    @Test func `spans reach the collector while every pool thread is blocked`() async {
        // In a process of its own: all other tests live on those threads.
        await #expect(processExitsWith: .success) {
            let collector = try await Collector()
            var settings = try OTLPSettings(endpoint: collector.url)
            settings.batchLimit = 1
            let tracer = OTLPTracer(settings, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            let threads = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            let (blocked, released) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            startThread(named: "test-witness") {
                for _ in 0..<threads { blocked.wait() }
                tracer.startSpan("one").end()
                collector.received.wait()
                for _ in 0..<threads { released.signal() }
            }
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<threads { group.addTask { CollectorTests.block(blocked, released) } }
            }
            try #require(try collector.spans().map(\.name) == ["one"])
        }
    }

    private static func block(_ blocked: DispatchSemaphore, _ released: DispatchSemaphore) {
        blocked.signal()
        released.wait()
    }

    @Test func `a busy collector gets the spans at the second try`() async throws {
        let collector = try await Collector(answers: [.tooManyRequests])
        let tracer = try tracer(collector)
        tracer.startSpan("one").end()
        await tracer.shutdown(within: .seconds(60))
        #expect(try collector.spans().map(\.name) == ["one", "one"])
        #expect(tracer.lostSpans == 0)
        try await collector.stop()
    }
}

extension SpanMessage {
    /// A text attribute.
    func text(_ key: String) -> String? { attributes.first { $0.key == key }?.value.stringValue }
}

/// Lets tasks go on once so many have arrived, again and again.
private actor Gate {
    private let parties: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(parties: Int) { self.parties = parties }

    func arrive() async {
        if waiting.count + 1 == parties {
            for continuation in waiting { continuation.resume() }
            waiting = []
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }
}
#endif
