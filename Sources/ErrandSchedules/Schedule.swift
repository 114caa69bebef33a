// When a periodic job is due: a cron line in a time zone, or an interval. Pure: it is asked about times and reads no clock.

public import ErrandContext

/// A rule that says when a periodic job is due.
///
/// Its moments are called slots. They are strictly increasing, and a moment that two readings of the clock fall on is one slot. Slots lie
/// from the year 1900 up to and not including 2200 (UTC); there are none outside.
///
/// ### When the clock changes
/// A cron line with particular hours (`30 2 * * *`, `0 9-17 * * *`) names readings of the wall clock, and each reading comes once: one
/// that is skipped comes at the first moment after the gap, and one that is repeated comes at the first of the two. A cron line whose hour
/// is a wildcard (`*`, `*/2`, or all 24 hours) goes on as time does: skipped readings do not exist and repeated ones come twice, so that
/// `*/15 * * * *` keeps to every real quarter of an hour. `*/2` counts as a wildcard because it says a pace, as `*` does: it comes at
/// 02:00 twice rather than pausing for three hours.
public struct Schedule: Sendable, Hashable, CustomStringConvertible {
    private enum Rule: Sendable, Hashable {
        case cron(CronSlots)
        case interval(IntervalSlots)
    }

    private let rule: Rule

    /// Longest interval: ten years, of 366 days.
    private static let longestInterval = Duration.seconds(10 * 366 * 86_400)
    private static let firstSlot = Timestamp(seconds: CivilDate.dayNumber(year: 1900, month: 1, day: 1) * .secondsPerDay)
    private static let endOfSlots = Timestamp(seconds: CivilDate.dayNumber(year: 2200, month: 1, day: 1) * .secondsPerDay)

    /// The schedule that a cron line says in a zone.
    ///
    /// The line is five fields, minute, hour, day of the month, month and weekday, or six with seconds first, at most 512 bytes, in any
    /// case; or one of `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`. A field is a list, separated by
    /// commas, of
    /// - `*`, a value, or a range `a-b`, which goes on at the field's begin when `b` is less than `a` (`22-2`, `FRI-MON`);
    /// - any of these with a step, `*/n`, `a-b/n`, and `a/n`, which goes up to the field's end;
    /// - months and weekdays by their English names of three letters; both 0 and 7 are Sunday;
    /// - `L`, the month's last day; `FRI#3`, its third Friday; `FRIL` or `L5`, its last Friday; and `?` for `*`, in the two day fields.
    ///
    /// With both day fields restricted, a day needs to satisfy only one. A day field is unrestricted when it is `*` or `?`, and when it
    /// names all its values while the other is written with a star.
    /// - Parameter zone: An IANA name; UTC by default.
    /// - Throws: ``ScheduleProblem`` when the line is none, when it never comes (30 February), and when the zone is unknown.
    public static func cron(_ line: String, zone: String = "UTC") throws(ScheduleProblem) -> Schedule {
        Schedule(rule: .cron(CronSlots(rule: try CronReader.read(line), zone: try ScheduleZone(zone))))
    }

    /// Every `interval`, by elapsed time: the slots are `anchor` and all whole multiples of the interval before and after it.
    /// - Parameters:
    ///   - interval: 1 second to 10 years (of 366 days), in whole seconds.
    ///   - anchor: 1970-01-01T00:00:00Z by default, so that an interval that divides a day begins with the day in UTC.
    /// - Throws: ``ScheduleProblem`` when the interval is shorter, longer, or has a fraction of a second.
    public static func every(_ interval: Duration, from anchor: Timestamp = Timestamp(microseconds: 0)) throws(ScheduleProblem) -> Schedule
    {
        guard interval >= .seconds(1) else { throw ScheduleProblem("an interval is at least 1 second, and this one is \(interval)") }
        guard interval <= longestInterval else { throw ScheduleProblem("an interval is at most ten years, and this one is \(interval)") }
        guard interval.components.attoseconds == 0 else {
            throw ScheduleProblem("an interval is a whole number of seconds, and this one is \(interval)")
        }
        return Schedule(rule: .interval(IntervalSlots(interval: interval.wholeMicroseconds, anchor: anchor.microseconds)))
    }

    /// The first slot after `time`, never `time` itself; `nil` when none comes before the year 2200.
    public func next(after time: Timestamp) -> Timestamp? {
        let bound = max(time, Timestamp(microseconds: Schedule.firstSlot.microseconds - 1))
        guard bound < Schedule.endOfSlots else { return nil }
        let slot: Timestamp? =
            switch rule {
            case .cron(let slots): slots.next(after: bound.wholeSeconds).map(Timestamp.init(seconds:))
            case .interval(let slots): Timestamp(microseconds: slots.next(after: bound.microseconds))
            }
        return slot.flatMap { $0 < Schedule.endOfSlots ? $0 : nil }
    }

    /// The last slot at or before `time` that is later than `bound`; `nil` when there is none between them. Costs as much as
    /// ``next(after:)``, however far they are apart.
    public func last(upTo time: Timestamp, after bound: Timestamp) -> Timestamp? {
        let time = min(time, Timestamp(microseconds: Schedule.endOfSlots.microseconds - 1))
        guard time > bound, time >= Schedule.firstSlot else { return nil }
        let slot: Timestamp? =
            switch rule {
            case .cron(let slots): slots.last(upTo: time.wholeSeconds).map(Timestamp.init(seconds:))
            case .interval(let slots): Timestamp(microseconds: slots.last(upTo: time.microseconds))
            }
        return slot.flatMap { $0 > bound && $0 >= Schedule.firstSlot ? $0 : nil }
    }

    /// The newest slots at or before `time` that are later than `bound`, oldest first, at most `count` of them, which must not be
    /// negative. Costs as much as `count` calls of ``last(upTo:after:)``.
    public func latest(_ count: Int, upTo time: Timestamp, after bound: Timestamp) -> [Timestamp] {
        precondition(count >= 0, "no such count of slots: \(count)")
        var slots: [Timestamp] = []
        var end = time
        while slots.count < count, let slot = last(upTo: end, after: bound) {
            slots.append(slot)
            end = Timestamp(microseconds: slot.microseconds - 1)
        }
        return slots.reversed()
    }

    /// The rule in plain English, exact, with its zone: `every day at 03:00 (Europe/Berlin)`, `every 15 minutes`.
    public var description: String {
        switch rule {
        case .cron(let slots): CronText(slots.rule, zone: slots.zone).text
        case .interval(let slots): IntervalText.text(slots)
        }
    }

    /// The zone whose wall clock a cron line names; UTC for an interval.
    public var zone: ScheduleZone {
        switch rule {
        case .cron(let slots): slots.zone
        case .interval: .utc
        }
    }
}
