// Values that travel with who made them: through streams, mailboxes and batches.

import ErrandContext
import ErrandTesting
import Logging
import Testing

private func current() -> ExecutionID? { ExecutionContext.current?.executionID }

struct CarriedTests {
    private struct Oops: Error {}
    private let contexts = (1...3).map { makeContext(Int64($0)) }

    @Test func `each element of a stream is handled as the execution that yielded it`() async {
        let (stream, continuation) = AsyncStream<Carried<Int>>.makeStream()
        for (number, context) in contexts.enumerated() { context.runHere { _ = continuation.yieldBound(number) } }
        continuation.yieldBound(99)
        continuation.finish()
        await makeContext(9).run {
            var seen: [ExecutionID?] = []
            for await item in stream {
                seen.append(item.run { number in number < 3 && contexts[number].executionID != current() ? nil : current() })
                #expect(current() == makeContext(9).executionID)
            }
            #expect(seen == contexts.map(\.executionID) + [nil])
        }
    }

    @Test func `forEachBound runs the body as each element's maker`() async {
        let (stream, continuation) = AsyncStream<Carried<Int>>.makeStream()
        for (number, context) in contexts.enumerated() { context.runHere { _ = continuation.yieldBound(number) } }
        continuation.finish()
        var seen: [ExecutionID?] = []
        await stream.forEachBound { number in
            await Task.yield()
            #expect(contexts[number].executionID == current())
            seen.append(current())
        }
        #expect(seen == contexts.map(\.executionID))
    }

    @Test func `a stream that throws, and a body that throws, end the iteration`() async {
        let (stream, continuation) = AsyncThrowingStream<Carried<Int>, any Error>.makeStream()
        contexts[0].runHere { _ = continuation.yieldBound(1) }
        continuation.finish(throwing: Oops())
        var seen: [ExecutionID?] = []
        await #expect(throws: Oops.self) { try await stream.forEachBound { _ in seen.append(current()) } }
        #expect(seen == [contexts[0].executionID])

        let (endless, producer) = AsyncStream<Carried<Int>>.makeStream()
        producer.yieldBound(1)
        await #expect(throws: Oops.self) { try await endless.forEachBound { _ in throw Oops() } }
    }

    @Test func `the end of a stream is told to the one who asked, not to the one who ended it`() async {
        let (ended, announce) = AsyncStream<ExecutionID?>.makeStream()
        let (_, plain) = AsyncStream<Int>.makeStream()
        let (_, throwing) = AsyncThrowingStream<Int, any Error>.makeStream()
        contexts[0].runHere { plain.onTerminationBound { _ in announce.yield(current()) } }
        contexts[1].runHere { throwing.onTerminationBound { _ in announce.yield(current()) } }
        contexts[2].runHere {
            plain.finish()
            throwing.finish()
        }
        announce.finish()
        var seen: [ExecutionID?] = []
        for await id in ended { seen.append(id) }
        #expect(seen == [contexts[0].executionID, contexts[1].executionID])
    }

    @Test func `a carried value is what it was, and knows its maker`() {
        let carried = contexts[1].runHere { Carried(7) }
        #expect((carried.value, carried.executionID) == (7, contexts[1].executionID))
        #expect(carried.run { $0 + 1 } == 8)
        #expect(throws: Oops.self) { try carried.run { _ in throw Oops() } }
        #expect(Carried("outside").executionID == nil)
    }
}
