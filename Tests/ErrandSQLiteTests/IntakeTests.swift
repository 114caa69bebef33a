// The brake for enqueues: what waits for a slow disk or a held lock is bounded.

import CErrand
import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite(.timeLimit(.minutes(5))) struct IntakeTests {
    /// Waits until so many callers stand outside.
    private func until(_ waiting: Int, at intake: Intake) async {
        while intake.waiting != waiting { await Task.yield() }
    }

    @Test func `64 MiB of payload wait for the writer, one byte more waits outside until there is room`() async {
        let intake = Intake()
        let outside = await intake.admit(bytes: Intake.bytes - 1) {
            await intake.admit(bytes: 1) {}
            let late = Task { await intake.admit(bytes: 2) {} }
            await until(1, at: intake)
            // Whoever came later does not slip past, even if it is small enough.
            let later = Task { await intake.admit(bytes: 0) {} }
            await until(2, at: intake)
            return [late, later]
        }
        for caller in outside { await caller.value }
    }

    @Test func `10,000 calls wait for the writer, and not one more`() async {
        let intake = Intake()
        func nest(_ calls: Int) async {
            await withTaskGroup(of: Void.self) { group in
                let gate = AsyncStream<Void>.makeStream()
                let entered = AsyncStream<Void>.makeStream()
                for _ in 0..<calls {
                    group.addTask {
                        await intake.admit(bytes: 0) {
                            entered.continuation.yield()
                            for await _ in gate.stream {}
                        }
                    }
                }
                var inside = 0
                for await _ in entered.stream {
                    inside += 1
                    if inside == Intake.calls { break }
                }
                await until(calls - Intake.calls, at: intake)
                gate.continuation.finish()
            }
        }
        await nest(Intake.calls + 1)
        #expect(intake.waiting == 0)
    }

    @Test func `a call that is larger than the bound goes in when it is alone`() async {
        let intake = Intake()
        let other = await intake.admit(bytes: Intake.bytes + 1) {
            let other = Task { await intake.admit(bytes: 0) {} }
            await until(1, at: intake)
            return other
        }
        await other.value
        #expect(intake.waiting == 0)
    }

    @Test func `enqueues beyond the bound wait while the lock is held, and all are taken in afterwards`() async throws {
        let store = try TestStore(patient: true)
        let file = Glibc.open("\(store.directory.path)/lock", O_RDWR | O_CLOEXEC)
        #expect(errand_lock_take(file, 0, 0) == 0)
        let payload = Array("\"".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: Limits.payloadBytes - 2) + Array("\"".utf8)
        let core = store.sqlite.core
        let calls = Intake.bytes / Limits.payloadBytes + 3
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<calls { group.addTask { _ = try await store.enqueue { $0.payload = payload } } }
            await until(3, at: core.intake)
            #expect(core.queue.waiting + core.queue.taken <= calls - 3)
            close(file)
            try await group.waitForAll()
        }
        #expect(try await store.inspection.stats().counts.reduce(0) { $0 + $1.jobs } == calls)
    }
}
