// When a periodic job is due, on the command line.

import ArgumentParser
import Errand

/// A cron line in a zone, or an interval.
struct TimingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Minute, hour, day, month, weekday, with seconds first if there are six: \"0 3 * * *\", \"*/15 9-17 * * MON-FRI\", @daily.",
            valueName: "line"))
    var cron: String?

    @Option(
        help: ArgumentHelp("Whose clock --cron means: an IANA zone such as Europe/Berlin. Default: UTC.", valueName: "zone"),
        completion: .zones)
    var tz: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Once in so long: 30s, 10m, 1d; counted from --starts, or 1970.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var every: Duration?

    func validate() throws {
        if cron != nil, every != nil { throw ValidationError("Give either --cron or --every, not both.") }
        if tz != nil, cron == nil { throw ValidationError("--tz says whose clock --cron means: give that too.") }
    }

    /// What was asked for; `nil` when nothing was.
    var timing: PeriodicJob.Timing? { cron.map { .cron($0, zone: tz ?? "UTC") } ?? every.map { .every($0) } }
}

extension CompletionKind {
    /// IANA time zones.
    static var zones: CompletionKind { .custom { _, _, _ in ScheduleZone.names() } }
    /// Names of periodic jobs.
    static var periodicJobs: CompletionKind { .custom { _, _, _ in LiveCandidates.current.periodic } }
}
