// What goes on when handlers block every thread of the shared pool. One test at a time: two would wait for each other's threads.

import Errand
import ErrandTesting
import Testing

@Suite(.serialized) struct BlockedPoolTests {
    @Test func `timers fire, and threads of our own run, while every pool thread is blocked`() async {
        let executor = ThreadExecutor(name: "test")
        let clock = SystemClock.shared
        await Gate.whileAllPoolThreadsAreBlocked {
            let fired = Semaphore()
            _ = clock.schedule(at: clock.uptime() + .milliseconds(5)) { fired.signal() }
            fired.wait()
            Task.detached(executorPreference: executor) {
                let slept = await clock.sleep(for: .milliseconds(5))
                #expect(slept)
                fired.signal()
            }
            fired.wait()
        }
        executor.stop()
    }
}
