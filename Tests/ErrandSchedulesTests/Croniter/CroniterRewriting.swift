// Writes a cron line out, so that croniter must read it as it is meant: ranges as lists, and two day fields as two lines.

@testable import ErrandSchedules

/// Lines that say the same in a form that croniter reads right.
enum CroniterRewriting {
    /// The earliest time of these lines is the one that `line` means; `nil` when it has none of the forms that croniter reads differently.
    static func lines(of line: String) -> (reason: CroniterDifference, lines: [String])? {
        let texts = line.uppercased().split(separator: " ").map(String.init)
        let fields = Array(zip(CronField.allCases.suffix(texts.count), texts))
        let ranges = fields.flatMap { field, text in text.split(separator: ",").compactMap { Range(String($0), of: field) } }
        let (day, weekday) = (texts[texts.count - 3], texts[texts.count - 1])
        let hasNumber = weekday.contains("#") || weekday.hasPrefix("L")
        let isSplit = hasNumber && !["*", "?"].contains(day) && !["*", "?"].contains(weekday)
        let reason: CroniterDifference? =
            ranges.contains { $0.hasEqualEnds }
            ? .equalRange : ranges.contains { $0.isWrapped && $0.step > 1 } ? .wrappedStep : isSplit ? .numberedWeekday : nil
        guard let reason else { return nil }
        var written = fields.map { field, text in
            text.split(separator: ",").map { item in Range(String(item), of: field)?.list ?? String(item) }.joined(separator: ",")
        }
        guard isSplit else { return (reason, [written.joined(separator: " ")]) }
        let restrictedDay = written[written.count - 3]
        written[written.count - 3] = "*"
        let byWeekday = written.joined(separator: " ")
        (written[written.count - 3], written[written.count - 1]) = (restrictedDay, "*")
        return (reason, [byWeekday, written.joined(separator: " ")])
    }

    /// `a-b` or `a-b/n`, counted one by one.
    private struct Range {
        let start: Int
        let end: Int
        let step: Int
        let field: CronField

        init?(_ item: String, of field: CronField) {
            let parts = item.split(separator: "/")
            let ends = parts[0].split(separator: "-").compactMap { field.value($0) }
            guard ends.count == 2, let step = parts.count == 2 ? Int(parts[1]) : 1 else { return nil }
            (start, end, self.step, self.field) = (ends[0], ends[1], step, field)
        }

        /// To croniter, which reads 7 as 0 first.
        var hasEqualEnds: Bool { field == .weekday ? start % 7 == end % 7 : start == end }
        var isWrapped: Bool { field == .weekday ? start % 7 > end % 7 : start > end }

        var list: String {
            let (low, size) = (field.range.lowerBound, field.range.count)
            let from = field == .weekday ? start % 7 : start
            let through = start == end ? from : end < from ? end + size : end
            let values = (from...through).filter { ($0 - from) % step == 0 }.map { low + ($0 - low) % size }
            return values.map(String.init).joined(separator: ",")
        }
    }
}
