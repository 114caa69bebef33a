// Times as people type them: RFC 3339, local dates and times of day, and how long ago.

import Errand
import Glibc

/// Reads times relative to a moment, in the machine's own time zone.
struct TimeReading {
    /// The moment that relative times count from.
    let now: Timestamp

    /// A time for `--at`: RFC 3339, `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS]`, or `HH:MM`, which is the next time that the clock says so.
    /// - Throws: ``Failure`` with status 2.
    func future(_ text: String, option: String) throws -> Timestamp {
        if let time = absolute(text) { return time }
        if let clock = LocalTime.ClockTime(text) {
            var local = LocalTime.components(of: now)
            for _ in 0..<2 {
                local.tm_hour = clock.hour
                local.tm_min = clock.minute
                local.tm_sec = clock.second
                local.tm_isdst = -1
                let time = LocalTime.timestamp(of: local)
                if time >= now { return time }
                local.tm_mday += 1
            }
        }
        throw Failure(.usage, "\(option): \"\(text)\" is no time: write 18:30, \"2026-05-01 18:30\" or 2026-05-01T18:30:00Z")
    }

    /// A time for `--since` and `--until`: what ``future(_:option:)`` reads (a time of day is today's), a duration ago, `today`,
    /// `yesterday` or `now`.
    /// - Throws: ``Failure`` with status 2.
    func past(_ text: String, option: String) throws -> Timestamp {
        if let time = absolute(text) { return time }
        var local = LocalTime.components(of: now)
        local.tm_isdst = -1
        if let clock = LocalTime.ClockTime(text) {
            local.tm_hour = clock.hour
            local.tm_min = clock.minute
            local.tm_sec = clock.second
            return LocalTime.timestamp(of: local)
        }
        switch text {
        case "now": return now
        case "today", "yesterday":
            local.tm_hour = 0
            local.tm_min = 0
            local.tm_sec = 0
            if text == "yesterday" { local.tm_mday -= 1 }
            return LocalTime.timestamp(of: local)
        default: break
        }
        do throws(DurationText.Problem) {
            return now + (.zero - (try DurationText.parse(text)))
        } catch {
            throw Failure(
                .usage, "\(option): \"\(text)\" is no time: write 10m, 2h, yesterday, \"2026-05-01 18:30\" or 2026-05-01T18:30:00Z")
        }
    }

    private func absolute(_ text: String) -> Timestamp? {
        if let time = Timestamp(text) { return time }
        return LocalTime.date(text)
    }
}
