// Cron lines as people write them: what the forms mean, and the sentence that each mistake gets.

import ErrandContext
import Testing

@testable import ErrandSchedules

struct CronReaderTests {
    @Test(arguments: [
        ("@yearly", "0 0 1 1 *"), ("@ANNUALLY", "0 0 1 1 *"), ("@monthly", "0 0 1 * *"), ("@weekly", "0 0 * * 0"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"), (" \t0  0 * *\t1 ", "0 0 * * 1"), ("0 0 * * 5L", "0 0 * * L5"), ("0 0 * * FRIL", "0 0 * * 5l"),
        ("0 0 * * fri#3", "0 0 * * 5#3"), ("0 0 * * MON-WED#1", "0 0 * * 1#1,2#1,3#1"), ("0 0 * * 0-7", "0 0 * * *"),
        ("0 0 * * 7-2", "0 0 * * 0,1,2"), ("0 0 * * 7-7", "0 0 * * 0"), ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * FRI-MON", "0 0 * * 0,1,5,6"),
        ("0 0 * * SAT-TUE/2", "0 0 * * SAT,MON"), ("0 0 * * 1-7/3", "0 0 * * 1,4,0"), ("0 22-2 * * *", "0 0,1,2,22,23 * * *"),
        ("50-10/10 0 * * *", "50,0,10 0 * * *"), ("50/5 0 * * *", "50,55 0 * * *"), ("0 0 25-L * *", "0 0 25-31 * *"),
        ("0 0 1 NOV-FEB *", "0 0 1 11,12,1,2 *"), ("5-5 0 * * *", "5 0 * * *"), ("0 0 ? * MON", "0 0 * * MON"), ("0 0 1 * ?", "0 0 1 * *"),
        ("0 0 */1 * MON", "0 0 * * *"), ("0 0 1-31 * */2", "0 0 * * */2"), ("0 0 *,5 * MON", "0 0 * * MON"),
    ])
    func `two ways of writing it mean the same`(one: String, other: String) throws {
        #expect(try Schedule.cron(one) == Schedule.cron(other))
    }

    @Test func `with both day fields restricted, either is enough`() throws {
        let schedule = try Schedule.cron("0 0 13 * FRI")
        let start = try #require(Timestamp("2026-05-02T00:00:00Z"))
        var days: [String] = []
        var moment = start
        for _ in 0..<4 {
            moment = try #require(schedule.next(after: moment))
            days.append(String(moment.description.prefix(10)))
        }
        #expect(days == ["2026-05-08", "2026-05-13", "2026-05-15", "2026-05-22"])
    }

    @Test(arguments: [
        ("", "a cron line is empty: write five fields, minute hour day month weekday, or six with seconds first"),
        ("  ", "a cron line is empty: write five fields, minute hour day month weekday, or six with seconds first"),
        ("5m", "\"5m\" has 1 field: write five, minute hour day month weekday, or six with seconds first"),
        ("* * * *", "\"* * * *\" has 4 fields: write five, minute hour day month weekday, or six with seconds first"),
        ("0 0 0 * * ? 2026", "\"0 0 0 * * ? 2026\" has 7 fields: there is no field for years, so leave it out"),
        ("61 * * * *", "\"61\" is no minute: 0 to 59"),
        ("0 24 * * *", "\"24\" is no hour: 0 to 23"),
        ("60 0 0 * * *", "\"60\" is no second: 0 to 59"),
        ("0 0 0 * *", "\"0\" is no day of the month: 1 to 31, or L for the last"),
        ("0 0 1 13 *", "\"13\" is no month: 1 to 12 or JAN to DEC"),
        ("0 0 1 MON *", "\"MON\" is no month: 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "\"8\" is no weekday: 0 to 7 or SUN to SAT"),
        ("0 0 * * MONDAY", "\"MONDAY\" is no weekday: 0 to 7 or SUN to SAT"),
        ("-5 * * * *", "\"-5\" is no range: write two ends, such as 0-59"),
        ("1-2-3 * * * *", "\"1-2-3\" is no range: write two ends, such as 0-59"),
        ("1,,2 * * * *", "\"1,,2\" has an empty place between commas: write 1,15"),
        ("*/0 * * * *", "\"*/0\" has no step after its slash: a minute's is 1 to 59"),
        ("*/x * * * *", "\"*/X\" has no step after its slash: a minute's is 1 to 59"),
        ("*/90 * * * *", "\"*/90\" steps past the field's end: a minute's step is 1 to 59, and for a longer period there are intervals"),
        ("1/2/3 * * * *", "\"1/2/3\" has two steps: write a-b/n"),
        ("? * * * *", "\"?\" stands only for a day of the month or a weekday: write * as minute"),
        ("0 0 15W * *", "\"15W\": the nearest weekday (W) is not offered, so write days, or weekdays such as MON-FRI"),
        ("0 0 L-3 * *", "\"L-3\": days before the last are not offered, so write L or numbers, such as 28-31"),
        ("0 0 * * L", "\"L\" alone is no weekday: write FRIL for the last Friday, or L as the day of the month for its last day"),
        ("0 0 * * FRI#6", "\"FRI#6\" numbers no weekday: a month has a first to a fifth, so write FRI#1 to FRI#5"),
        ("0 L * * *", "\"L\" is no hour: 0 to 23"),
        ("0 0 30 2 *", "that never comes: no February has 30 days"),
        ("0 0 31 4,6,9,11 *", "that never comes: no April, June, September or November has 31 days"),
        ("@every 5m", "\"@every 5m\" is an interval and no cron line: give the interval itself, such as 5m"),
        ("@reboot", "\"@reboot\" names no time, and a queue outlives reboots: enqueue a job when your program starts instead"),
        (
            "@fortnightly",
            "\"@fortnightly\" is no schedule: write @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or five fields, "
                + "such as 0 3 * * *"
        ),
        ("١ * * * *", "\"١\" is no minute: 0 to 59"),
        ("0 0 1 \u{131}an *", "\"\u{131}AN\" is no month: 1 to 12 or JAN to DEC"),
        ("99999999999999999999 * * * *", "\"99999999999999999999\" is no minute: 0 to 59"),
        (
            "*/99999999999999999999 * * * *",
            "\"*/99999999999999999999\" steps past the field's end: a minute's step is 1 to 59, and for a longer period "
                + "there are intervals"
        ),
    ])
    func `a mistake gets a sentence that names it and says what to write`(line: String, sentence: String) {
        #expect(throws: ScheduleProblem(sentence)) { try Schedule.cron(line) }
    }

    @Test func `a line has at most 512 bytes, and a wrong one is shown in part`() throws {
        let minutes = (0..<252).map { _ in "1" }.joined(separator: ",")
        let longest = "\(minutes) * * * *"
        #expect(longest.utf8.count == 511)
        _ = try Schedule.cron(longest + " ")
        #expect(throws: ScheduleProblem("a cron line has at most 512 bytes, and this one has 513")) { try Schedule.cron(longest + "  ") }
        let wrong = String(repeating: "x", count: 100)
        #expect(throws: ScheduleProblem("\"\(String(repeating: "X", count: 40))…\" is no minute: 0 to 59")) {
            try Schedule.cron("\(wrong) * * * *")
        }
    }

    @Test func `no bytes at all bring the reader down`() throws {
        var generator = SeededGenerator(seed: 5)
        let alphabet = Array("0123456789*/,-?#LWlwFRIMONsunjan @\t:.\u{E9}\u{1F600}".unicodeScalars)
        var read = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...24, using: &generator) {
                text.unicodeScalars.append(alphabet.randomElement(using: &generator) ?? " ")
            }
            for line in [text, "0 0 \(text.replacing(" ", with: "")) * *", "0 0 * * \(text.replacing(" ", with: ""))"] {
                if let schedule = try? Schedule.cron(line) {
                    read += 1
                    #expect(schedule.next(after: Timestamp(microseconds: 0)) != nil, "seed 5: \(line)")
                }
            }
        }
        #expect(read > 100)
    }
}
