// Cancellation handlers that block: they hold up their own execution at most.

import Errand
import ErrandTesting
import Testing

/// In processes of their own: the runtime holds a lock of the cancelled task while its handler blocks, and with it perhaps one of the two
/// pool threads that other tests here want to themselves.
@Suite(.timeLimit(.minutes(2))) struct BlockingCancellationTests {
    /// Waits for its cancellation; then its handler stands at `gate`.
    private static func hanging(_ gate: Gate, _ started: MeetingPoint, timeout: Duration? = nil) -> Handler {
        Handler(kind: "hangs", timeout: timeout, backoff: Backoff(base: .zero)) { _, _ in
            await started.arrive()
            try await withTaskCancellationHandler {
                try await waitForCancellation()
            } onCancel: {
                gate.block()
            }
            return nil
        }
    }

    @Test func `a worker renews its lease, and takes jobs in, while a cancellation handler blocks`() async {
        await #expect(processExitsWith: .success) {
            let shop = Workshop()
            let id = try await shop.enqueue("hangs")
            let (gate, started) = (Gate(), MeetingPoint(parties: 2))
            let hasRun = Happening()
            let other = Handler(kind: "other") { _, _ in
                await hasRun.happen()
                return nil
            }
            let worker = shop.worker(BlockingCancellationTests.hanging(gate, started), other, change: { $0.lease = .seconds(1) })
            async let run: Void = worker.runUntilEmpty()
            await started.arrive()
            _ = try await shop.model.cancel([id], reason: nil)
            await withCheckedContinuation { continuation in
                startThread(named: "test-witness") {
                    gate.waitUntilBlocked(1)
                    shop.watched.waitForExchanges(2)
                    continuation.resume()
                }
            }
            _ = try await shop.enqueue("other")
            await hasRun.wait()
            gate.open()
            try await run
            let states = try await shop.model.states(of: [id])
            #expect(states == [.cancelled])
        }
    }

    @Test func `a timeout comes while the cancellation handler of another one blocks`() async {
        await #expect(processExitsWith: .success) {
            let shop = Workshop()
            for _ in 0..<2 { _ = try await shop.enqueue("hangs") { $0.maxAttempts = 1 } }
            let (gate, started) = (Gate(), MeetingPoint(parties: 2))
            startThread(named: "test-witness") {
                gate.waitUntilBlocked(2)
                gate.open()
            }
            try await shop.worker(BlockingCancellationTests.hanging(gate, started, timeout: .milliseconds(20))).runUntilEmpty()
            #expect(shop.watched.linesAtReport.count == 2)
        }
    }
}
