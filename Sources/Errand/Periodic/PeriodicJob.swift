// A job that is enqueued again and again: when, what, and what becomes of runs that meet or are missed.

public import ErrandSchedules

/// A rule by which a job is enqueued again and again, once for each slot of its schedule, by whichever worker leads.
///
/// ```swift
/// var nightly = PeriodicJob("nightly", .cron("0 3 * * *", zone: "Europe/Berlin"), try queue.newJob(Report(full: true)))
/// nightly.overlap = .skip
/// try await queue.setPeriodic(nightly)
/// ```
public struct PeriodicJob: Sendable, Hashable {
    /// What it is known by, in the whole store: 1 to 64 characters of `a-z 0-9 . _ -`.
    public var name: String
    /// When it is due.
    public var timing: Timing
    /// What is enqueued for each slot. It names neither a start time nor an idempotency key, and lives as ``expires`` and ``deadline``
    /// say. Each run carries `periodic` (the name) and `slot` (its time) in its ``NewJob/meta``.
    public var job: NewJob
    /// What becomes of a run whose predecessor has not ended; ``Overlap/allow`` by default.
    public var overlap = Overlap.allow
    /// What becomes of slots that nobody was there for; ``Missed/latest`` by default.
    public var missed = Missed.latest
    /// Up to how much later than its slot a run may start, by chance that is the same for the same slot; 0, the default, to 1 day.
    public var jitter = Duration.zero
    /// The first slot is not before this; `nil` (default): from when it is set.
    public var startsAt: Timestamp?
    /// The last slot is not after this; `nil` (default): without end.
    public var endsAt: Timestamp?
    /// How long after its slot a run is cancelled unless it has started; `nil` for never.
    public var expires: Duration?
    /// How long after its slot a run must have ended; `nil` for never.
    public var deadline: Duration?

    /// When a periodic job is due.
    @nonexhaustive public enum Timing: Sendable, Hashable {
        /// As a cron line says, by the clocks of an IANA time zone (``Schedule/cron(_:zone:)``).
        case cron(String, zone: String = "UTC")
        /// Once in so long, 1 second to ten years, in whole seconds: counted from ``PeriodicJob/startsAt``, or else from 1970, so that
        /// `every 10 m` is due on the full ten minutes.
        case every(Duration)
    }

    /// What becomes of a run whose predecessor has not ended.
    public enum Overlap: String, Sendable, Hashable, Codable, CaseIterable {
        /// It is enqueued all the same.
        case allow
        /// It is left out.
        case skip
        /// It waits until the predecessor has ended; of several that wait the newest stays.
        case queue
        /// It waits for the predecessor, which is cancelled.
        case cancel
    }

    /// What becomes of slots that nobody was there for: no worker ran, or the store could not be written.
    @nonexhaustive public enum Missed: Sendable, Hashable {
        /// They are left out, once they are more than a minute old (``PeriodicJob/punctuality``).
        case skip
        /// The newest of them is made up for, the others are left out.
        case latest
        /// So many of the newest are made up for, 1 to 1,000, the oldest first.
        case all(upTo: Int)
    }

    /// Until how long after its slot a run counts as on time where missed slots are skipped: a minute.
    public static let punctuality = Duration.seconds(60)

    /// `job` whenever `timing` says.
    public init(_ name: String, _ timing: Timing, _ job: NewJob) {
        self.name = name
        self.timing = timing
        self.job = job
    }

    /// The rule that ``timing`` says.
    /// - Throws: `ScheduleProblem` for a line, zone or interval that is none.
    public func schedule() throws(ScheduleProblem) -> Schedule {
        switch timing {
        case .cron(let line, let zone): try Schedule.cron(line, zone: zone)
        case .every(let interval): try Schedule.every(interval, from: startsAt ?? Timestamp(microseconds: 0))
        }
    }

    /// The first slot after `time` that lies between ``startsAt`` and ``endsAt``; `nil` when there is none.
    /// - Throws: `ScheduleProblem` as ``schedule()``.
    public func nextSlot(after time: Timestamp) throws(ScheduleProblem) -> Timestamp? {
        let schedule = try schedule()
        // A slot on the very start counts.
        let bound = startsAt.map { max(time, Timestamp(microseconds: $0.microseconds - 1)) } ?? time
        guard let slot = schedule.next(after: bound) else { return nil }
        return endsAt.map { slot <= $0 } ?? true ? slot : nil
    }

    /// The next `count` slots after `time`, at most.
    /// - Throws: `ScheduleProblem` as ``schedule()``.
    public func slots(after time: Timestamp, count: Int) throws(ScheduleProblem) -> [Timestamp] {
        var slots: [Timestamp] = []
        while slots.count < count, let slot = try nextSlot(after: slots.last ?? time) { slots.append(slot) }
        return slots
    }

    /// What its slots depend on: two rules with the same of it are due at the same times.
    package var timingText: String {
        let rule =
            switch timing {
            case .cron(let line, let zone): "cron \(zone) \(line)"
            case .every(let interval): "every \(interval.wholeMicroseconds)"
            }
        return [rule, startsAt?.description ?? "", endsAt?.description ?? ""].joined(separator: "|")
    }
}
