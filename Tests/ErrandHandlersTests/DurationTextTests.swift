// Durations as people write and read them.

import Errand
import Testing

struct DurationTextTests {
    @Test(arguments: [
        ("0", Duration.zero), ("0s", .zero), ("500ms", .milliseconds(500)), ("30s", .seconds(30)), ("10m", .seconds(600)),
        ("2h", .seconds(7200)), ("1d", .seconds(86_400)), ("1h30m", .seconds(5400)), ("1d2h3m4s5ms", .milliseconds(93_784_005)),
        ("90m", .seconds(5400)), ("3660d", .seconds(316_224_000)),
    ])
    func `a duration is read as written`(text: String, duration: Duration) throws {
        #expect(try DurationText.parse(text) == duration)
    }

    @Test(arguments: [
        ("", "a duration is empty: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("-5s", "a duration cannot be negative: \"-5s\""),
        ("30", "a duration needs a unit after \"30\": write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("1h30", "a duration needs a unit after \"1h30\": write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("1.5s", "\"1.5s\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("30m1h", "\"30m1h\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("1s1s", "\"1s1s\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        (" 1s", "\" 1s\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("1w", "\"1w\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("soon", "\"soon\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"),
        ("3660d1ms", "a duration is at most ten years: \"3660d1ms\""),
        ("99999999999999999999d", "a duration is at most ten years: \"99999999999999999999d\""),
    ])
    func `what is no duration is refused with a text that says so`(text: String, message: String) {
        let problem = #expect(throws: DurationText.Problem.self) { try DurationText.parse(text) }
        #expect(problem?.description == message)
    }

    @Test(arguments: [
        (Duration.zero, "0ms"), (.microseconds(300), "<1ms"), (.milliseconds(480), "480ms"), (.milliseconds(1290), "1.2s"),
        (.milliseconds(59_999), "59.9s"), (.seconds(60), "1m"), (.seconds(185), "3m 5s"), (.seconds(7800), "2h 10m"),
        (.seconds(356_400), "4d 3h"), (.seconds(-2), "-2.0s"),
    ])
    func `a duration is shown short`(duration: Duration, text: String) {
        #expect(DurationText.format(duration) == text)
    }
}
