// Cron lines by chance, in the forms that both Errand and croniter read.

@testable import ErrandSchedules

/// Makes cron lines from a seeded generator.
struct RandomCronLine {
    var generator: SeededGenerator

    /// Five fields, or six in a quarter of the lines. Half of those that are `near` a change of the clock restrict no day, so as to meet it.
    mutating func line(near: Bool) -> String {
        let fields = chance(25) ? CronField.allCases : Array(CronField.allCases.dropFirst())
        let hasDays = !near || chance(50)
        return fields.map { $0.rawValue < CronField.day.rawValue || hasDays ? field($0) : "*" }.joined(separator: " ")
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    private mutating func field(_ field: CronField) -> String {
        let isDayField = field == .day || field == .weekday
        if chance(field == .month ? 60 : isDayField ? 50 : 25) { return isDayField && chance(10) ? "?" : "*" }
        if field == .weekday, chance(20) { return numberedWeekday() }
        let items = chance(25) ? Int.random(in: 2...3, using: &generator) : 1
        return (0..<items).map { _ in item(field) }.joined(separator: ",")
    }

    private mutating func item(_ field: CronField) -> String {
        if field == .day, chance(10) { return "L" }
        let step = Int.random(in: 1...(chance(50) ? min(6, field.longestStep) : field.longestStep), using: &generator)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0, 1: return "*/\(step)"
        case 2: return "\(value(field))/\(step)"
        case 3, 4: return range(field)
        case 5: return "\(range(field))/\(step)"
        default: return text(value(field), field)
        }
    }

    /// One in ten wraps around, and one in a hundred has equal ends.
    private mutating func range(_ field: CronField) -> String {
        let one = value(field)
        var other = value(field)
        if chance(1) { other = one } else { while other % 7 == one % 7 { other = value(field) } }
        let ends = chance(10) ? (max(one, other), min(one, other)) : (min(one, other), max(one, other))
        return "\(text(ends.0, field))-\(text(ends.1, field))"
    }

    private mutating func numberedWeekday() -> String {
        let weekday = Int.random(in: 0...6, using: &generator)
        if chance(40) { return "L\(weekday)" }
        return "\(text(weekday, .weekday))#\(Int.random(in: 1...5, using: &generator))"
    }

    private mutating func value(_ field: CronField) -> Int {
        Int.random(in: field.range.lowerBound...(field == .weekday ? 7 : field.range.upperBound), using: &generator)
    }

    /// Names in a third of the cases, in any case.
    private mutating func text(_ value: Int, _ field: CronField) -> String {
        guard chance(33) else { return "\(value)" }
        let names =
            switch field {
            case .month: Wording.months
            case .weekday: Wording.weekdays
            default: [String]()
            }
        guard !names.isEmpty else { return "\(value)" }
        let name = String(names[field == .month ? value - 1 : value % 7].prefix(3))
        return chance(30) ? name.uppercased() : chance(50) ? name.lowercased() : name
    }
}
