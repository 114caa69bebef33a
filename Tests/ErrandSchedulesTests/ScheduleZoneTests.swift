// Time zones: every zone of the system against Python, damaged files, unknown names.

import ErrandContext
import Foundation
import Testing

@testable import ErrandSchedules

struct ScheduleZoneTests {
    private static func file(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/\(name)")))
    }

    @Test func `every zone of the system has Python's offsets and abbreviations from 1850 to 2400`() throws {
        var generator = SeededGenerator(seed: 7)
        let zones = try ScheduleZone.names().map { try ScheduleZone($0) }
        #expect(zones.count > 400)
        let moments = zones.map { zone in
            (0..<30).map { _ in Int64.random(in: -3_786_912_000..<13_569_465_600, using: &generator) }
                // Both sides of some changes.
                + (0..<5).compactMap { _ in zone.rules.spans.dropFirst().randomElement(using: &generator) }
                .flatMap { [$0.start - 1, $0.start] }.filter { $0 > -3_786_912_000 }
        }
        let questions = zip(zones, moments).map { "\($0.name)\t\($1.map(String.init).joined(separator: " "))" }
        let answers = try Python.system.answers(of: "zone_offsets.py", to: questions)
        for ((zone, moments), answer) in zip(zip(zones, moments), answers) {
            let ours = moments.map { "\(zone.offset(at: Timestamp(seconds: $0))),\(zone.abbreviation(at: Timestamp(seconds: $0)))" }
            #expect(ours.joined(separator: " ") == answer, "seed 7: \(zone.name) at \(moments)")
        }
    }

    /// Such files end where the list of leap seconds does, 2026-06-28 in the oldest one seen.
    @Test func `a file that counts leap seconds has the same changes`() throws {
        let paths = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
        for name in paths where FileManager.default.fileExists(atPath: "/usr/share/zoneinfo/right/\(name)") {
            let counted = try ScheduleZone(name: name, file: ScheduleZoneTests.file("right/" + name)).rules.spans.prefix {
                $0.end < 1_774_800_000
            }
            #expect(counted.count > 80)
            #expect(try counted == ScheduleZone(name).rules.spans.prefix(counted.count))
        }
    }

    @Test func `the wall clock is shown with its abbreviation, and with seconds of old offsets`() throws {
        let berlin = try ScheduleZone("Europe/Berlin")
        let change = try #require(Timestamp("2026-03-29T01:00:00Z"))
        #expect(berlin.text(change) == "2026-03-29 03:00:00 CEST")
        #expect(berlin.text(Timestamp(microseconds: change.microseconds - 1)) == "2026-03-29 01:59:59 CET")
        #expect(berlin.offset(at: change) == 7200)
        #expect(berlin.text(try #require(Timestamp("1890-01-01T00:00:00Z"))) == "1890-01-01 00:53:28 LMT")
        #expect(ScheduleZone.utc.text(Timestamp(microseconds: 0)) == "1970-01-01 00:00:00 UTC")
        #expect(ScheduleZone.utc == (try ScheduleZone("UTC")))
    }

