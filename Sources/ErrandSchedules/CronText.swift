// A cron line in words: a phrase for the time of day, one for the days, and the zone.

/// Writes what a cron line says, exactly; what has no nicer form is told field by field.
struct CronText {
    private let rule: CronRule
    private let zone: ScheduleZone

    init(_ rule: CronRule, zone: ScheduleZone) { (self.rule, self.zone) = (rule, zone) }

    var text: String {
        let days = CronDaysText(rule)
        let hasAllHours = rule.hours == ValueSet(0...23)
        if hasAllHours, days.isEveryDay, zone == .utc { return time.text }
        let sentence =
            switch time {
            case .moments(let text): days.isWeekdays ? "\(text) \(days.phrase)" : "\(days.phrase) \(text)"
            case .pace(let text): hasAllHours ? (text + days.suffix) : "\(text) \(days.phrase)"
            }
        return "\(sentence) (\(zone.name))"
    }

    private enum Time {
        /// `at 03:00 and 04:00`.
        case moments(String)
        /// `every 15 minutes`.
        case pace(String)

        var text: String {
            switch self {
            case .moments(let text), .pace(let text): text
            }
        }
    }

    private var time: Time {
        if !rule.followsElapsedTime, rule.hours.count * rule.minutes.count * rule.seconds.count <= 8 { return .moments(moments) }
        if let pace = rule.hours == ValueSet(0...23) ? paceOfAllHours : paceBetweenHours { return .pace(pace) }
        return .pace(fieldByField)
    }

    private var moments: String {
        let times = rule.hours.values.flatMap { hour in
            rule.minutes.values.flatMap { minute in rule.seconds.values.map { clock(hour, minute, $0) } }
        }
        return "at " + Wording.list(times)
    }

    private func clock(_ hour: Int, _ minute: Int, _ second: Int) -> String {
        let minutes = "\(Wording.twoDigits(hour)):\(Wording.twoDigits(minute))"
        return isOnTheMinute ? minutes : "\(minutes):\(Wording.twoDigits(second))"
    }

    private var isOnTheMinute: Bool { rule.seconds == ValueSet(0...0) }

    private var paceOfAllHours: String? {
        if isOnTheMinute {
            if let pace = pace(of: rule.minutes, "minute") { return pace }
            return rule.minutes == ValueSet(0...0) ? "every hour" : "every hour at \(Wording.counted("minute", rule.minutes.values))"
        }
        guard rule.minutes == ValueSet(0...59) else { return nil }
        return pace(of: rule.seconds, "second") ?? "every minute at \(Wording.counted("second", rule.seconds.values))"
    }

    /// `every 15 minutes from 09:00 to 17:45`, `every 2 hours from 00:30 to 22:30`.
    private var paceBetweenHours: String? {
        guard let first = rule.hours.first, let last = rule.hours.last, let lastMinute = rule.minutes.last,
            let lastSecond = rule.seconds.last
        else { return nil }
        let isOneStretch = rule.hours == ValueSet(first...last)
        if isOnTheMinute, rule.minutes.count == 1 {
            let values = rule.hours.values
            guard values.count > 1, zip(values, values.dropFirst()).allSatisfy({ $1 - $0 == values[1] - values[0] }) else { return nil }
            let step = values[1] - values[0]
            // Hours that were listed are not a pace: they meet a change of the clock differently.
            guard rule.followsElapsedTime == (step > 1) else { return nil }
            let pace = step == 1 ? "every hour" : "every \(step) hours"
            return "\(pace) from \(clock(first, lastMinute, 0)) to \(clock(last, lastMinute, 0))"
        }
        guard isOneStretch, !rule.followsElapsedTime else { return nil }
        let pace =
            isOnTheMinute
            ? pace(of: rule.minutes, "minute") : rule.minutes == ValueSet(0...59) ? pace(of: rule.seconds, "second") : nil
        return pace.map { "\($0) from \(clock(first, 0, 0)) to \(clock(last, lastMinute, lastSecond))" }
    }

    /// `every minute`, `every 15 minutes`; `nil` when the values are not evenly spread over the hour or the minute.
    private func pace(of values: ValueSet, _ unit: String) -> String? {
        guard values.count > 1, 60 % values.count == 0 else { return nil }
        let step = 60 / values.count
        guard values.values.enumerated().allSatisfy({ $0.element == $0.offset * step }) else { return nil }
        return step == 1 ? "every \(unit)" : "every \(step) \(unit)s"
    }

