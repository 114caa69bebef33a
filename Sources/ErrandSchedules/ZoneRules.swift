// One time zone as a table of spans with a constant offset, and the two questions that schedules ask about its wall clock.

/// A stretch of time in which a zone's clock keeps its distance from UTC.
struct ZoneSpan: Hashable, Sendable {
    /// First second, since 1970-01-01T00:00:00Z; `Int64.min` for the first span.
    var start: Int64
    /// The second after the last one; `Int64.max` for the last span.
    var end: Int64
    /// Seconds east of UTC.
    var offset: Int64
    /// Such as `CET`, `+03`.
    var abbreviation: String
}

/// The offsets of one zone at all times.
struct ZoneRules: Sendable {
    /// Largest distance from UTC that is believed; RFC 9636 recommends to stay within -25 to 26 hours.
    static let largestOffset: Int64 = 26 * 3600

    private static let secondsPer400Years: Int64 = 146_097 * 86_400

    let spans: [ZoneSpan]
    /// From here on the zone repeats its last 400 years, after which Gregorian dates and weekdays recur; `nil` when its last span lasts.
    let recurrence: Int64?

    static let utc = ZoneRules(fixed: 0, abbreviation: "UTC")

    init(fixed offset: Int64, abbreviation: String) {
        self.init(spans: [ZoneSpan(start: .min, end: .max, offset: offset, abbreviation: abbreviation)], recurrence: nil)
    }

    init(spans: [ZoneSpan], recurrence: Int64?) {
        precondition(spans.first?.start == .min && spans.last?.end == .max, "the spans leave time out: \(spans)")
        self.spans = spans
        self.recurrence = recurrence
    }

    /// The span that `second` lies in. From ``recurrence`` on only its offset and its abbreviation count.
    func span(at second: Int64) -> ZoneSpan { spans[index(at: second)] }

    /// The span's index; see ``span(at:)``.
    func index(at second: Int64) -> Int {
        var moment = second
        if let recurrence, moment >= recurrence {
            moment = recurrence - ZoneRules.secondsPer400Years + (moment - recurrence) % ZoneRules.secondsPer400Years
        }
        var (low, high) = (0, spans.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if spans[middle].start <= moment { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// The latest reading that the wall clock has shown up to and at `second`: later than the one of `second` itself when the clock was
    /// set back shortly before.
    func latestReading(upTo second: Int64) -> Int64 {
        var index = index(at: second)
        var latest = second + spans[index].offset
        while index > 0, spans[index].start > second - 3 * .secondsPerDay {
            index -= 1
            latest = max(latest, spans[index].end - 1 + spans[index].offset)
        }
        return latest
    }

    /// The first second at which the wall clock shows `reading` or a later one: the first of two when the reading is repeated, and the
    /// first moment after the gap when it is skipped.
    func firstMoment(showing reading: Int64) -> Int64 {
        var index = index(at: reading - 3 * .secondsPerDay)
        while index < spans.count - 1, spans[index].end + spans[index].offset <= reading { index += 1 }
        return max(spans[index].start, reading - spans[index].offset)
    }
}
