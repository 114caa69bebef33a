// A worker whose handlers crash when the job says so: the crash tests' victim.

import Errand
import ErrandCLI
import ErrandContext

/// What a job of kind `crash` asks for.
struct Crash: Job {
    static let kind = "crash"
    /// How many executions must have begun before anybody goes on.
    var party: Int
    /// How this one crashes; the others do not.
    var how: Trap?
    /// Where it crashes.
    var place: Place?
    /// Whether it crashes in every execution, not only in the first.
    var always: Bool?
}

@main struct App: ErrandApp {
    private static let barrier = Barrier()

    var handlers: [Handler] {
        Handler(Crash.self, backoff: Backoff(base: .milliseconds(20))) { job, context in
            // Only the first execution is part of the party: what comes after the crash runs alone.
            if context.leaseToken == 1 {
                await App.barrier.wait(for: job.party)
            } else if job.always != true {
                return
            }
            if let how = job.how {
                await (job.place ?? .handler).run(how)
            } else {
                // In flight, as all others are, until the process dies.
                await App.barrier.waitForEver()
            }
        }
    }
}
