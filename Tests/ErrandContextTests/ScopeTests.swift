// What survives by itself, what must be bound, and what a scope replaces and restores.

import Dispatch
import Errand
import ErrandContext
import ErrandTesting
import Logging
import ServiceContextModule
import Testing

private enum SpanKey: ServiceContextKey { typealias Value = String }

private actor Somewhere {
    func current() -> ExecutionID? { ExecutionContext.current?.executionID }
    func call<Result: Sendable>(_ body: @Sendable () async -> Result) async -> Result { await body() }
}

private func current() -> ExecutionID? { ExecutionContext.current?.executionID }

private func currentAfterHop() async -> ExecutionID? {
    await Task.yield()
    return current()
}

private func onDispatchQueue<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in DispatchQueue.global().async { continuation.resume(returning: body()) } }
}

struct ScopeTests {
    init() { TestLogCapture.install() }

    @Test func `nothing is current outside`() async {
        #expect(ExecutionContext.current == nil)
        #expect(ExecutionContext.capture().executionID == nil)
    }

    @Test func `await, async let, task groups, tasks and actors keep the execution`() async {
        let context = makeContext()
        let id = context.executionID
        await context.run {
            #expect(current() == id)
            #expect(await currentAfterHop() == id)
            async let child = currentAfterHop()
            #expect(await child == id)
            await withTaskGroup(of: ExecutionID?.self) { group in
                for _ in 0..<8 { group.addTask { await currentAfterHop() } }
                for await found in group { #expect(found == id) }
            }
            #expect(await Task { await currentAfterHop() }.value == id)
            #expect(await Somewhere().current() == id)
            #expect(await Somewhere().call { await currentAfterHop() } == id)
        }
        #expect(current() == nil)
    }

    @Test func `a task that outlives the scope keeps the execution`() async {
        let context = makeContext()
        let barrier = MeetingPoint(parties: 2)
        let escaped = await context.run {
            Task {
                await barrier.arrive()
                return current()
            }
        }
        await barrier.arrive()
        #expect(await escaped.value == context.executionID)
    }

    @Test func `a nested scope that is entered from elsewhere takes nothing of that place along`() async {
        let (own, other) = (makeContext(1), makeContext(2))
        var service = ServiceContext.topLevel
        service[SpanKey.self] = "other's span"
        await other.run(from: service) {
            #expect(ServiceContext.current?[SpanKey.self] == "other's span")
            own.with(metadata: [:]) {
                #expect(current() == own.executionID)
                #expect(ServiceContext.current?[SpanKey.self] == nil)
            }
            await own.with(metadata: [:]) {
                await Task.yield()
                #expect(ServiceContext.current?[SpanKey.self] == nil)
            }
            other.with(metadata: [:]) { #expect(ServiceContext.current?[SpanKey.self] == "other's span") }
        }
    }

    @Test func `a scope ends with an error as well`() async {
        struct Oops: Error {}
        await #expect(throws: Oops.self) { try await makeContext().run { throw Oops() } }
        #expect(current() == nil)
    }

    @Test func `detached tasks, threads and queues know nothing`() async {
        await makeContext().run {
            #expect(await Task.detached { current() }.value == nil)
            #expect(await onNewThread { current() } == nil)
            #expect(await onDispatchQueue { current() } == nil)
        }
    }

    @Test func `bind repairs each of those`() async {
        let context = makeContext()
        let bound = await context.run { ExecutionContext.bind { current() } }
        let id = context.executionID
        #expect(await Task.detached { bound() }.value == id)
        #expect(await onNewThread { bound() } == id)
        #expect(await onDispatchQueue { bound() } == id)
        #expect(current() == nil)
    }

    @Test func `bind carries arguments, results and errors, waiting or not`() async throws {
        struct Oops: Error {}
        let context = makeContext()
        let id = context.executionID
        let none = await context.run { ExecutionContext.bind { @Sendable in current() } }
        let two = await context.run { ExecutionContext.bind { @Sendable (a: Int, b: String) in "\(a)\(b) \(current() == id)" } }
        let throwing = await context.run { ExecutionContext.bind { @Sendable (fails: Bool) throws in if fails { throw Oops() } } }
        let waiting = await context.run { ExecutionContext.bind { @Sendable () async throws in await currentAfterHop() } }
        let waitingForOne = await context.run {
            ExecutionContext.bind { @Sendable (a: Int) async throws in await currentAfterHop() == id ? a : 0 }
        }
        let waitingForTwo = await context.run {
            ExecutionContext.bind { @Sendable (a: Int, b: Int) async throws in await currentAfterHop() == id ? a + b : 0 }
        }
        #expect(none() == id)
        #expect(two(1, "x") == "1x true")
        #expect(throws: Oops.self) { try throwing(true) }
        try throwing(false)
        #expect(try await waiting() == id)
        #expect(try await waitingForOne(5) == 5)
        #expect(try await waitingForTwo(5, 6) == 11)
    }

    @Test func `a bound callback that another execution fires is still its own`() async {
        let first = makeContext(1)
        let second = makeContext(2)
        let bound = await first.run { ExecutionContext.bind { @Sendable in current() } }
        await second.run {
            #expect(bound() == first.executionID)
            #expect(current() == second.executionID)
        }
    }

    @Test func `what was bound outside stays outside`() async {
        let bound = ExecutionContext.bind { @Sendable in current() }
        await makeContext().run { #expect(bound() == nil) }
    }

    @Test func `a snapshot restores service context and current logger too`() async {
        let context = makeContext()
        let snapshot = await context.run {
            var service = ServiceContext.current ?? .topLevel
            service[SpanKey.self] = "span"
            return ServiceContext.$current.withValue(service) { ExecutionContext.capture() }
        }
        #expect(snapshot.executionID == context.executionID)
        await onDispatchQueue {
            snapshot.run {
                #expect(ServiceContext.current?[SpanKey.self] == "span")
                Logger.current.info("from afar")
            }
        }
        #expect(ServiceContext.current?[SpanKey.self] == nil)
        #expect(takeLines(of: context).count == 1)
    }

    @Test func `a root scope replaces what surrounds it`() async throws {
        var service = ServiceContext.topLevel
        service[SpanKey.self] = "the worker's span"
        let outer = makeContext(1)
        let inner = makeContext(2)
        await outer.run {
            await ServiceContext.$current.withValue(service) {
                await inner.run {
                    #expect(ServiceContext.current?[SpanKey.self] == nil)
                    #expect(current() == inner.executionID)
                    Logger.current.info("here")
                }
                #expect(ServiceContext.current?[SpanKey.self] == "the worker's span")
            }
            #expect(current() == outer.executionID)
            Logger.current.info("there")
        }
        #expect(try takeRecords(of: inner).map(\.message) == ["here"])
        #expect(try takeRecords(of: inner).isEmpty)
        let records = try takeRecords(of: outer)
        #expect(records.map(\.message) == ["there"])
        #expect(records.map(\.flags) == [[]])
    }

    @Test func `none leaves the execution, with all three carriers, and returns to it`() async {
        let context = makeContext()
        await context.run {
            await ExecutionContext.none {
                #expect(current() == nil)
                #expect(await Task { current() }.value == nil)
                #expect(ServiceContext.current == nil)
                Logger.current.info("outside")
            }
            #expect(ExecutionContext.none { current() } == nil)
            #expect(current() == context.executionID)
        }
        #expect(takeLines(of: context).isEmpty)
    }

    @Test func `nested metadata is added, the inner wins, and the outer returns`() async throws {
        let context = makeContext()
        let logger = Logger(label: "nested")
        await context.run {
            await context.with(metadata: ["a": "outer", "b": "outer"]) {
                await Task.yield()
                let here = ExecutionContext.current
                here?.with(metadata: ["b": "inner"]) {
                    logger.info("1")
                    Logger.current.info("2")
                    context.logger.info("3")
                }
                logger.info("4")
            }
            logger.info("5")
        }
        let records = try takeRecords(of: context)
        #expect(records.map { $0.value("a") } == ["outer", "outer", "outer", "outer", nil])
        #expect(records.map { $0.value("b") } == ["inner", "inner", "inner", "outer", nil])
        #expect(records.map(\.seq) == [1, 2, 3, 4, 5])
        #expect(records.allSatisfy { $0.flags == [] })
    }

    @Test func `a nested scope keeps what tracing put there, and ends with an error too`() async {
        struct Oops: Error {}
        let context = makeContext()
        await context.run {
            var service = ServiceContext.current ?? .topLevel
            service[SpanKey.self] = "span"
            ServiceContext.$current.withValue(service) {
                context.with(metadata: ["a": "1"]) { #expect(ServiceContext.current?[SpanKey.self] == "span") }
                #expect(throws: Oops.self) { try context.with(metadata: ["a": "1"]) { throw Oops() } }
            }
            #expect(ExecutionContext.current?.metadata == [:])
        }
    }

    @Test func `the identity says where the job comes from`() {
        let parent = ExecutionID(JobID(rawValue: 7), 2)
        let root = ExecutionID(JobID(rawValue: 3), 1)
        let child = makeContext(9, ordinal: 4, parent: parent, root: root)
        #expect((child.parentExecutionID, child.rootExecutionID) == (parent, root))
        #expect((child.leaseToken, child.jobID) == (4, JobID(rawValue: 9)))
        #expect(makeContext(9, ordinal: 4).rootExecutionID == child.executionID)
        #expect(makeContext(9, ordinal: 4).traceID == child.traceID)
        #expect(makeContext(9, ordinal: 5).spanID != child.spanID)
        #expect(child.description == "\(child.executionID)")
    }
}
