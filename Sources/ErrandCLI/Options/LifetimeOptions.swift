// How long a job is worth running, on the command line.

import ArgumentParser
import Errand

/// Expiry and deadline.
struct LifetimeOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Cancel the job, with the reason \"expired\", unless it has started so long from now.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var expires: Duration?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The job must have ended so long from now, all attempts together: it is stopped then, and dead with the reason \"deadline\".",
            valueName: "duration"),
        transform: DurationArgument.readPositive)
    var deadline: Duration?

    /// `job` with what was asked for.
    func apply(to job: inout NewJob, now: Timestamp) {
        if let expires { job.terms.expiresAt = now + expires }
        if let deadline { job.terms.deadline = now + deadline }
    }
}
