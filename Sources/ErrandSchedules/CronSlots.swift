// Where a cron line meets a time zone: the moments at which its readings come, through changes of the clock.

/// A cron line in a zone. Its slots are whole seconds since 1970-01-01T00:00:00Z.
///
/// Two kinds of line meet a change of the clock differently. One with particular hours names readings, and a reading's slot is the first
/// moment at which the wall clock has reached it (``ZoneRules/firstMoment(showing:)``): once when it is repeated, right after the gap
/// when it is skipped. One with a wildcard for the hour goes on as time does: its slots are all moments at which the clock shows one of
/// its readings.
struct CronSlots: Hashable, Sendable {
    let rule: CronRule
    let zone: ScheduleZone

    /// The first slot after `second`.
    func next(after second: Int64) -> Int64? { rule.followsElapsedTime ? nextElapsed(after: second) : nextReading(after: second) }

    /// The last slot up to and at `second`.
    func last(upTo second: Int64) -> Int64? { rule.followsElapsedTime ? lastElapsed(upTo: second) : lastReading(upTo: second) }

    /// A reading that has not been reached yet comes later, and no other does.
    private func nextReading(after second: Int64) -> Int64? {
        rule.first(atOrAfter: zone.rules.latestReading(upTo: second) + 1).map(zone.rules.firstMoment(showing:))
    }

    private func lastReading(upTo second: Int64) -> Int64? {
        rule.last(atOrBefore: zone.rules.latestReading(upTo: second)).map(zone.rules.firstMoment(showing:))
    }

    private func nextElapsed(after second: Int64) -> Int64? {
        let spans = zone.rules.spans
        var start = second + 1
        for index in zone.rules.index(at: start)..<spans.count {
            guard let reading = rule.first(atOrAfter: start + spans[index].offset) else { return nil }
            if reading - spans[index].offset < spans[index].end { return reading - spans[index].offset }
            start = spans[index].end
        }
        return nil
    }

    private func lastElapsed(upTo second: Int64) -> Int64? {
        let spans = zone.rules.spans
        var end = second
        for index in stride(from: zone.rules.index(at: end), through: 0, by: -1) {
            guard let reading = rule.last(atOrBefore: end + spans[index].offset) else { return nil }
            if reading - spans[index].offset >= spans[index].start { return reading - spans[index].offset }
            end = spans[index].start - 1
        }
        return nil
    }
}
