// One field of a cron line: a list of values, ranges and steps, with the marks that only the day fields know.

/// What one field's text says.
struct CronItems {
    private(set) var values = ValueSet()
    /// An `L` among the days of the month.
    private(set) var last = false
    /// Weekdays with a number, as in ``CronRule/Weekdays``.
    private(set) var numbered = ValueSet()
    /// A `*` or `?` stands alone in the list, without a step.
    private(set) var isUnrestricted = false
    /// An item begins with `*`.
    private(set) var hasWildcard = false

    private let field: CronField

    /// - Throws: ``ScheduleProblem`` when `text`, in capitals, is no such list.
    init(_ text: Substring, of field: CronField) throws(ScheduleProblem) {
        self.field = field
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard !item.isEmpty else {
                throw ScheduleProblem("\(ScheduleProblem.shown(text)) has an empty place between commas: write 1,15")
            }
            if item.hasPrefix("*") { hasWildcard = true }
            if item == "*" || item == "?" { try addAll(item) } else { try add(item) }
        }
    }

    private mutating func addAll(_ item: Substring) throws(ScheduleProblem) {
        guard item == "*" || field == .day || field == .weekday else {
            throw ScheduleProblem("\"?\" stands only for a day of the month or a weekday: write * as \(field.name)")
        }
        isUnrestricted = true
        values = values.union(ValueSet(field.range))
    }

    private mutating func add(_ item: Substring) throws(ScheduleProblem) {
        if field == .day {
            if item == "L" {
                last = true
                return
            }
            try refuseDayMarks(item)
        } else if field == .weekday, try addNumbered(item) {
            return
        }
        let parts = item.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw ScheduleProblem("\(ScheduleProblem.shown(item)) has two steps: write a-b/n") }
        let step = parts.count == 2 ? try self.step(parts[1], in: item) : 1
        for value in try range(parts[0], hasStep: parts.count == 2, step: step) { values.insert(value) }
    }

    /// The weekday with a mark: `FRI#3`, `5#3`, `MON-FRI#1`, and for the last one `L5`, `5L` and `FRIL`; false when there is none.
    private mutating func addNumbered(_ item: Substring) throws(ScheduleProblem) -> Bool {
        if item == "L" {
            throw ScheduleProblem(
                "\"L\" alone is no weekday: write FRIL for the last Friday, or L as the day of the month for its last day")
        }
        let parts = item.split(separator: "#", omittingEmptySubsequences: false)
        if parts.count == 2 {
            guard let number = Int(parts[1]), (1...5).contains(number), parts[1].utf8.count == 1 else {
                throw ScheduleProblem(
                    "\(ScheduleProblem.shown(item)) numbers no weekday: a month has a first to a fifth, so write FRI#1 to FRI#5")
            }
            for weekday in try range(parts[0], hasStep: false, step: 1) { numbered.insert(weekday * 8 + number) }
            return true
        }
        let name = item.hasSuffix("L") ? item.dropLast() : item.hasPrefix("L") ? item.dropFirst() : nil
        guard let name else { return false }
        guard let weekday = field.value(name) else { throw notAValue(item) }
        numbered.insert(weekday % 7 * 8 + CronRule.Weekdays.last)
        return true
    }

    private func refuseDayMarks(_ item: Substring) throws(ScheduleProblem) {
        if item.contains("W") {
            throw ScheduleProblem(
                "\(ScheduleProblem.shown(item)): the nearest weekday (W) is not offered, so write days, or weekdays such as MON-FRI")
        }
        if item.hasPrefix("L-") {
            throw ScheduleProblem(
                "\(ScheduleProblem.shown(item)): days before the last are not offered, so write L or numbers, such as 28-31")
        }
    }

    private func step(_ text: Substring, in item: Substring) throws(ScheduleProblem) -> Int {
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let step = isNumber ? Int(text.utf8.count > 9 ? "999999999" : text) : nil
        guard let step, step > 0 else {
            throw ScheduleProblem(
                "\(ScheduleProblem.shown(item)) has no step after its slash: a \(field.name)'s is 1 to \(field.longestStep)")
        }
        guard step <= field.longestStep else {
            throw ScheduleProblem(
                "\(ScheduleProblem.shown(item)) steps past the field's end: a \(field.name)'s step is 1 to \(field.longestStep), "
                    + "and for a longer period there are intervals")
        }
        return step
    }

    /// The values of `*`, `a`, `a-b` and, with a step, of `a` up to the field's end. A range with its ends the wrong way round goes on
    /// at the field's begin, and its steps count through.
    private func range(_ text: Substring, hasStep: Bool, step: Int) throws(ScheduleProblem) -> [Int] {
        let (low, high) = (field.range.lowerBound, field.range.upperBound)
        if text == "*", hasStep { return Array(stride(from: low, through: high, by: step)) }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 1 || ends.count == 2 && !ends.contains("") else {
            throw ScheduleProblem("\(ScheduleProblem.shown(text)) is no range: write two ends, such as \(low)-\(high)")
        }
        let start = try value(ends[0])
        // Only a weekday's 7 is past its field's end.
        let from = start % (high + 1)
        guard ends.count == 2 else { return hasStep ? Array(stride(from: from, through: high, by: step)) : [from] }
        let end = field == .day && ends[1] == "L" ? high : try value(ends[1])
        guard start != end else { return [from] }
        let size = high - low + 1
        let through = end < from ? end + size : end
        return stride(from: from, through: through, by: step).map { $0 > high ? $0 - size : $0 }
    }

    private func value(_ text: Substring) throws(ScheduleProblem) -> Int {
        guard let value = field.value(text) else { throw notAValue(text) }
        return value
    }

    private func notAValue(_ text: Substring) -> ScheduleProblem {
        ScheduleProblem("\(ScheduleProblem.shown(text)) is no \(field.name): \(field.allowed)")
    }
}
