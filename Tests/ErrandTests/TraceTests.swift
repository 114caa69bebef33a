// Spans of enqueues and executions: parents, links, IDs, and what surrounds a worker.

import ErrandContext
import ErrandTesting
import InMemoryTracing
import Logging
import Testing
import Tracing

@testable import Errand

private let logger: Logger = {
    TestLogCapture.install()
    return Logger(label: "library")
}()

@Suite(.timeLimit(.minutes(2))) struct TraceTests {
    private let tracer = RecordingTracer()
    private let shop: Workshop

    init() { shop = Workshop(tracer: tracer) }

    private static let caller = TraceContext(
        traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", traceState: "v=1", baggage: "user=ada")!

    @Test(arguments: [true, false])
    func `the span of an enqueue is the caller's child, and that of the execution is its child in turn`(followsPlans: Bool) async throws {
        let tracer = RecordingTracer(followsPlans: followsPlans)
        let shop = Workshop(tracer: tracer)
        let (id, request) = try await tracer.withSpan("GET /", ofKind: .server) { span in
            (try await shop.enqueue("works") { $0.queue = "mail" }, span.context.inMemorySpanContext)
        }
        let seen = Collected<TraceContext>()
        try await shop.worker(
            Handler(kind: "works") { _, context in
                seen.add(context.trace)
                return nil
            }, change: { $0.queues = [("mail", nil)] }
        ).runUntilEmpty(idleTimeout: .zero)
        let producer = try #require(tracer.spans(.producer).first)
        let consumer = try #require(tracer.spans(.consumer).first)
        #expect(tracer.spans.count == 3)
        #expect(producer.operationName == "mail enqueue")
        #expect(consumer.operationName == "mail process")
        #expect(producer.traceID == request?.traceID && producer.parentSpanID == request?.spanID)
        #expect(consumer.traceID == request?.traceID && consumer.parentSpanID == producer.spanID)
        #expect(seen.values.map(\.traceID) == [consumer.traceID])
        #expect(seen.values.map(\.spanID) == [consumer.spanID], "logs, reports and children name the span that was sent")
        #expect(try await shop.detail(id)?.trace?.spanID == producer.spanID)
    }

    @Test func `spans say what was enqueued and what became of it`() async throws {
        let id = try await shop.enqueue("works") { $0.maxAttempts = 3 }
        try await shop.worker(Handler(kind: "works") { _, _ in nil }).runUntilEmpty(idleTimeout: .zero)
        let producer = try #require(tracer.spans(.producer).first).attributes
        let consumer = try #require(tracer.spans(.consumer).first)
        func text(_ attributes: SpanAttributes, _ name: String) -> String? { attributes.text(name) }
        #expect(text(producer, "messaging.system") == "errand")
        #expect(text(producer, "messaging.destination.name") == "default")
        #expect(text(producer, "messaging.operation.name") == "enqueue")
        #expect(text(producer, "messaging.operation.type") == "send")
        #expect(text(producer, "messaging.message.id") == id.description)
        #expect(text(producer, "errand.jobs.added") == "1")
        let attributes = consumer.attributes
        #expect(text(attributes, "messaging.operation.name") == "process")
        #expect(text(attributes, "messaging.operation.type") == "process")
        #expect(text(attributes, "messaging.message.id") == id.description)
        #expect(text(attributes, "errand.execution.id") == "\(id).1")
        #expect(text(attributes, "errand.job.kind") == "works")
        #expect(text(attributes, "errand.attempt") == "1")
        #expect(text(attributes, "errand.max_attempts") == "3")
        #expect(text(attributes, "errand.outcome") == "completed")
        #expect(text(attributes, "errand.job.wait_ms").flatMap { Int($0) } != nil)
        #expect(text(attributes, "errand.execution.previous_id") == nil)
        #expect(consumer.status?.code == .ok)
        #expect(consumer.events.isEmpty)
    }

    @Test func `each attempt is a sibling of the one before and links to it`() async throws {
        let id = try await shop.enqueue("fails") { $0.trace = TraceTests.caller }
        try await shop.worker(
            Handler(kind: "fails", backoff: Backoff(base: .zero)) { job, _ in
                if job.attempt < 3 { throw StoredError(type: "Broken", message: "attempt \(job.attempt)") }
                return nil
            }
        ).runUntilEmpty()
        let producer = try #require(tracer.spans(.producer).first)
        let spans = tracer.spans(.consumer)
        #expect(spans.count == 3)
        #expect(producer.parentSpanID == TraceTests.caller.spanID, "the explicit position is the parent of the enqueue")
        #expect(spans.allSatisfy { $0.traceID == TraceTests.caller.traceID && $0.parentSpanID == producer.spanID })
        #expect(Set(spans.map(\.spanID)).count == 3)
        #expect(spans.map { $0.links.map { $0.context.inMemorySpanContext?.spanID } } == [[], [spans[0].spanID], [spans[1].spanID]])
        #expect(spans.map { $0.attributes.text("errand.execution.previous_id") } == [nil, "\(id).1", "\(id).2"])
        #expect(spans.map { $0.attributes.text("errand.outcome") } == ["failed", "failed", "completed"])
        #expect(spans.map { $0.status?.code } == [.error, .error, .ok])
        #expect(spans.map { $0.attributes.text("error.type") } == ["Broken", "Broken", nil])
        #expect(spans[1].events.map(\.name) == ["exception"])
        #expect(spans[1].events.first?.attributes.text("exception.type") == "Broken")
        #expect(spans[1].events.first?.attributes.text("exception.message") == "attempt 2")
    }

    @Test func `a tracer with IDs of its own gets no link that would point to nothing`() async throws {
        let tracer = RecordingTracer(followsPlans: false)
        let shop = Workshop(tracer: tracer)
        let id = try await shop.enqueue("fails")
        try await shop.worker(
            Handler(kind: "fails", backoff: Backoff(base: .zero)) { job, _ in
                if job.attempt < 2 { throw StoredError(type: "Broken", message: "") }
                return nil
            }
        ).runUntilEmpty()
        let spans = tracer.spans(.consumer)
        #expect(spans.count == 2)
        #expect(spans.allSatisfy { $0.links.isEmpty })
        #expect(spans[1].attributes.text("errand.execution.previous_id") == "\(id).1")
    }

    @Test func `a job that links begins a trace of its own, keeps the caller's values, and links to the enqueuer and to its attempts`()
        async throws
    {
        _ = try await shop.enqueue("fails") { ($0.trace, $0.traceRelation) = (TraceTests.caller, .link) }
        let seen = Collected<TraceContext>()
        try await shop.worker(
            Handler(kind: "fails", backoff: Backoff(base: .zero)) { job, context in
                seen.add(context.trace)
                if job.attempt < 2 { throw StoredError(type: "Broken", message: "") }
                return nil
            }
        ).runUntilEmpty()
        let producer = try #require(tracer.spans(.producer).first)
        let spans = tracer.spans(.consumer)
        #expect(producer.traceID == TraceTests.caller.traceID)
        #expect(spans.count == 2)
        #expect(spans.allSatisfy { $0.traceID != TraceTests.caller.traceID && $0.parentSpanID == nil })
        #expect(spans[0].traceID == spans[1].traceID)
        #expect(spans[0].links.map { $0.context.inMemorySpanContext?.spanID } == [producer.spanID])
        #expect(spans[1].links.map { $0.context.inMemorySpanContext?.spanID } == [producer.spanID, spans[0].spanID])
        #expect(seen.values.map(\.baggage) == ["user=ada", "user=ada"])
        #expect(seen.values.map(\.traceState) == [nil, nil], "another trace's state does not belong to this one")
    }

    @Test func `a worker that runs inside a span does not become the parent of its jobs, nor do its values reach them`() async throws {
        let id = try await shop.enqueue("works")
        let seen = Collected<ServiceContext?>()
        var ambient = ServiceContext.topLevel
        ambient[RecordingTracer.Baggage.self] = "worker=own"
        try await ServiceContext.withValue(ambient) {
            try await tracer.withSpan("main") { [shop] _ in
                try await shop.worker(
                    Handler(kind: "works") { _, _ in
                        seen.add(ServiceContext.current)
                        return nil
                    }
                ).runUntilEmpty(idleTimeout: .zero)
            }
        }
        let main = try #require(tracer.spans(.internal).first)
        let consumer = try #require(tracer.spans(.consumer).first)
        let producer = try #require(tracer.spans(.producer).first)
        #expect(consumer.parentSpanID == producer.spanID)
        #expect(consumer.traceID != main.traceID)
        let context = try #require(seen.values.first ?? nil)
        #expect(context.inMemorySpanContext?.spanID == consumer.spanID)
        #expect(context[RecordingTracer.Baggage.self] == nil)
        #expect(context[PlannedSpan.self] == nil, "a handler's own spans must not take the execution's IDs")
        #expect(try await shop.model.states(of: [id]) == [.completed])
    }

    @Test func `a handler's own span stands between its execution and the jobs that it enqueues`() async throws {
        let root = try await shop.enqueue("outer") { $0.trace = TraceTests.caller }
        try await shop.worker(
            Handler(kind: "outer") { [shop, tracer] _, _ in
                try await tracer.withSpan("step") { _ in _ = try await shop.enqueue("inner") }
                return nil
            },
            Handler(kind: "inner") { _, _ in nil }
        ).runUntilEmpty(idleTimeout: .zero)
        #expect(Set(tracer.spans.map(\.traceID)) == [TraceTests.caller.traceID])
        let step = try #require(tracer.spans(.internal).first)
        let producers = tracer.spans(.producer)
        let consumers = tracer.spans(.consumer)
        #expect(step.parentSpanID == consumers[0].spanID)
        #expect(producers[1].parentSpanID == step.spanID)
        #expect(consumers[1].parentSpanID == producers[1].spanID)
        let inner = try #require(try await shop.model.tree(rootedAt: root, limit: 9).jobs.last)
        #expect(inner.parent == ExecutionID(root, 1))
        #expect(inner.trace?.baggage == "user=ada", "the caller's values go on to the children")
    }

    @Test func `one call that adds many jobs is one span, and all of them are its children`() async throws {
        var jobs = (0..<5).map { _ in NewJob(kind: "works", payload: Array("{}".utf8)) }
        jobs[4].trace = TraceTests.caller
        let ids = try await shop.queue.enqueue(jobs).map(\.id)
        let producer = try #require(tracer.spans(.producer).first)
        #expect(tracer.spans.count == 1)
        #expect(producer.attributes.text("messaging.batch.message_count") == "5")
        #expect(producer.attributes.text("messaging.message.id") == nil)
        for id in ids[..<4] { #expect(try await shop.detail(id)?.trace?.spanID == producer.spanID) }
        #expect(try await shop.detail(ids[4])?.trace == TraceTests.caller, "a position that one job names for itself stays")
    }

    @Test func `an enqueue that fails says so in its span`() async throws {
        shop.watched.refuseJobs()
        await #expect(throws: EnqueueError.self) { try await shop.enqueue("works") }
        let span = try #require(tracer.spans(.producer).first)
        #expect(span.status?.code == .error)
        #expect(span.errors.count == 1)
    }

    @Test func `without a tracer, an enqueue takes the current execution's position, and an explicit one wins`() async throws {
        let shop = Workshop()
        _ = try await shop.enqueue("outer") { $0.trace = TraceTests.caller }
        let ids = Collected<JobID>()
        let positions = Collected<TraceContext>()
        let other = TraceContext(traceParent: "00-11111111111111111111111111111111-2222222222222222-00")!
        try await shop.worker(
            Handler(kind: "outer") { _, context in
                positions.add(context.trace)
                ids.add(try await shop.enqueue("inner"))
                ids.add(try await shop.enqueue("inner") { $0.trace = other })
                return nil
            },
            Handler(kind: "inner") { _, context in
                positions.add(context.trace)
                return nil
            }, change: { $0.concurrency = 1 }
        ).runUntilEmpty(idleTimeout: .zero)
        #expect(try await shop.detail(ids.values[0])?.trace == positions.values[0])
        #expect(try await shop.detail(ids.values[1])?.trace == other)
        #expect(positions.values.map(\.traceID) == [TraceTests.caller.traceID, TraceTests.caller.traceID, other.traceID])
        #expect(positions.values.map(\.isSampled) == [true, true, false])
    }

    /// Carries W3C headers and begins no spans, as a program's instrument for its HTTP client may.
    private struct Carrier: Instrument {
        enum Position: ServiceContextKey { typealias Value = String }

        func extract<C, E: Extractor>(_ carrier: C, into context: inout ServiceContext, using extractor: E) where E.Carrier == C {
            context[Position.self] = extractor.extract(key: "traceparent", from: carrier)
        }
        func inject<C, I: Injector>(_ context: ServiceContext, into carrier: inout C, using injector: I) where I.Carrier == C {
            if let position = context[Position.self] { injector.inject(position, forKey: "Traceparent", into: &carrier) }
        }
    }

    @Test func `an instrument without a tracer carries the position into the queue and the execution's into the handler`() async throws {
        let shop = Workshop()
        let instruments = Instruments(carrier: Carrier())
        var context = ServiceContext.topLevel
        context[Carrier.Position.self] = TraceTests.caller.traceParent
        let span = ServiceContext.withValue(context) { EnqueueSpan([NewJob(kind: "k", payload: [])], instruments: instruments) }
        #expect(span.position?.spanID == TraceTests.caller.spanID)
        let id = try await shop.enqueue("works") { $0.trace = span.position }
        let worker = try await shop.model.join(
            WorkerDescription(
                kinds: ["works"], queues: ["default": 1], concurrency: 1, host: "h", pid: 1, version: "1",
                startedAt: shop.queue.clock.now(),
                lease: .seconds(30)))
        let claim = ClaimRequest(limit: 1, queues: [.init(queue: "default", limit: 1)], kinds: ["works"])
        let job = try #require(try await shop.model.exchange(ExchangeRequest(worker: worker, claim: claim)).claimed.first)
        let execution = ExecutionSpan(job, instruments: instruments)
        #expect(execution.position == TraceContext.span(of: ExecutionID(id, 1), in: span.position))
        #expect(execution.context[Carrier.Position.self] == execution.position.traceParent)
    }
}

/// Every span's IDs against those of the log lines of its execution, and the truth that each line holds in its text.
@Suite(.timeLimit(.minutes(2))) struct TraceAttributionTests {
    /// Lines whose span is not the one of the execution that wrote them.
    private func wrongLines(_ idsOf: @escaping @Sendable (ClaimedJob, ExecutionContext) -> String) async throws -> (wrong: Int, lines: Int)
    {
        let tracer = RecordingTracer()
        let shop = Workshop(tracer: tracer)
        let jobs = Array(repeating: NewJob(kind: "talks", payload: Array("1".utf8)), count: 256)
        let ids = try await shop.queue.enqueue(jobs).map(\.id)
        let barrier = MeetingPoint(parties: 64)
        try await shop.worker(
            Handler(kind: "talks") { job, context in
                for _ in 1...3 {
                    await barrier.arrive()
                    let said = idsOf(job, context)
                    await barrier.arrive()
                    logger.info("\(job.execution) \(said)")
                }
                return nil
            }, change: { $0.concurrency = 64 }
        ).runUntilEmpty(idleTimeout: .zero)
        var spans: [String: FinishedInMemorySpan] = [:]
        for span in tracer.spans(.consumer) { spans[try #require(span.attributes.text("errand.execution.id"))] = span }
        #expect(spans.count == 256)
        var (wrong, lines) = (0, 0)
        for id in ids {
            for record in try await shop.records(of: id) {
                lines += 1
                let words = record.message.split(separator: " ").map(String.init)
                let span = try #require(spans[words[0]])
                let members = try #require(JSONMembers(object: record.jsonLine[...]))
                let isRight =
                    record.identity.executionID?.description == words[0] && members.text("trace_id") == span.traceID
                    && members.text("span_id") == span.spanID && words[1] == "\(span.traceID)/\(span.spanID)"
                if !isRight { wrong += 1 }
            }
        }
        return (wrong, lines)
    }

    @Test func `at concurrency 64 with barriers, every line carries the IDs of its own execution's span`() async throws {
        let (wrong, lines) = try await wrongLines { _, context in
            let ambient = ServiceContext.current?.inMemorySpanContext
            #expect(ambient?.spanID == context.spanID && ambient?.traceID == context.traceID)
            return "\(ambient?.traceID ?? "none")/\(ambient?.spanID ?? "none")"
        }
        #expect(lines == 768)
        #expect(wrong == 0)
    }

    /// What must not be done: the current span in a place that all share.
    private final class SharedCurrent: Sendable {
        private let current = Collected<String>()
        func set(_ value: String) { current.add(value) }
        var value: String { current.values.last ?? "none" }
    }

    @Test func `the same check finds the lines of a current span that all share`() async throws {
        let shared = SharedCurrent()
        let (wrong, lines) = try await wrongLines { _, context in
            // Whoever came last is everybody's "current", read by the next one before it sets its own.
            defer { shared.set("\(context.traceID)/\(context.spanID)") }
            return shared.value
        }
        #expect(lines == 768)
        #expect(wrong > 500, "only \(wrong) of \(lines) were noticed")
    }
}

extension SpanAttributes {
    /// An attribute as text; `nil` when there is none.
    func text(_ name: String) -> String? {
        var found: String?
        forEach { key, value in
            guard key == name else { return }
            switch value {
            case .string(let text): found = text
            case .int64(let number): found = String(number)
            case .int32(let number): found = String(number)
            default: found = "\(value)"
            }
        }
        return found
    }
}
