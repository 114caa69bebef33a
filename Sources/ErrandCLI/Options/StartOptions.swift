// When a single job starts, and what recognises it again, on the command line.

import ArgumentParser
import Errand

/// Start time and idempotency key.
struct StartOptions: ParsableArguments {
    @Option(
        name: .customLong("in"), parsing: .unconditional,
        help: ArgumentHelp("Not before this long from now: 30s, 10m, 1h30m.", valueName: "duration"),
        transform: DurationArgument.read)
    var delay: Duration?

    @Option(
        help: ArgumentHelp(
            "Not before this time: 18:30 (the next), \"2026-05-01 18:30\", RFC 3339. A time in the past is at once.", valueName: "time"))
    var at: String?

    @Option(help: ArgumentHelp("Idempotency key: the same key, kind and payload give the same job.", valueName: "text"))
    var key: String?

    func validate() throws {
        if delay != nil, at != nil { throw ValidationError("Give either --in or --at, not both.") }
    }

    /// `job` with what was asked for.
    /// - Throws: ``Failure`` with status 2 for a text that is no time.
    func apply(to job: inout NewJob, now: Timestamp) throws {
        if let delay { job.runAt = now + delay }
        // A time that has passed means at once, and then the job is due since now and not since long ago.
        if let at { job.runAt = max(now, try TimeReading(now: now).future(at, option: "--at")) }
        job.key = key
    }
}