    private var fieldByField: String {
        let fields = [(rule.seconds, 0...59, "second"), (rule.minutes, 0...59, "minute"), (rule.hours, 0...23, "hour")]
        let parts = fields.dropFirst(isOnTheMinute ? 1 : 0).map { values, range, noun in
            values == ValueSet(range) ? "every \(noun)" : Wording.counted(noun, values.values)
        }
        let isPace = rule.followsElapsedTime && rule.hours != ValueSet(0...23)
        let text = parts.joined(separator: " of ") + (isPace ? ", whenever the clock shows them," : "")
        return text.hasPrefix("every") ? text : "at " + text
    }
}

/// The days of a cron line in words.
struct CronDaysText {
    private let rule: CronRule

    init(_ rule: CronRule) { self.rule = rule }

    /// The line says nothing about days.
    var isEveryDay: Bool { rule.days == nil && rule.weekdays == nil && hasAllMonths }

    /// Plain weekdays and nothing else.
    var isWeekdays: Bool {
        guard rule.days == nil, let weekdays = rule.weekdays else { return false }
        return weekdays.numbered.isEmpty
    }

    /// After a pace of all hours: nothing, ` in March`, ` on Monday`.
    var suffix: String {
        if isEveryDay { return "" }
        return rule.days == nil && rule.weekdays == nil ? " in \(months)" : " \(phrase)"
    }

    var phrase: String {
        switch (rule.days, rule.weekdays) {
        case (nil, nil): return hasAllMonths ? "every day" : "every day of \(months)"
        case (let days?, nil): return "on the \(Wording.list(numbers(days)))\(wherePresent(days)) of \(months)"
        case (nil, let weekdays?) where isWeekdays:
            return "on \(Wording.list(names(weekdays)))" + (hasAllMonths ? "" : " in \(months)")
        case (nil, let weekdays?):
            let plain = names(weekdays).map { "every \($0)" }
            let isRare = weekdays.numbered.values.contains { $0 % 8 == 5 }
            let numbered = Wording.list(plain + numbered(weekdays).map { "the \($0)" }) + (isRare ? ", where there is one," : "")
            return "on \(numbered) of \(months)"
        case (let days?, let weekdays?):
            let plain = numbers(days).map { "the \($0)" } + each(weekdays).map { "a \($0)" }
            let kinds = plain + numbered(weekdays).map { "the \($0) of its month" }
            return "on every day\(hasAllMonths ? "" : " of \(months)") that is \(Wording.list(kinds, "or"))"
        }
    }

    private var hasAllMonths: Bool { rule.months == ValueSet(1...12) }

    private var months: String {
        hasAllMonths ? "every month" : Wording.list(Wording.runs(rule.months.values) { Wording.months[$0 - 1] })
    }

    private func numbers(_ days: CronRule.MonthDays) -> [String] {
        Wording.runs(days.numbers.values, Wording.ordinal) + (days.last ? ["last day"] : [])
    }

    /// A month may be too short for one of the numbers.
    private func wherePresent(_ days: CronRule.MonthDays) -> String {
        guard let last = days.numbers.last, rule.months.values.contains(where: { CivilDate.length(ofMonth: $0, in: 2001) < last }) else {
            return ""
        }
        return ", where there is one,"
    }

    /// From Monday on, three and more in a row as `Monday to Friday`.
    private func names(_ weekdays: CronRule.Weekdays) -> [String] {
        Wording.runs(fromMonday(weekdays)) { Wording.weekdays[$0 % 7] }
    }

    private func each(_ weekdays: CronRule.Weekdays) -> [String] { fromMonday(weekdays).map { Wording.weekdays[$0 % 7] } }

    private func fromMonday(_ weekdays: CronRule.Weekdays) -> [Int] { weekdays.every.values.map { $0 == 0 ? 7 : $0 }.sorted() }

    /// `third Friday`, `last Monday`.
    private func numbered(_ weekdays: CronRule.Weekdays) -> [String] {
        weekdays.numbered.values.map { "\(Wording.numbers[$0 % 8 - 1]) \(Wording.weekdays[$0 / 8])" }
    }
}
