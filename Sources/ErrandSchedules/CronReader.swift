// Reads a cron line, and says in one sentence what is wrong with one.

/// Turns the text of a cron line into a ``CronRule``.
enum CronReader {
    static let longestLineBytes = 512

    private static let nicknames = [
        "@YEARLY": "0 0 1 1 *", "@ANNUALLY": "0 0 1 1 *", "@MONTHLY": "0 0 1 * *", "@WEEKLY": "0 0 * * 0", "@DAILY": "0 0 * * *",
        "@MIDNIGHT": "0 0 * * *", "@HOURLY": "0 * * * *",
    ]

    /// - Throws: ``ScheduleProblem`` when the line is no cron line, asks for what is not offered, or names days that never come.
    static func read(_ line: String) throws(ScheduleProblem) -> CronRule {
        let length = line.utf8.count
        guard length <= longestLineBytes else {
            throw ScheduleProblem("a cron line has at most \(longestLineBytes) bytes, and this one has \(length)")
        }
        // Only ASCII is made capital: a dotless i and its like must not become a letter of a name.
        let capitals = String(decoding: line.utf8.map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
        var fields = split(capitals)
        if let first = fields.first, first.hasPrefix("@") {
            guard fields.count == 1, let meaning = nicknames[String(first)] else { throw badNickname(String(first), in: line) }
            fields = split(meaning)
        }
        if fields.count == 5 { fields.insert("0", at: 0) }
        guard fields.count == 6 else { throw badCount(fields.count, in: line) }
        return try rule(fields)
    }

    private static func split(_ line: String) -> [Substring] {
        line.unicodeScalars.split { $0 == " " || (9...13).contains($0.value) }.map(Substring.init)
    }

    private static func rule(_ fields: [Substring]) throws(ScheduleProblem) -> CronRule {
        var sets: [CronItems] = []
        for (field, text) in zip(CronField.allCases, fields) { sets.append(try CronItems(text, of: field)) }
        let (days, weekdays) = dayFields(sets[CronField.day.rawValue], sets[CronField.weekday.rawValue])
        let hours = sets[CronField.hour.rawValue]
        let rule = CronRule(
            seconds: sets[CronField.second.rawValue].values, minutes: sets[CronField.minute.rawValue].values, hours: hours.values,
            days: days, weekdays: weekdays, months: sets[CronField.month.rawValue].values,
            followsElapsedTime: hours.hasWildcard || hours.values == ValueSet(0...23))
        try refuseNever(rule)
        return rule
    }

    /// Which of the two day fields restrict anything. Not `*` and `?`, nor a list with one of them; nor, as croniter has it, a field
    /// that names all its values while the other is written with a star. Where both restrict and one of them takes every day, so does
    /// the union.
    private static func dayFields(_ day: CronItems, _ weekday: CronItems) -> (CronRule.MonthDays?, CronRule.Weekdays?) {
        let days = CronRule.MonthDays(numbers: day.values, last: day.last)
        let weekdays = CronRule.Weekdays(every: weekday.values, numbered: weekday.numbered)
        let dayIsFree = day.isUnrestricted || days.namesAllValues && weekday.hasWildcard
        let weekdayIsFree = weekday.isUnrestricted || weekdays.coversEveryWeek && day.hasWildcard
        switch (dayIsFree, weekdayIsFree) {
        case (true, true): return (nil, nil)
        case (true, false): return (nil, weekdays.coversEveryWeek ? nil : weekdays)
        case (false, true): return (days.coversEveryMonth ? nil : days, nil)
        case (false, false): return days.coversEveryMonth || weekdays.coversEveryWeek ? (nil, nil) : (days, weekdays)
        }
    }

    /// Only a day of the month can be impossible: every weekday comes in every month, and a fifth one in some year.
    private static func refuseNever(_ rule: CronRule) throws(ScheduleProblem) {
        guard rule.weekdays == nil, let days = rule.days, !days.last, let first = days.numbers.first,
            !rule.months.values.contains(where: { CivilDate.length(ofMonth: $0, in: 2000) >= first })
        else { return }
        let months = Wording.list(rule.months.values.map { Wording.months[$0 - 1] }, "or")
        throw ScheduleProblem("that never comes: no \(months) has \(first) days")
    }

    private static func badNickname(_ name: String, in line: String) -> ScheduleProblem {
        switch name {
        case "@EVERY":
            ScheduleProblem("\(ScheduleProblem.shown(line)) is an interval and no cron line: give the interval itself, such as 5m")
        case "@REBOOT":
            ScheduleProblem("\"@reboot\" names no time, and a queue outlives reboots: enqueue a job when your program starts instead")
        default:
            ScheduleProblem(
                "\(ScheduleProblem.shown(line)) is no schedule: write @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly "
                    + "or five fields, such as 0 3 * * *")
        }
    }

    private static func badCount(_ count: Int, in line: String) -> ScheduleProblem {
        let form = "minute hour day month weekday, or six with seconds first"
        switch count {
        case 0: return ScheduleProblem("a cron line is empty: write five fields, \(form)")
        case 7: return ScheduleProblem("\(ScheduleProblem.shown(line)) has 7 fields: there is no field for years, so leave it out")
        default:
            let fields = count == 1 ? "1 field" : "\(count) fields"
            return ScheduleProblem("\(ScheduleProblem.shown(line)) has \(fields): write five, \(form)")
        }
    }
}