    @Test func `a file that is cut off anywhere is refused, and no changed byte brings the reader down`() throws {
        let bytes = try ScheduleZoneTests.file("Europe/Berlin")
        for length in 0..<bytes.count {
            #expect(throws: ScheduleProblem.self) { try ScheduleZone(name: "x", file: Array(bytes.prefix(length))) }
        }
        #expect(throws: ScheduleProblem("the time zone file x is damaged, it is cut off: install tzdata again")) {
            try ScheduleZone(name: "x", file: Array(bytes.prefix(1000)))
        }
        #expect(throws: ScheduleProblem("the time zone file x is damaged, it does not begin with TZif: install tzdata again")) {
            try ScheduleZone(name: "x", file: Array("hello, world".utf8))
        }
        var generator = SeededGenerator(seed: 8)
        for file in try ["Europe/Berlin", "right/Europe/Berlin", "Asia/Gaza"].map(ScheduleZoneTests.file) {
            for _ in 0..<700 {
                var changed = file
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    changed[Int.random(in: 0..<file.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                guard let zone = try? ScheduleZone(name: "x", file: changed) else { continue }
                for _ in 0..<5 {
                    let time = Timestamp(microseconds: Int64.random(in: .min ... .max, using: &generator))
                    #expect(abs(zone.offset(at: time)) <= 26 * 3600)
                }
                let spans = zone.rules.spans
                #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.start < $0.end && $0.end == $1.start }, "seed 8")
            }
        }
    }

    @Test(arguments: [
        ("<+03>-3", 10_800, "+03"), ("EST5", -18_000, "EST"), ("<-0330>3:30:15", -12_615, "-0330"),
    ])
    func `a last line without daylight saving is one offset`(text: String, offset: Int64, name: String) throws {
        let rule = try #require(PosixRule(text.utf8))
        #expect(rule.offset == offset && rule.abbreviation == name && rule.daylight == nil)
    }

    @Test(arguments: [
        "", "CE", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x", "<+0-3", "CET-25",
    ])
    func `a last line that is no rule is refused`(text: String) {
        #expect(PosixRule(text.utf8) == nil)
    }

    @Test func `daylight saving that lasts all year is one offset, and days of the year count leap days as they say`() throws {
        let always = try #require(PosixRule("XXX3EDT4,0/0,J365/23".utf8))
        let daylight = try #require(always.daylight)
        #expect(always.changes(in: 2026...2027, of: daylight).last { $0.time <= 1_798_700_000 }?.isDaylight == true)
        let january = CivilDate.dayNumber(year: 2024, month: 1, day: 1) * 86_400
        #expect(PosixRule.YearDay(form: .dayWithoutLeap(60), time: 0).reading(in: 2024) == january + 60 * 86_400)
        #expect(PosixRule.YearDay(form: .day(60), time: 0).reading(in: 2024) == january + 60 * 86_400)
        #expect(PosixRule.YearDay(form: .dayWithoutLeap(59), time: 0).reading(in: 2024) == january + 58 * 86_400)
    }

    @Test(arguments: [
        ("Europe/Berln", "\"Europe/Berln\" is no time zone: did you mean Europe/Berlin?"),
        ("europe/berlin", "\"europe/berlin\" is no time zone: did you mean Europe/Berlin?"),
        ("Berlin", "\"Berlin\" is no time zone: did you mean Europe/Berlin?"),
        ("new york", "\"new york\" is no time zone: did you mean America/New_York?"),
        ("utc", "\"utc\" is no time zone: did you mean Etc/UTC?"),
        ("../../etc/passwd", "\"../../etc/passwd\" is no time zone: write UTC or a name of the IANA database, such as Europe/Berlin"),
        ("/etc/localtime", "\"/etc/localtime\" is no time zone: write UTC or a name of the IANA database, such as Europe/Berlin"),
        ("", "\"\" is no time zone: write UTC or a name of the IANA database, such as Europe/Berlin"),
        ("Europe", "\"Europe\" is no time zone: write UTC or a name of the IANA database, such as Europe/Berlin"),
    ])
    func `an unknown zone gets the nearest names`(name: String, sentence: String) {
        #expect(throws: ScheduleProblem(sentence)) { try ScheduleZone(name) }
    }

    @Test func `names that leave the folder or are the system's own are refused`() {
        for name in [
            "Europe/../Europe/Berlin", "Europe//Berlin", "Europe/Berlin/", "localtime", "posix/UTC", "right/UTC", "A\0B",
            String(repeating: "A", count: 65),
        ] {
            #expect(throws: ScheduleProblem.self, "\(name)") { try ScheduleZone(name) }
        }
    }

    @Test func `without tzdata the problem says how to install it, and UTC is there`() throws {
        let empty = ZoneDirectory(folders: ["/nowhere/zoneinfo"])
        #expect(empty.names() == ["UTC"])
        #expect(try empty.rules(of: "UTC").spans == ScheduleZone.utc.rules.spans)
        let sentence =
            "this system has no time zones, so \"Europe/Berlin\" is unknown: install tzdata (apt-get install tzdata, apk add tzdata), or use UTC"
        #expect(throws: ScheduleProblem(sentence)) { try empty.rules(of: "Europe/Berlin") }
    }
}
