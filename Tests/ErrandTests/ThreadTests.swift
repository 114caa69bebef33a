// Time and threads of our own: on time whatever the pool does.

import Errand
import ErrandTesting
import Glibc
import Synchronization
import Testing

struct ThreadTests {
    @Test func `timers fire in the order of their times`() async {
        let clock = SystemClock.shared
        let start = clock.uptime() + .milliseconds(20)
        let order = Journal()
        await withCheckedContinuation { continuation in
            _ = clock.schedule(at: start + .milliseconds(3)) {
                order.note(3)
                continuation.resume()
            }
            _ = clock.schedule(at: start + .milliseconds(1)) { order.note(1) }
            _ = clock.schedule(at: start + .milliseconds(2)) { order.note(2) }
            _ = clock.schedule(at: start + .milliseconds(1)) { order.note(11) }
        }
        #expect(order.noted == [1, 11, 2, 3])
    }

    @Test func `where no further thread is to be had, cancellations happen all the same`() async {
        await #expect(processExitsWith: .success) {
            let clock = ManualClock()
            // No address space has room for such a stack, so that every further thread is refused.
            let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
            defer { attributes.deallocate() }
            pthread_attr_init(attributes)
            #expect(pthread_attr_setstacksize(attributes, 1 << 50) == 0)
            // Glibc's import lacks it. The type is pthread.h's: int pthread_setattr_default_np(const pthread_attr_t *).
            let function = try #require(dlsym(nil, "pthread_setattr_default_np"))
            typealias SetDefaults = @convention(c) (UnsafePointer<pthread_attr_t>) -> Int32
            #expect(unsafeBitCast(function, to: SetDefaults.self)(attributes) == 0)
            let refused = OwnThread.startIfPossible(name: "test-refused") {}
            #expect(refused == nil)
            let began = Happening()
            let wasCancelled = Happening()
            let late = Task {
                await clock.run(within: .seconds(1)) {
                    await began.happen()
                    do { try await waitForCancellation() } catch { await wasCancelled.happen() }
                }
            }
            await began.wait()
            while clock.pendingTimers == 0 { await Task.yield() }
            clock.advance(by: .seconds(1))
            #expect(await late.value == false)
            await wasCancelled.wait()
        }
    }

    @Test func `a cancelled timer does not fire`() async {
        let clock = SystemClock.shared
        let fired = Journal()
        let start = clock.uptime() + .milliseconds(10)
        clock.schedule(at: start) { fired.note(1) }.cancel()
        await withCheckedContinuation { continuation in
            _ = clock.schedule(at: start + .microseconds(1)) { continuation.resume() }
        }
        #expect(fired.noted == [])
    }

    @Test func `timers that were cancelled are not kept until their time`() async {
        let timers = TimerThread()
        let hour = SystemClock.shared.uptime() + .seconds(3600)
        let fired = Journal()
        for number in 0..<100_000 {
            let timer = timers.schedule(at: hour) { fired.note(-1) }
            if number % 1000 == 0 { _ = timers.schedule(at: .zero) { fired.note(number) } }
            timer.cancel()
        }
        #expect(timers.kept < 2500)
        await withCheckedContinuation { continuation in _ = timers.schedule(at: .zero) { continuation.resume() } }
        #expect(fired.noted == Array(stride(from: 0, to: 100_000, by: 1000)))
    }

    @Test func `a sleep lasts until the clock has come there`() async {
        let clock = ManualClock()
        async let slept = clock.sleep(for: .seconds(10))
        while clock.pendingTimers == 0 { await Task.yield() }
        clock.advance(by: .milliseconds(9999))
        #expect(clock.pendingTimers == 1)
        clock.advance(by: .milliseconds(1))
        #expect(await slept)
    }

    @Test func `a cancelled sleep ends at once, says so, and takes its timer back`() async {
        let clock = ManualClock()
        let sleeper = Task { await clock.sleep(for: .seconds(10)) }
        while clock.pendingTimers == 0 { await Task.yield() }
        sleeper.cancel()
        #expect(await !sleeper.value)
        #expect(clock.pendingTimers == 0)
    }

    @Test func `a sleep in a cancelled task does not begin`() async {
        let clock = ManualClock()
        let barrier = MeetingPoint(parties: 2)
        let sleeper = Task {
            await barrier.arrive()
            return await clock.sleep(for: .seconds(10))
        }
        sleeper.cancel()
        await barrier.arrive()
        #expect(await !sleeper.value)
        #expect(clock.pendingTimers == 0)
    }

    @Test func `the clocks go forward`() {
        let clock = SystemClock.shared
        let before = clock.uptime()
        #expect(clock.uptime() >= before)
        #expect(before > .zero)
        #expect(clock.now() > Timestamp("2025-01-01T00:00:00Z") ?? Timestamp(microseconds: .max))
    }

    @Test func `a thread of our own runs its tasks one after another, in order`() async {
        let executor = ThreadExecutor(name: "test-order")
        let order = Journal()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<100 { group.addTask(executorPreference: executor) { order.note(number) } }
        }
        #expect(order.noted == Array(0..<100))
        executor.stop()
    }
}

/// Notes numbers in order, from any thread.
final class Journal: Sendable {
    private let state = Mutex<[Int]>([])

    var noted: [Int] { state.withLock { $0 } }

    func note(_ number: Int) { state.withLock { $0.append(number) } }
}
