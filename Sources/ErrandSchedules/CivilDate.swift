// Dates of the Gregorian calendar as day numbers, and whole numbers divided towards minus infinity.

internal import ErrandContext

/// A date, proleptic Gregorian.
struct CivilDate: Hashable {
    let year: Int
    /// 1 to 12.
    let month: Int
    /// 1 to 31.
    let day: Int

    /// The date `number` days after 1970-01-01; Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    init(dayNumber number: Int64) {
        let (era, dayOfEra) = (number + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5) + 1
    }

    /// Days from 1970-01-01 to the date.
    static func dayNumber(year: Int, month: Int, day: Int) -> Int64 {
        Timestamp.days(year: Int64(year), month: Int64(month), day: Int64(day))
    }

    /// 28 to 31.
    static func length(ofMonth month: Int, in year: Int) -> Int {
        if month == 2 { return isLeap(year) ? 29 : 28 }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// 0 is Sunday; 1970-01-01 was a Thursday.
    static func weekday(dayNumber: Int64) -> Int { Int((dayNumber + 4).flooredDivision(by: 7).remainder) }
}

extension Int64 {
    static var secondsPerDay: Int64 { 86_400 }

    /// Quotient and remainder rounded towards minus infinity, so that the remainder is never negative.
    func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
