// The last line of a time zone file: POSIX's TZ text, such as CET-1CEST,M3.5.0,M10.5.0/3, which rules all later years.

/// A zone's rule for the years after its file's last change.
struct PosixRule: Hashable {
    /// The other half of the year, with the days on which it begins and ends.
    struct Daylight: Hashable {
        var offset: Int64
        var abbreviation: String
        var start: YearDay
        var end: YearDay
    }

    /// A day of every year, with a time on the clock that is about to change.
    struct YearDay: Hashable {
        enum Form: Hashable {
            /// `Mm.w.d`; the week is 1 to 5, and 5 is the last.
            case weekday(month: Int, week: Int, weekday: Int)
            /// `Jn`: 1 to 365, and 29 February never counts.
            case dayWithoutLeap(Int)
            /// `n`: 0 to 365.
            case day(Int)
        }

        var form: Form
        /// Seconds after midnight, -167 to 167 hours.
        var time: Int64

        /// The reading of the clock in that year, in seconds since 1970-01-01 00:00:00.
        func reading(in year: Int) -> Int64 { dayNumber(in: year) * .secondsPerDay + time }

        private func dayNumber(in year: Int) -> Int64 {
            switch form {
            case .day(let day): return CivilDate.dayNumber(year: year, month: 1, day: 1) + Int64(day)
            case .dayWithoutLeap(let day):
                return CivilDate.dayNumber(year: year, month: 1, day: 1) + Int64(day - 1 + (CivilDate.isLeap(year) && day >= 60 ? 1 : 0))
            case .weekday(let month, let week, let weekday):
                let first = CivilDate.dayNumber(year: year, month: month, day: 1)
                let day = (weekday - CivilDate.weekday(dayNumber: first) + 7) % 7 + 7 * (week - 1)
                return first + Int64(day < CivilDate.length(ofMonth: month, in: year) ? day : day - 7)
            }
        }
    }

    var offset: Int64
    var abbreviation: String
    var daylight: Daylight?

    /// `nil` when `text` is no such rule.
    init?(_ text: some Sequence<UInt8>) {
        var reader = PosixRuleReader(text)
        guard let abbreviation = reader.abbreviation(), let offset = reader.offset() else { return nil }
        (self.abbreviation, self.offset) = (abbreviation, offset)
        if reader.isAtEnd { return }
        guard let name = reader.abbreviation(), let ahead = reader.isAt(",") ? offset + 3600 : reader.offset(), reader.skip(","),
            let start = reader.yearDay(), reader.skip(","), let end = reader.yearDay(), reader.isAtEnd
        else { return nil }
        daylight = Daylight(offset: ahead, abbreviation: name, start: start, end: end)
    }

    /// The moments at which the clock changes, in order; of two at the same moment the later one in the list counts.
    func changes(in years: ClosedRange<Int>, of daylight: Daylight) -> [(time: Int64, isDaylight: Bool)] {
        let unordered = years.flatMap { year in
            [(daylight.start.reading(in: year) - offset, true), (daylight.end.reading(in: year) - daylight.offset, false)]
        }
        // A year's end may be the next year's start: then the order of the years decides.
        return unordered.enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }.map(\.element)
    }
}

/// The parts of a ``PosixRule``'s text, one after the other.
struct PosixRuleReader {
    private var rest: ArraySlice<UInt8>

    init(_ text: some Sequence<UInt8>) { rest = Array(text)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    func isAt(_ character: Unicode.Scalar) -> Bool { rest.first == UInt8(ascii: character) }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard isAt(character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Three letters or more, or letters, digits and signs in angle brackets.
    mutating func abbreviation() -> String? {
        let isQuoted = skip("<")
        let name = rest.prefix { byte in
            let isLetter = (65...90).contains(byte & 0xDF)
            return isLetter || isQuoted && ((48...57).contains(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"))
        }
        rest = rest.dropFirst(name.count)
        guard name.count >= 3, !isQuoted || skip(">") else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    /// Seconds east of UTC; the text counts to the west.
    mutating func offset() -> Int64? { time(longestHours: 24).map { -$0 } }

    /// `Mm.w.d`, `Jn` or `n`, then the time, 02:00 unless it is given.
    mutating func yearDay() -> PosixRule.YearDay? {
        guard let form = form() else { return nil }
        if !skip("/") { return PosixRule.YearDay(form: form, time: 7200) }
        return time(longestHours: 167).map { PosixRule.YearDay(form: form, time: $0) }
    }

    private mutating func form() -> PosixRule.YearDay.Form? {
        if skip("J") { return number(1...365).map { .dayWithoutLeap($0) } }
        guard skip("M") else { return number(0...365).map { .day($0) } }
        guard let month = number(1...12), skip("."), let week = number(1...5), skip("."), let weekday = number(0...6) else { return nil }
        return .weekday(month: month, week: week, weekday: weekday)
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private mutating func time(longestHours: Int) -> Int64? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard let hours = number(0...longestHours) else { return nil }
        var seconds = hours * 3600
        for unit in [60, 1] where skip(":") {
            guard let part = number(0...59) else { return nil }
            seconds += part * unit
        }
        return Int64(isNegative ? -seconds : seconds)
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }.prefix(4)
        rest = rest.dropFirst(digits.count)
        guard !digits.isEmpty else { return nil }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        return range.contains(number) ? number : nil
    }
}
