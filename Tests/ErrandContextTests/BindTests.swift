// The shapes of callbacks that bind takes: what arrives, what comes back, and as whom they run.

import Dispatch
import ErrandContext
import Testing

private struct Oops: Error {}

private struct Failed: Error, Equatable { var id: ExecutionID }

private func current() -> ExecutionID? { ExecutionContext.current?.executionID }

/// The sum, and who computed it.
private func summed(_ numbers: Int...) async -> String {
    await Task.yield()
    return "\(numbers.reduce(0, +)) as \(ExecutionContext.current?.description ?? "nobody")"
}

private func fail() async throws {
    await Task.yield()
    if let context = ExecutionContext.current { throw Failed(id: context.executionID) }
}

struct BindTests {
    private let context = makeContext(1)
    private let other = makeContext(2)

    @Test func `a completion handler with three arguments gets them all, as the one who registered it`() async {
        let seen: (Int, String?, Bool, ExecutionID?) = await withCheckedContinuation { continuation in
            let completion = context.runHere {
                ExecutionContext.bind { (count: Int, text: String?, error: (any Error)?) in
                    continuation.resume(returning: (count, text, error is Oops, current()))
                }
            }
            DispatchQueue.global().async { completion(3, "text", Oops()) }
        }
        #expect(seen.0 == 3 && seen.1 == "text" && seen.2 && seen.3 == context.executionID)
    }

    @Test func `types of arguments are found from the place that takes the callback`() async {
        let seen: ExecutionID? = await withCheckedContinuation { continuation in
            context.runHere {
                fetch(
                    ExecutionContext.bind { result, _ in
                        guard case .success(5) = result else { return continuation.resume(returning: nil) }
                        continuation.resume(returning: current())
                    })
            }
        }
        #expect(seen == context.executionID)
    }

    private func fetch(_ completion: @escaping @Sendable (Result<Int, any Error>, String) -> Void) {
        DispatchQueue.global().async { completion(.success(5), "") }
    }

    @Test func `a callback that is not Sendable may capture what is local`() async throws {
        final class Count { var value = 0 }
        let count = Count()
        let add = context.runHere { ExecutionContext.bindNonSendable { (more: Int) in count.value += current() == nil ? 0 : more } }
        let fail = context.runHere { ExecutionContext.bindNonSendable { (_: Int) throws -> Void in throw Oops() } }
        add(2)
        #expect(throws: Oops.self) { try fail(1) }
        add(3)
        #expect(count.value == 5)
    }

    @MainActor @Test func `a callback of the main actor stays there`() async {
        let bound = context.runHere { ExecutionContext.bindMainActor { (text: String) in (text, current()) } }
        let seen = await Task.detached { await bound("x") }.value
        #expect(seen.0 == "x" && seen.1 == context.executionID)
        #expect(bound("y").1 == context.executionID)
    }

    @Test func `a callback that waits takes up to four arguments`() async throws {
        let none = context.runHere { ExecutionContext.bind { @Sendable () async in await summed() } }
        let one = context.runHere { ExecutionContext.bind { @Sendable (a: Int) async in await summed(a) } }
        let two = context.runHere { ExecutionContext.bind { @Sendable (a: Int, b: Int) async in await summed(a, b) } }
        let three = context.runHere { ExecutionContext.bind { @Sendable (a: Int, b: Int, c: Int) async in await summed(a, b, c) } }
        let four = context.runHere {
            ExecutionContext.bind { @Sendable (a: Int, b: Int, c: Int, d: Int) async in await summed(a, b, c, d) }
        }
        await other.run {
            #expect(await none() == "0 as \(context)")
            #expect(await one(1) == "1 as \(context)")
            #expect(await two(1, 2) == "3 as \(context)")
            #expect(await three(1, 2, 3) == "6 as \(context)")
            #expect(await four(1, 2, 3, 4) == "10 as \(context)")
            #expect(current() == other.executionID)
        }
    }

    @Test func `a callback that waits may throw, with up to four arguments`() async throws {
        let none = context.runHere { ExecutionContext.bind { @Sendable () async throws in try await fail() } }
        let one = context.runHere { ExecutionContext.bind { @Sendable (_: Int) async throws in try await fail() } }
        let two = context.runHere { ExecutionContext.bind { @Sendable (_: Int, _: Int) async throws in try await fail() } }
        let three = context.runHere { ExecutionContext.bind { @Sendable (_: Int, _: Int, _: Int) async throws in try await fail() } }
        let four = context.runHere {
            ExecutionContext.bind { @Sendable (_: Int, _: Int, _: Int, _: Int) async throws in try await fail() }
        }
        let expected = Failed(id: context.executionID)
        await #expect(throws: expected) { try await none() }
        await #expect(throws: expected) { try await one(1) }
        await #expect(throws: expected) { try await two(1, 2) }
        await #expect(throws: expected) { try await three(1, 2, 3) }
        await #expect(throws: expected) { try await four(1, 2, 3, 4) }
        #expect(current() == nil)
    }

    @Test func `a bound detached task runs as who started it, and keeps its result or error`() async throws {
        let (value, error) = context.runHere {
            (Task.detachedBound { await summed(1) }, Task.detachedBound { () async throws -> Int in throw Oops() })
        }
        #expect(await value.value == "1 as \(context)")
        await #expect(throws: Oops.self) { try await error.value }
    }
}
