// Cancellation handlers run on the canceller's thread: what they log must be the cancelled execution's all the same.

import ErrandContext
import ErrandTesting
import Logging
import Testing

@testable import Errand

private let logger: Logger = {
    TestLogCapture.install()
    return Logger(label: "library")
}()

@Suite(.timeLimit(.minutes(2))) struct CancelScopeTests {
    /// Waits until it is cancelled; its cancellation handler is a library's, which binds nothing.
    private static func hang(as id: ExecutionID, _ started: Happening) async throws {
        await withTaskCancellationHandler {
            await started.happen()
            do {
                try await waitForCancellation()
            } catch {
                // Cancelled, as the test wants.
            }
        } onCancel: {
            logger.info("\(id) onCancel")
        }
        try Task.checkCancellation()
    }

    @Test func `an unbound cancellation handler belongs to its execution when somebody cancels the job`() async throws {
        let shop = Workshop()
        let id = try await shop.enqueue("hangs")
        let started = Happening()
        let worker = shop.worker(
            Handler(kind: "hangs") { job, _ in
                try await CancelScopeTests.hang(as: job.execution, started)
                return nil
            })
        async let run: Void = worker.runUntilEmpty()
        await started.wait()
        _ = try await shop.model.cancel([id], reason: "enough")
        try await run
        try await expectOwn(id, in: shop)
    }

    @Test func `an unbound cancellation handler belongs to its execution when the timeout comes`() async throws {
        let clock = ManualClock()
        let shop = Workshop(clock: clock)
        let id = try await shop.enqueue("hangs") { $0.maxAttempts = 1 }
        let started = Happening()
        let worker = shop.worker(
            Handler(kind: "hangs", timeout: .seconds(5)) { job, _ in
                try await CancelScopeTests.hang(as: job.execution, started)
                return nil
            })
        async let run: Void = worker.runUntilEmpty()
        await started.wait()
        clock.advance(by: .seconds(5))
        try await run
        try await expectOwn(id, in: shop)
    }

    @Test func `a cancellation that comes before the scope opens happens when it does`() async {
        let signal = CancelSignal()
        let mayOpen = Happening()
        let seen = Collected<Bool>()
        let task = Task {
            await mayOpen.wait()
            seen.add(Task.isCancelled)
            signal.open()
            seen.add(Task.isCancelled)
            signal.close()
        }
        signal.cancelHere(task)
        await mayOpen.happen()
        await task.value
        #expect(seen.values == [false, true])
    }

    private func expectOwn(_ id: JobID, in shop: Workshop) async throws {
        let records = try await shop.records(of: id).filter { $0.stream == .log }
        #expect(records.map(\.message) == ["\(ExecutionID(id, 1)) onCancel"])
        #expect(records.map(\.flags) == [[]])
    }
}
