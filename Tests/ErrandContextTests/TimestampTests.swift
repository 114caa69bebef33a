// Moments as RFC 3339 text, both ways, and their arithmetic at the ends of the range.

import ErrandContext
import FoundationEssentials
import Testing

struct TimestampTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000000Z"), (1, "1970-01-01T00:00:00.000001Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"), (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
        (1_795_372_972_000_000, "2026-11-22T18:42:52.000000Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"), (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (-62_167_219_200_000_000, "0000-01-01T00:00:00.000000Z"),
    ])
    func `a moment is written and read`(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test func `every day of four centuries survives the way through its text`() {
        for day in stride(from: Int64(-135_140), through: 10_957, by: 1) {
            let time = Timestamp(microseconds: day * 86_400_000_000 + 43_200_000_000)
            guard Timestamp(time.description) == time else {
                Issue.record("day \(day) was written as \(time)")
                return
            }
        }
    }

    @Test(arguments: [
        ("2026-11-22T18:42:52Z", Int64(0)), ("2026-11-22t18:42:52z", 0), ("2026-11-22 18:42:52+00:00", 0), ("2026-11-22T18:42:52-00:00", 0),
        ("2026-11-22T20:42:52+02:00", 0), ("2026-11-22T12:57:52-05:45", 0), ("2026-11-22T18:42:52.5Z", 500_000),
        ("2026-11-22T18:42:52.1234569Z", 123_456), ("2026-11-22T18:42:52.000000001Z", 0), ("2026-11-23T18:41:52+23:59", 0),
    ])
    func `offsets and decimals are read`(text: String, fraction: Int64) {
        #expect(Timestamp(text) == Timestamp(microseconds: 1_795_372_972_000_000 + fraction))
    }

    @Test func `a leap second counts as the first second of the next minute`() {
        #expect(Timestamp("2016-12-31T23:59:60Z") == Timestamp("2017-01-01T00:00:00Z"))
    }

    @Test(arguments: [
        "", "now", "2026-11-22", "2026-11-22T18:42Z", "2026-11-22T18:42:52", "2026-11-22T18:42:52.Z", "2026-11-22T18:42:52.0123456789Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T18:60:00Z",
        "2026-11-22T18:42:61Z", "2026-11-22T18:41:112Z", "2026-11-22T18:42:52+24:00", "2026-11-22T18:42:52+02:60",
        "2026-11-22T18:42:52+0200",
        "2026-11-22T18:42:52ZZ", " 2026-11-22T18:42:52Z", "2026-11-22T18:42:52Z ", "-026-11-22T18:42:52Z", "+2026-11-22T18:42:52Z",
        "12026-11-22T18:42:52Z", "2026-11-22T18:42:52,5Z", "２026-11-22T18:42:52Z",
    ])
    func `a text that is no moment is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [Int64.min, Int64.min + 1, -62_167_219_200_000_001, 253_402_300_800_000_000, Int64.max])
    func `a moment outside of the years 0 to 9999 is written modulo 10,000, and never traps`(microseconds: Int64) {
        let text = Timestamp(microseconds: microseconds).description
        #expect(text.utf8.count == 27)
        #expect(Timestamp(text) != nil)
    }

    @Test func `sums hold at the ends of the range`() {
        let last = Timestamp(microseconds: .max)
        let first = Timestamp(microseconds: .min)
        #expect(last + .seconds(1) == last)
        #expect(first + .seconds(-1) == first)
        #expect(last + .seconds(-1) < last)
        #expect(Timestamp(microseconds: 0) + .seconds(Int64.max) == last)
        #expect(Timestamp(microseconds: 0) + .seconds(Int64.min) == first)
        #expect(Timestamp(microseconds: 5) + .nanoseconds(1999) == Timestamp(microseconds: 6))
        #expect(Timestamp(microseconds: 5) + .nanoseconds(-1999) == Timestamp(microseconds: 4))
    }

    @Test func `differences are exact over the whole range`() {
        #expect(Timestamp(microseconds: 3) - Timestamp(microseconds: 5) == .microseconds(-2))
        let whole = Timestamp(microseconds: .max) - Timestamp(microseconds: .min)
        #expect(whole == .microseconds(Int64.max) - .microseconds(Int64.min))
    }

    @Test func `a moment is coded as its text, and bad text is an error`() throws {
        let time = Timestamp(microseconds: -1)
        let json = try JSONEncoder().encode([time])
        #expect(String(decoding: json, as: UTF8.self) == "[\"1969-12-31T23:59:59.999999Z\"]")
        #expect(try JSONDecoder().decode([Timestamp].self, from: json) == [time])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([Timestamp].self, from: Data("[\"yesterday\"]".utf8)) }
    }
}
