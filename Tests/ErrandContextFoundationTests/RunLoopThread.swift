// A thread with a run loop, which runs the timers and blocks of many jobs.

import ErrandContextFoundation
import ErrandTesting
import Foundation

/// Runs what so many jobs have handed in, once all have, on a thread of its own.
///
/// Handing in something does not wake a run loop of Foundation's on Linux: hence the run begins when nothing more comes.
///
/// `@unchecked Sendable`: `loop` is set once before `init` returns; adding timers and blocks is locked by Core Foundation.
final class RunLoopThread: @unchecked Sendable {
    private let loop: RunLoop
    private let handedIn = DispatchSemaphore(value: 0)
    private let spoken = Tally()

    private final class Box: @unchecked Sendable {
        // Written before the semaphore is signalled, read after the wait for it.
        var loop: RunLoop?
    }

    /// Starts the thread.
    init(jobs: Int) {
        let box = Box()
        let isReady = DispatchSemaphore(value: 0)
        Thread.detachNewThread { [handedIn, spoken] in
            let loop = RunLoop.current
            // A run loop that has nothing to wait for does not wait.
            loop.add(Timer(timeInterval: 3600, repeats: true) { _ in }, forMode: .default)
            box.loop = loop
            isReady.signal()
            for _ in 0..<jobs { handedIn.wait() }
            // A run ends at its limit only: timers do not end it.
            while spoken.count < jobs { _ = loop.run(mode: .default, before: Date(timeIntervalSinceNow: 0.01)) }
        }
        isReady.wait()
        loop = box.loop!
    }

    /// Lets `player` hand in something for the loop, and returns when it has spoken.
    func serve(_ player: Player, _ handIn: (RunLoop) -> Void) async {
        handIn(loop)
        handedIn.signal()
        await player.hasSpoken(1)
        spoken.add()
    }
}
