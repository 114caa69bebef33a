// What a periodic job must look like to be set.

import ErrandSchedules

/// The rules for periodic jobs.
public enum PeriodicRules {
    /// How much later than its slot a run may start by chance: up to a day.
    public static let longestJitter = Duration.seconds(86_400)
    /// How many missed slots may be made up for: 1 to 1,000.
    public static let catchUp = 1...1000
    /// How many periodic jobs a store has at most: 10,000.
    public static let count = 10_000

    /// What is wrong with `periodic`, or `nil` when it may be set.
    /// - Parameter now: A slot must come after this; `nil` is for whoever sets it whether or not it is over, as a file does that
    ///   outlives its periodic jobs.
    public static func problem(with periodic: PeriodicJob, now: Timestamp?) -> String? {
        JobRules.nameProblem(periodic.name, what: "periodic job")
            ?? timingProblem(with: periodic, now: now)
            ?? jobProblem(with: periodic)
            ?? meetingProblem(with: periodic)
    }

    private static func timingProblem(with periodic: PeriodicJob, now: Timestamp?) -> String? {
        for (time, what) in [(periodic.startsAt, "start"), (periodic.endsAt, "end")] {
            if let time, let problem = JobRules.timeProblem(time) { return "the \(what): \(problem)" }
        }
        if let start = periodic.startsAt, let end = periodic.endsAt, end < start {
            return "it ends at \(end), before it starts at \(start): set a later end, or an earlier start"
        }
        if periodic.jitter < .zero || periodic.jitter > longestJitter {
            return "the jitter \(DurationText.format(periodic.jitter)) is outside of 0 … 1d"
        }
        do throws(ScheduleProblem) {
            let start = now ?? Timestamp(microseconds: 0)
            if let first = try periodic.nextSlot(after: start) {
                guard let second = try periodic.nextSlot(after: first), periodic.jitter >= second - first, periodic.jitter > .zero else {
                    return nil
                }
                return
                    "the jitter \(DurationText.format(periodic.jitter)) is not shorter than the time between two slots, \(DurationText.format(second - first)): runs would pass each other"
            }
            let end = periodic.endsAt.map { "its end at \($0)" } ?? "the year 2200"
            return "no slot ever comes: there is none between \(max(start, periodic.startsAt ?? start)) and \(end)"
        } catch {
            return error.description
        }
    }

    private static func jobProblem(with periodic: PeriodicJob) -> String? {
        let job = periodic.job
        if job.runAt != nil { return "a periodic job starts at its slots: leave the start time out" }
        for name in [PeriodicJob.metaName, PeriodicJob.metaSlot] where job.meta[name] != nil {
            return "each run carries its own \"\(name)\" in meta: choose another name"
        }
        if job.key != nil { return "an idempotency key stands for one job, and a periodic one is enqueued again and again: leave it out" }
        if job.terms.expiresAt != nil || job.terms.deadline != nil {
            return "the runs of a periodic job expire after their slots: say after how long, not when"
        }
        for (duration, what) in [(periodic.expires, "expiry"), (periodic.deadline, "deadline")] {
            if let duration, let problem = JobRules.durationProblem(duration, what: what) { return problem }
        }
        if case .debounce = job.terms.uniqueness?.onConflict {
            return "the runs of a periodic job start at their slots, and a debounced job waits for a delay: choose another way"
        }
        // As it is enqueued for a slot.
        return JobRules.problem(with: periodic.run(at: Timestamp(microseconds: 0)))
    }

    private static func meetingProblem(with periodic: PeriodicJob) -> String? {
        if case .all(let limit) = periodic.missed, !catchUp.contains(limit) {
            return "\(limit) missed slots to make up for is outside of \(catchUp.lowerBound) … \(catchUp.upperBound)"
        }
        guard periodic.overlap != .allow else { return nil }
        if case .all = periodic.missed {
            return
                "\"overlap: \(periodic.overlap.rawValue)\" lets one run wait at most, and \"missed: all\" makes up for many at once: say missed: latest, or overlap: allow"
        }
        guard periodic.job.terms.uniqueness != nil else { return nil }
        return "\"overlap: \(periodic.overlap.rawValue)\" makes the runs unique among themselves: leave the job's own unique key out"
    }
}
