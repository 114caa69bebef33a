// An interval in words.

internal import ErrandContext

/// Writes what an interval says.
enum IntervalText {
    private static let units: [(name: String, seconds: Int64)] = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)]

    /// `every 15 minutes`, `every 6 hours from 00:00 (UTC)`; an interval that does not begin with each day names its anchor.
    static func text(_ slots: IntervalSlots) -> String {
        let seconds = slots.interval / 1_000_000
        let beginsWithDays = 86_400 % seconds == 0 && slots.anchor.flooredDivision(by: slots.interval).remainder == 0
        let origin =
            beginsWithDays ? (seconds > 3600 ? " from 00:00 (UTC)" : "") : ", counted from \(Timestamp(microseconds: slots.anchor))"
        return "every \(length(seconds))\(origin)"
    }

    /// A day has 24 hours here, and says so when it is alone.
    private static func length(_ seconds: Int64) -> String {
        if seconds == 86_400 { return "24 hours" }
        if let unit = units.first(where: { $0.seconds == seconds }) { return unit.name }
        var rest = seconds
        var parts: [String] = []
        for unit in units where rest >= unit.seconds {
            let count = rest / unit.seconds
            parts.append("\(count) \(unit.name)\(count == 1 ? "" : "s")")
            rest %= unit.seconds
        }
        return parts.joined(separator: " ")
    }
}
