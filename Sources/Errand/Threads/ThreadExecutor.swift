// One thread for the worker's own work: its loop, heartbeats and log flushes run on time whatever handlers do to the pool.

/// Runs the jobs of the tasks that prefer it, one after another, on one thread.
package final class ThreadExecutor: TaskExecutor {
    private let monitor = Monitor(State())

    private struct State {
        var jobs: [UnownedJob] = []
        var isStopped = false
    }

    /// Starts a thread with this name.
    package init(name: String) {
        startThread(named: name) { [self] in
            let executor = asUnownedTaskExecutor()
            while true {
                let jobs = monitor.wait { state, _ -> [UnownedJob]? in
                    guard !state.jobs.isEmpty else { return state.isStopped ? [] : nil }
                    defer { state.jobs = [] }
                    return state.jobs
                }
                guard !jobs.isEmpty else { return }
                for job in jobs { job.runSynchronously(on: executor) }
            }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        monitor.signal { $0.jobs.append(job) }
    }

    /// Lets the thread end once it has run what it was given.
    package func stop() { monitor.signal { $0.isStopped = true } }
}
