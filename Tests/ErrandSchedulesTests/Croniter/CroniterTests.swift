// croniter as the measure: the same times for ten thousand random lines, and every difference named.

import ErrandContext
import Testing

@testable import ErrandSchedules

struct CroniterTests {
    private static let zones = [
        "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "America/New_York", "America/Los_Angeles",
        "America/Sao_Paulo", "America/St_Johns", "America/Caracas", "Africa/Casablanca", "Africa/Cairo", "Asia/Tokyo", "Asia/Kolkata",
        "Asia/Kathmandu", "Asia/Beirut", "Asia/Pyongyang", "Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Troll",
    ]
    private static let from: Int64 = 946_684_800
    private static let until: Int64 = 2_051_222_400

    /// One base in five lies within three hours before a change of the zone's clock, or two after it.
    private static func cases(_ count: Int, seed: UInt64) throws -> [CroniterCase] {
        var random = RandomCronLine(generator: SeededGenerator(seed: seed))
        let changes = try zones.map { name in try ScheduleZone(name).rules.spans.map(\.start).filter { (from..<until).contains($0) } }
        return (0..<count).map { _ in
            let index = Int.random(in: 0..<zones.count, using: &random.generator)
            let change = random.chance(20) ? changes[index].randomElement(using: &random.generator) : nil
            let base =
                change.map { $0 + Int64.random(in: -10_800...7200, using: &random.generator) }
                ?? Int64.random(in: from..<until, using: &random.generator)
            return CroniterCase(line: random.line(near: change != nil), zone: zones[index], base: base)
        }
    }

    private static func compare(_ cases: [CroniterCase], next: CroniterComparison.Next) throws -> CroniterComparison {
        let python = try Python.croniter.get()
        return try CroniterComparison(cases, next: next) { try python.answers(of: "next_times.py", to: $0) }
    }

    @Test func `ten thousand random lines have croniter's times, but for differences with a name`() throws {
        let comparison = try CroniterTests.compare(CroniterTests.cases(10_000, seed: 1)) { $0.next(after: $1) }
        print("croniter: \(comparison.summary)")
        #expect(comparison.unexplained.isEmpty, "seed 1: \(comparison.unexplained.prefix(20).joined(separator: "\n"))")
        #expect(comparison.steps > 29_000)
        // Measured and a little air: no class may grow into a blanket.
        let bounds: [CroniterDifference: ClosedRange<Int>] = [
            .repeatedReading: 1...100, .skippedPace: 1...60, .skippedSecond: 1...40, .unusualRepetition: 1...20, .equalRange: 100...500,
            .wrappedStep: 100...500,
            .numberedWeekday: 100...600,
        ]
        let clock: [CroniterDifference] = [.repeatedReading, .skippedPace, .skippedSecond, .unusualRepetition]
        #expect(clock.map { comparison.explained[$0, default: 0] }.reduce(0, +) < comparison.steps / 200)
        for (reason, bound) in bounds { #expect(bound.contains(comparison.explained[reason, default: 0]), "\(reason)") }
    }

    @Test func `the comparison finds a next time that is wrong`() throws {
        let cases = try CroniterTests.cases(600, seed: 2)
        let sound = try CroniterTests.compare(cases) { $0.next(after: $1) }
        #expect(sound.unexplained.isEmpty, "seed 2: \(sound.unexplained.prefix(20).joined(separator: "\n"))")
        let broken: [(String, CroniterComparison.Next)] = [
            (
                "keeps the base's offset, as if no clock ever changed",
                { schedule, time in
                    schedule.next(after: time).map { $0 + .seconds(schedule.zone.offset(at: $0) - schedule.zone.offset(at: time)) }
                }
            ),
            ("leaves a slot out", { schedule, time in schedule.next(after: time).flatMap { schedule.next(after: $0) } }),
            (
                "gives up on one slot in fifty",
                { schedule, time in schedule.next(after: time).flatMap { $0.wholeSeconds / 60 % 50 == 7 ? nil : $0 } }
            ),
            (
                "is a second late in December",
                { schedule, time in
                    schedule.next(after: time).map { $0 + ($0.description.dropFirst(5).hasPrefix("12") ? .seconds(1) : .zero) }
                }
            ),
        ]
        for (what, next) in broken {
            #expect(try CroniterTests.compare(cases, next: next).unexplained.count > 10, "\(what)")
        }
    }

    /// One line for each difference that users meet, with both answers.
    @Test(arguments: [
        // After 02:30 CEST, 02:30 CET comes once more.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
        // The gap swallows 02:00; croniter runs at 03:00.
        ("0 */2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"),
        // 02:30:15 is skipped: the gap ends at 03:00:00.
        ("15 30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:15Z", "2026-03-29T01:00:00Z"),
        // After 01:58 +11 the clock shows 01:30 +1030.
        ("14-52 * * * *", "Australia/Lord_Howe", "2031-04-05T14:58:07Z", "2031-04-05T15:44:00Z", "2031-04-05T15:00:00Z"),
        // Minute five, and no other.
        ("5-5 * * * *", "UTC", "2026-05-01T00:00:00Z", "2026-05-01T00:01:00Z", "2026-05-01T00:05:00Z"),
        // Saturday, 2 May, and two days after it.
        ("0 12 * * SAT-TUE/2", "UTC", "2026-05-02T12:00:00Z", "2026-05-05T12:00:00Z", "2026-05-04T12:00:00Z"),
        // A Wednesday, the 13th; the second Friday was the 8th.
        ("0 12 13 * FRI#2", "UTC", "2026-05-10T00:00:00Z", "2026-06-12T12:00:00Z", "2026-05-13T12:00:00Z"),
    ])
    func `each named difference has an example`(line: String, zone: String, base: String, croniter: String, ours: String) throws {
        let base = try #require(Timestamp(base))
        let question = CroniterCase(line: line, zone: zone, base: base.wholeSeconds)
        let answer = try Python.croniter.get().answers(of: "next_times.py", to: [question.question])
        #expect(answer.first?.split(separator: " ").first.flatMap { Int64($0) } == Timestamp(croniter)?.wholeSeconds)
        #expect(try Schedule.cron(line, zone: zone).next(after: base) == Timestamp(ours))
    }
}
