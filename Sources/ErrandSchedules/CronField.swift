// The six fields of a cron line: their names, their ranges, and the words that stand for numbers.

/// One field of a cron line.
enum CronField: Int, CaseIterable {
    case second, minute, hour, day, month, weekday

    /// As problems call one value of it.
    var name: String {
        switch self {
        case .second: "second"
        case .minute: "minute"
        case .hour: "hour"
        case .day: "day of the month"
        case .month: "month"
        case .weekday: "weekday"
        }
    }

    /// The values; a weekday may also be written 7, which is Sunday as 0 is.
    var range: ClosedRange<Int> {
        switch self {
        case .second, .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .month: 1...12
        case .weekday: 0...6
        }
    }

    /// What to write, as problems say it.
    var allowed: String {
        switch self {
        case .second, .minute: "0 to 59"
        case .hour: "0 to 23"
        case .day: "1 to 31, or L for the last"
        case .month: "1 to 12 or JAN to DEC"
        case .weekday: "0 to 7 or SUN to SAT"
        }
    }

    /// A step past the field's end would leave only its start, which is never what was meant.
    var longestStep: Int { self == .weekday ? 7 : range.upperBound }

    private var words: [String] {
        switch self {
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .weekday: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        default: []
        }
    }

    /// The number that `text`, in capitals, stands for; 7 stays 7. `nil` when it is none of this field.
    func value(_ text: some StringProtocol) -> Int? {
        if let index = words.firstIndex(where: { $0 == text }) { return index + range.lowerBound }
        let isNumber = !text.isEmpty && text.utf8.count <= 4 && text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard isNumber, let number = Int(text), range.contains(number) || self == .weekday && number == 7 else { return nil }
        return number
    }
}
