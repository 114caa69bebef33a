// Changes of the clock: skipped and repeated readings, with particular hours and with wildcards.

import ErrandContext
import Testing

@testable import ErrandSchedules

struct ClockChangeTests {
    /// The wall clock's texts of the first slots after a moment.
    private func slots(_ line: String, _ zone: String, after time: String, _ count: Int) throws -> [String] {
        let schedule = try Schedule.cron(line, zone: zone)
        var moment = try #require(Timestamp(time))
        return try (0..<count).map { _ in
            let slot = try #require(schedule.next(after: moment))
            #expect(slot > moment)
            moment = slot
            return String(schedule.zone.text(slot).dropFirst(5))
        }
    }

    @Test func `a particular hour that is skipped comes at the first moment after the gap, once`() throws {
        #expect(
            try slots("30 2 * * *", "Europe/Berlin", after: "2026-03-28T12:00:00Z", 2) == ["03-29 03:00:00 CEST", "03-30 02:30:00 CEST"])
        #expect(
            try slots("*/15 2,3 * * *", "Europe/Berlin", after: "2026-03-29T00:00:00Z", 3)
                == ["03-29 03:00:00 CEST", "03-29 03:15:00 CEST", "03-29 03:30:00 CEST"])
        #expect(
            try slots("30 2 * * *", "America/New_York", after: "2026-03-08T00:00:00Z", 2) == ["03-08 03:00:00 EDT", "03-09 02:30:00 EDT"])
        #expect(
            try slots("* * 2 * * *", "Europe/Berlin", after: "2026-03-29T00:00:00Z", 2) == ["03-29 03:00:00 CEST", "03-30 02:00:00 CEST"])
    }

    @Test func `a particular hour that is repeated comes at the first of the two, once`() throws {
        #expect(
            try slots("30 2 * * *", "Europe/Berlin", after: "2026-10-24T12:00:00Z", 2) == ["10-25 02:30:00 CEST", "10-26 02:30:00 CET"])
        #expect(
            try slots("30 1 * * *", "America/New_York", after: "2026-11-01T00:00:00Z", 2) == ["11-01 01:30:00 EDT", "11-02 01:30:00 EST"])
        #expect(
            try slots("*/30 2-3 * * *", "Europe/Berlin", after: "2026-10-24T23:00:00Z", 4)
                == ["10-25 02:00:00 CEST", "10-25 02:30:00 CEST", "10-25 03:00:00 CET", "10-25 03:30:00 CET"])
        // Asked between the two, and in the second.
        #expect(try slots("30 2 * * *", "Europe/Berlin", after: "2026-10-25T01:10:00Z", 1) == ["10-26 02:30:00 CET"])
    }

    @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
    func `every quarter of an hour stays one in real time through a whole year`(zone: String) throws {
        for line in ["*/15 * * * *", "*/15 */1 * * *", "*/15 0-23 * * *"] {
            let schedule = try Schedule.cron(line, zone: zone)
            var moment = try #require(Timestamp("2026-01-01T00:00:00Z"))
            for _ in 0..<365 * 96 {
                let slot = try #require(schedule.next(after: moment))
                guard slot - moment == .seconds(900) else {
                    Issue.record("\(line) in \(zone): \(slot) after \(moment)")
                    return
                }
                moment = slot
            }
        }
    }

    @Test func `a pace of hours leaves out a skipped reading, and comes at both of a repeated one`() throws {
        #expect(
            try slots("0 */2 * * *", "Europe/Berlin", after: "2026-03-28T22:30:00Z", 3)
                == ["03-29 00:00:00 CET", "03-29 04:00:00 CEST", "03-29 06:00:00 CEST"])
        #expect(
            try slots("0 */2 * * *", "Europe/Berlin", after: "2026-10-24T21:30:00Z", 4)
                == ["10-25 00:00:00 CEST", "10-25 02:00:00 CEST", "10-25 02:00:00 CET", "10-25 04:00:00 CET"])
        #expect(
            try slots("30 * * * *", "America/New_York", after: "2026-11-01T05:00:00Z", 3)
                == ["11-01 01:30:00 EDT", "11-01 01:30:00 EST", "11-01 02:30:00 EST"])
    }

    @Test func `half an hour's change, a skipped day and a skipped midnight keep to the same rules`() throws {
        // Lord Howe: 02:00 becomes 02:30 on 4 October, and 02:00 becomes 01:30 on 5 April.
        #expect(
            try slots("15 2 * * *", "Australia/Lord_Howe", after: "2026-10-03T00:00:00Z", 2) == [
                "10-04 02:30:00 +11", "10-05 02:15:00 +11",
            ])
        #expect(
            try slots("45 1 * * *", "Australia/Lord_Howe", after: "2026-04-04T00:00:00Z", 2) == [
                "04-05 01:45:00 +11", "04-06 01:45:00 +1030",
            ])
        #expect(
            try slots("0,30 * * * *", "Australia/Lord_Howe", after: "2026-04-04T14:15:00Z", 3)
                == ["04-05 01:30:00 +11", "04-05 01:30:00 +1030", "04-05 02:00:00 +1030"])
        // Samoa went from 29 to 31 December 2011.
        #expect(
            try slots("0 12 * * *", "Pacific/Apia", after: "2011-12-29T00:00:00Z", 3)
                == ["12-29 12:00:00 -10", "12-31 00:00:00 +14", "12-31 12:00:00 +14"])
        #expect(
            try slots("0 * * * *", "Pacific/Apia", after: "2011-12-30T08:30:00Z", 2) == ["12-29 23:00:00 -10", "12-31 00:00:00 +14"])
        #expect(
            try slots("0 0 * * *", "America/Sao_Paulo", after: "2018-11-03T12:00:00Z", 2) == ["11-04 01:00:00 -02", "11-05 00:00:00 -02"])
        #expect(try slots("30 0 * * *", "Asia/Beirut", after: "2026-03-28T12:00:00Z", 2) == ["03-29 01:00:00 EEST", "03-30 00:30:00 EEST"])
        #expect(try slots("0 * * * *", "Asia/Beirut", after: "2026-03-28T20:30:00Z", 2) == ["03-28 23:00:00 EET", "03-29 01:00:00 EEST"])
    }

    @Test func `a year without a file's change follows its last line`() throws {
        #expect(
            try slots("30 2 * * *", "Europe/Berlin", after: "2150-03-28T12:00:00Z", 2) == ["03-29 03:00:00 CEST", "03-30 02:30:00 CEST"])
    }

    /// The definition itself, minute by minute: a wildcard's slots are the minutes whose reading matches; a particular hour's reading
    /// comes in the first minute whose reading has reached it.
    @Test func `around changes of every kind, slots are those that a walk through the minutes finds`() throws {
        let zones = [
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut",
            "Africa/Casablanca",
            "Antarctica/Troll", "America/Caracas", "Asia/Pyongyang", "Europe/Dublin", "America/St_Johns",
        ]
        var random = RandomCronLine(generator: SeededGenerator(seed: 3))
        var count = 0
        for name in zones {
            let zone = try ScheduleZone(name)
            let changes = zone.rules.spans.map(\.start).filter { (500_000_000..<4_000_000_000).contains($0) }
            for _ in 0..<15 {
                let change = try #require(changes.randomElement(using: &random.generator))
                let line = random.line(near: random.chance(80))
                guard line.split(separator: " ").count == 5, let schedule = try? Schedule.cron(line, zone: name) else { continue }
                let minutes = stride(from: change - 93_600, to: change + 93_600, by: 60)
                let rule = try CronReader.read(line)
                var expected: [Int64] = []
                var reached = minutes.map { $0 }.first.map { $0 + zone.rules.span(at: $0).offset - 60 } ?? 0
                for minute in minutes {
                    let reading = minute + zone.rules.span(at: minute).offset
                    let isDue: Bool
                    if rule.followsElapsedTime {
                        isDue = rule.first(atOrAfter: reading) == reading
                    } else {
                        isDue = reading > reached && (rule.first(atOrAfter: reached + 1) ?? .max) <= reading
                        reached = max(reached, reading)
                    }
                    if isDue { expected.append(minute) }
                }
                let until = Timestamp(seconds: change + 93_599)
                let slots = schedule.latest(10_000, upTo: until, after: Timestamp(seconds: change - 93_601)).map(\.wholeSeconds)
                #expect(slots == expected, "seed 3: \(line) in \(name) around \(change)")
                count += slots.count
            }
        }
        #expect(count > 2000)
    }
}
