// Asking a schedule: the next slot, the last one, the newest few, and intervals.

import ErrandContext
import Testing

@testable import ErrandSchedules

struct ScheduleTests {
    private static let lines = [
        "* * * * * *", "*/15 * * * *", "30 2 * * *", "0 */2 * * *", "0 9-17 * * MON-FRI", "0 0 29 2 *", "0 0 L * *", "0 12 13 * FRI",
        "15 30 2 * * *", "0 0 1 1 *", "*/7 1-3 * * *", "0 6 * * FRI#5", "0 6 * * MONL", "0 22-2/2 * * FRI-MON",
    ]
    private static let zones = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo"]

    @Test func `last and latest agree with a walk through next`() throws {
        var generator = SeededGenerator(seed: 4)
        for line in ScheduleTests.lines {
            for zone in ScheduleTests.zones {
                let schedule = try Schedule.cron(line, zone: zone)
                for _ in 0..<4 {
                    let change = schedule.zone.rules.spans.map(\.start).filter { $0 > 0 && $0 < 2_000_000_000 }.randomElement(
                        using: &generator)
                    let begin = (change ?? 1_000_000_000) + Int64.random(in: -9000...1800, using: &generator)
                    let bound = Timestamp(microseconds: begin * 1_000_000 + Int64.random(in: 0...1_000_000, using: &generator))
                    var walk: [Timestamp] = []
                    var moment = bound
                    for _ in 0..<25 {
                        guard let slot = schedule.next(after: moment) else { break }
                        #expect(slot > moment)
                        walk.append(slot)
                        moment = slot
                    }
                    let end = Timestamp(microseconds: moment.microseconds + Int64.random(in: 0..<1_000_000, using: &generator))
                    let context: Comment = "seed 4: \(line) in \(zone) after \(bound)"
                    #expect(schedule.latest(100, upTo: end, after: bound) == walk, context)
                    #expect(schedule.latest(3, upTo: end, after: bound) == walk.suffix(3), context)
                    #expect(schedule.last(upTo: end, after: bound) == walk.last, context)
                    #expect(schedule.last(upTo: moment, after: moment) == nil, context)
                    for (one, other) in zip(walk, walk.dropFirst()) {
                        let between = Timestamp(microseconds: (one.microseconds + other.microseconds) / 2)
                        #expect(schedule.last(upTo: between, after: bound) == one, context)
                        #expect(schedule.next(after: between) == other, context)
                    }
                }
            }
        }
    }

    @Test func `slots lie from 1900 up to and not including 2200`() throws {
        let first = try #require(Timestamp("1900-01-01T00:00:00Z"))
        let end = try #require(Timestamp("2200-01-01T00:00:00Z"))
        for schedule in [try Schedule.cron("@hourly"), try .every(.seconds(3600)), try .cron("0 0 * * *")] {
            #expect(schedule.next(after: Timestamp(microseconds: .min)) == first)
            #expect(schedule.last(upTo: first, after: Timestamp(microseconds: .min)) == first)
            #expect(schedule.last(upTo: Timestamp(microseconds: first.microseconds - 1), after: Timestamp(microseconds: .min)) == nil)
            #expect(schedule.next(after: Timestamp(microseconds: end.microseconds - 1)) == nil)
            #expect(schedule.next(after: Timestamp(microseconds: .max)) == nil)
            let newest = try #require(schedule.last(upTo: Timestamp(microseconds: .max), after: first))
            #expect(newest < end && end - newest <= .seconds(86_400))
        }
    }

    @Test func `the newest of a schedule of seconds are found at once across three centuries`() throws {
        let schedule = try Schedule.cron("* * * * * *", zone: "Europe/Berlin")
        let slots = schedule.latest(2, upTo: Timestamp(microseconds: .max), after: Timestamp(microseconds: .min))
        #expect(slots.map(\.description) == ["2199-12-31T23:59:58.000000Z", "2199-12-31T23:59:59.000000Z"])
        #expect(schedule.latest(0, upTo: Timestamp(microseconds: .max), after: Timestamp(microseconds: .min)).isEmpty)
    }

    @Test func `an interval counts from its anchor in both directions`() throws {
        let anchor = try #require(Timestamp("2026-01-01T00:00:07.500000Z"))
        let schedule = try Schedule.every(.seconds(10), from: anchor)
        #expect(schedule.next(after: anchor) == anchor + .seconds(10))
        #expect(schedule.last(upTo: anchor, after: Timestamp(microseconds: 0)) == anchor)
        #expect(schedule.next(after: anchor + .seconds(-1001)) == anchor + .seconds(-1000))
        #expect(schedule.latest(3, upTo: anchor + .seconds(5), after: anchor + .seconds(-15)) == [anchor + .seconds(-10), anchor])
        #expect(schedule.zone == .utc)
        #expect(try Schedule.every(.seconds(1), from: Timestamp(microseconds: .max)).next(after: anchor) != nil)
        #expect(try Schedule.every(.seconds(1), from: Timestamp(microseconds: .min)).next(after: anchor) != nil)
    }

    @Test func `an interval is one second to ten years, in whole seconds`() throws {
        let longest = Duration.seconds(10 * 366 * 86_400)
        #expect(try Schedule.every(longest).next(after: Timestamp(microseconds: 0)) == Timestamp(microseconds: 0) + longest)
        let wrong: [(Duration, String)] = [
            (.zero, "an interval is at least 1 second, and this one is 0.0 seconds"),
            (.milliseconds(999), "an interval is at least 1 second, and this one is 0.999 seconds"),
            (.milliseconds(1500), "an interval is a whole number of seconds, and this one is 1.5 seconds"),
            (longest + .seconds(1), "an interval is at most ten years, and this one is 316224001.0 seconds"),
        ]
        for (interval, sentence) in wrong {
            #expect(throws: ScheduleProblem(sentence)) { try Schedule.every(interval) }
        }
    }

    @Test func `schedules that say the same are equal`() throws {
        #expect(try Schedule.cron("@daily") == .cron("0 0 0 * * ?"))
        #expect(try Schedule.cron("0 0 * jan SUN") == .cron("0 0 * 1 7"))
        #expect(try Schedule.cron("@daily") != .cron("@daily", zone: "Europe/Berlin"))
        // They meet a change of the clock differently.
        #expect(try Schedule.cron("0 */12 * * *") != .cron("0 0,12 * * *"))
    }
}
