// What a cron line says, as sets of numbers, and the search through the wall clock's readings, without any time zone.

/// The readings of a wall clock that a cron line names.
///
/// A reading is a date and a time of day without a zone, in seconds since 1970-01-01 00:00:00 on that same clock.
struct CronRule: Hashable, Sendable {
    /// The days of a month by their number.
    struct MonthDays: Hashable, Sendable {
        /// 1 to 31.
        var numbers = ValueSet()
        /// The month's last day, whatever its number.
        var last = false

        var coversEveryMonth: Bool { numbers == ValueSet(1...31) || numbers == ValueSet(1...30) && last }

        /// As croniter counts: `L` is one more value.
        var namesAllValues: Bool { numbers.count + (last ? 1 : 0) == 31 }
    }

    /// The days of a month by their weekday; 0 is Sunday.
    struct Weekdays: Hashable, Sendable {
        static let last = 6
        /// Every such weekday.
        var every = ValueSet()
        /// The n-th such weekday of the month, as weekday · 8 + n; n is 1 to 5, and ``last`` for the last one.
        var numbered = ValueSet()

        var coversEveryWeek: Bool { every == ValueSet(0...6) }
    }

    var seconds: ValueSet
    var minutes: ValueSet
    var hours: ValueSet
    /// `nil` when the line does not restrict it. With both restricted, a day needs to satisfy only one.
    var days: MonthDays?
    var weekdays: Weekdays?
    var months: ValueSet
    /// Whether the hour field is a wildcard, so that the schedule goes on through a change of the clock as time does.
    var followsElapsedTime: Bool

    /// Between these years a reading is searched.
    static let years = 1899...2200

    /// `nil` when there is none up to ``years``' end.
    func first(atOrAfter reading: Int64) -> Int64? {
        let (day, second) = reading.flooredDivision(by: .secondsPerDay)
        if matches(dayNumber: day), let time = firstTime(atOrAfter: Int(second)) { return day * .secondsPerDay + Int64(time) }
        guard let next = firstDay(atOrAfter: day + 1), let time = firstTime(atOrAfter: 0) else { return nil }
        return next * .secondsPerDay + Int64(time)
    }

    /// `nil` when there is none down to ``years``' begin.
    func last(atOrBefore reading: Int64) -> Int64? {
        let (day, second) = reading.flooredDivision(by: .secondsPerDay)
        if matches(dayNumber: day), let time = lastTime(atOrBefore: Int(second)) { return day * .secondsPerDay + Int64(time) }
        guard let previous = lastDay(atOrBefore: day - 1), let time = lastTime(atOrBefore: 86_399) else { return nil }
        return previous * .secondsPerDay + Int64(time)
    }

    private func matches(dayNumber: Int64) -> Bool {
        let date = CivilDate(dayNumber: dayNumber)
        return months.contains(date.month) && monthDays(of: date.month, in: date.year).contains(date.day)
    }

    private func firstDay(atOrAfter dayNumber: Int64) -> Int64? {
        let date = CivilDate(dayNumber: dayNumber)
        var (year, month, day) = (date.year, date.month, date.day)
        while year <= CronRule.years.upperBound {
            if months.contains(month), let match = monthDays(of: month, in: year).first(atOrAfter: day) {
                return CivilDate.dayNumber(year: year, month: month, day: match)
            }
            (year, month, day) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
        }
        return nil
    }

    private func lastDay(atOrBefore dayNumber: Int64) -> Int64? {
        let date = CivilDate(dayNumber: dayNumber)
        var (year, month, day) = (date.year, date.month, date.day)
        while year >= CronRule.years.lowerBound {
            if months.contains(month), let match = monthDays(of: month, in: year).last(atOrBefore: day) {
                return CivilDate.dayNumber(year: year, month: month, day: match)
            }
            (year, month, day) = month == 1 ? (year - 1, 12, 31) : (year, month - 1, 31)
        }
        return nil
    }

    /// The days of that month that the two day fields allow.
    private func monthDays(of month: Int, in year: Int) -> ValueSet {
        let length = CivilDate.length(ofMonth: month, in: year)
        let all = ValueSet(1...length)
        guard days != nil || weekdays != nil else { return all }
        var result = ValueSet()
        if let days {
            result = days.numbers.intersection(all)
            if days.last { result.insert(length) }
        }
        if let weekdays {
            let firstWeekday = CivilDate.weekday(dayNumber: CivilDate.dayNumber(year: year, month: month, day: 1))
            for day in 1...length {
                let weekday = (firstWeekday + day - 1) % 7
                let isLast = day + 7 > length && weekdays.numbered.contains(weekday * 8 + Weekdays.last)
                if weekdays.every.contains(weekday) || isLast || weekdays.numbered.contains(weekday * 8 + (day + 6) / 7) {
                    result.insert(day)
                }
            }
        }
        return result
    }

    /// Seconds of the day.
    private func firstTime(atOrAfter second: Int) -> Int? {
        let (hour, minute, rest) = (second / 3600, second / 60 % 60, second % 60)
        guard let firstMinute = minutes.first, let firstSecond = seconds.first else { return nil }
        if hours.contains(hour) {
            if minutes.contains(minute), let match = seconds.first(atOrAfter: rest) { return hour * 3600 + minute * 60 + match }
            if let match = minutes.first(atOrAfter: minute + 1) { return hour * 3600 + match * 60 + firstSecond }
        }
        return hours.first(atOrAfter: hour + 1).map { $0 * 3600 + firstMinute * 60 + firstSecond }
    }

    private func lastTime(atOrBefore second: Int) -> Int? {
        let (hour, minute, rest) = (second / 3600, second / 60 % 60, second % 60)
        guard let lastMinute = minutes.last, let lastSecond = seconds.last else { return nil }
        if hours.contains(hour) {
            if minutes.contains(minute), let match = seconds.last(atOrBefore: rest) { return hour * 3600 + minute * 60 + match }
            if let match = minutes.last(atOrBefore: minute - 1) { return hour * 3600 + match * 60 + lastSecond }
        }
        return hours.last(atOrBefore: hour - 1).map { $0 * 3600 + lastMinute * 60 + lastSecond }
    }
}
