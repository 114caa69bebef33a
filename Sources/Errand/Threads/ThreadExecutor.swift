// One thread for the worker's own work: its loop, heartbeats and log flushes run on time whatever handlers do to the pool.

/// Runs the jobs of the tasks that prefer it, one after another: on one thread of its own, or on one that is lent (``LentThread``).
package final class ThreadExecutor: TaskExecutor {
    private let monitor = Monitor(State())

    private struct State {
        var jobs: [UnownedJob] = []
        /// Whether a thread, its own or a lent one, runs jobs at the moment.
        var isAtWork = false
        var isStopped = false
    }

    /// How often a lent thread asks for more before it goes its own way: 8 times.
    private static let lentRounds = 8

    /// Starts a thread with this name.
    package init(name: String) {
        startThread(named: name) { [self] in
            while true {
                let hasWork = monitor.wait { state, _ -> Bool? in
                    guard !state.isAtWork else { return nil }
                    state.isAtWork = !state.jobs.isEmpty
                    return state.isAtWork ? true : state.isStopped ? false : nil
                }
                guard hasWork else { return }
                work(rounds: .max)
            }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isAtWork = monitor.withLock { state in
            state.jobs.append(job)
            return state.isAtWork
        }
        // Whoever is at work looks for more before it stops.
        if !isAtWork, !LentThread.takes(self) { monitor.wake() }
    }

    /// Lets the thread end once it has run what it was given.
    package func stop() { monitor.signal { $0.isStopped = true } }

    /// Runs what waits on the calling thread, unless another one is at it.
    func runHere() {
        let hasWork = monitor.withLock { state in
            guard !state.isAtWork else { return false }
            state.isAtWork = !state.jobs.isEmpty
            return state.isAtWork
        }
        if hasWork { work(rounds: ThreadExecutor.lentRounds) }
    }

    /// Runs jobs until there are none, or so many times what had come meanwhile; the thread of its own takes over the rest.
    private func work(rounds: Int) {
        let executor = asUnownedTaskExecutor()
        for round in 0... {
            let (jobs, mustWake) = monitor.withLock { state -> ([UnownedJob], Bool) in
                guard !state.jobs.isEmpty, round < rounds else {
                    state.isAtWork = false
                    return ([], !state.jobs.isEmpty || state.isStopped)
                }
                defer { state.jobs = [] }
                return (state.jobs, false)
            }
            if mustWake { monitor.wake() }
            guard !jobs.isEmpty else { return }
            for job in jobs { job.runSynchronously(on: executor) }
        }
    }
}
