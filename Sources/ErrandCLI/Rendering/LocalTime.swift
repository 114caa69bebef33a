// The machine's own time zone, by the C library: dates for people, and people's dates.

import Errand
import Glibc

/// Converts between moments and local dates.
enum LocalTime {
    /// A time of day.
    struct ClockTime {
        var hour: Int32
        var minute: Int32
        var second: Int32

        /// Reads `HH:MM` or `HH:MM:SS`.
        init?(_ text: some StringProtocol) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2 || parts.count == 3, parts.allSatisfy({ $0.utf8.count == 2 }) else { return nil }
            let numbers = parts.compactMap { LocalTime.digits($0) }
            guard numbers.count == parts.count, numbers[0] < 24, numbers[1] < 60, numbers.count == 2 || numbers[2] < 60 else { return nil }
            hour = numbers[0]
            minute = numbers[1]
            second = numbers.count == 3 ? numbers[2] : 0
        }
    }

    /// The local date and time of a moment.
    static func components(of time: Timestamp, utc: Bool = false) -> tm {
        var seconds = time_t(wholeSeconds(of: time))
        var local = tm()
        if utc { gmtime_r(&seconds, &local) } else { localtime_r(&seconds, &local) }
        return local
    }

    /// The moment of a local date and time; out-of-range fields carry over.
    static func timestamp(of local: tm) -> Timestamp {
        var local = local
        return Timestamp(microseconds: Int64(mktime(&local)) * 1_000_000)
    }

    /// Reads `YYYY-MM-DD`, alone (midnight) or followed by a space or `T` and `HH:MM[:SS]`, as local time.
    static func date(_ text: String) -> Timestamp? {
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == " " || $0 == "T" })
        let day = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard day.count == 3, day[0].utf8.count == 4, day[1].utf8.count == 2, day[2].utf8.count == 2,
            let year = digits(day[0]), let month = digits(day[1]), let dayOfMonth = digits(day[2])
        else { return nil }
        var local = tm()
        local.tm_year = year - 1900
        local.tm_mon = month - 1
        local.tm_mday = dayOfMonth
        local.tm_isdst = -1
        if parts.count == 2 {
            guard let clock = ClockTime(parts[1]) else { return nil }
            local.tm_hour = clock.hour
            local.tm_min = clock.minute
            local.tm_sec = clock.second
        }
        // A date that does not exist, such as 31 April, comes back as another one.
        let time = timestamp(of: local)
        let back = components(of: time)
        guard back.tm_mon == month - 1, back.tm_mday == dayOfMonth, back.tm_year == year - 1900 else { return nil }
        return time
    }

    /// `2026-11-22 18:42:52`, local or UTC with a `Z`.
    static func text(_ time: Timestamp, utc: Bool) -> String {
        let local = components(of: time, utc: utc)
        let date = "\(padded(local.tm_year + 1900, 4))-\(padded(local.tm_mon + 1))-\(padded(local.tm_mday))"
        return "\(date) \(padded(local.tm_hour)):\(padded(local.tm_min)):\(padded(local.tm_sec))\(utc ? "Z" : "")"
    }

    /// `2026-11-22 18:42:52.123`, local or UTC with a `Z`.
    static func textWithMilliseconds(_ time: Timestamp, utc: Bool) -> String {
        let fraction = time.microseconds - wholeSeconds(of: time) * 1_000_000
        return "\(text(time, utc: utc).prefix(19)).\(padded(Int32(fraction / 1000), 3))\(utc ? "Z" : "")"
    }

    private static func wholeSeconds(of time: Timestamp) -> Int64 {
        let (quotient, remainder) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    private static func padded(_ number: Int32, _ digits: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    fileprivate static func digits(_ text: some StringProtocol) -> Int32? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
        return Int32(text)
    }
}
