// English for schedules: lists, ordinals, and the names of days and months.

/// Words and how they are strung together.
enum Wording {
    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]
    /// Sunday first, as cron counts.
    static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    /// Of a weekday in its month; the sixth word is the last.
    static let numbers = ["first", "second", "third", "fourth", "fifth", "last"]

    /// `a`, `a and b`, `a, b and c`.
    static func list(_ items: [String], _ conjunction: String = "and") -> String {
        guard items.count > 1, let last = items.last else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + " \(conjunction) " + last
    }

    /// The values as a list in which three and more in a row are `a to b`.
    static func runs(_ values: [Int], _ word: (Int) -> String) -> [String] {
        var items: [String] = []
        var rest = values[...]
        while let first = rest.first {
            var length = 1
            while length < rest.count, rest[rest.startIndex + length] == first + length { length += 1 }
            if length >= 3 {
                items.append("\(word(first)) to \(word(first + length - 1))")
                rest = rest.dropFirst(length)
            } else {
                items.append(word(first))
                rest = rest.dropFirst()
            }
        }
        return items
    }

    /// `1st`, `2nd`, `11th`.
    static func ordinal(_ number: Int) -> String {
        let suffix =
            switch (number % 100, number % 10) {
            case (11...13, _): "th"
            case (_, 1): "st"
            case (_, 2): "nd"
            case (_, 3): "rd"
            default: "th"
            }
        return "\(number)\(suffix)"
    }

    /// `minute 5`, `minutes 5 and 35`.
    static func counted(_ noun: String, _ values: [Int]) -> String {
        "\(noun)\(values.count == 1 ? "" : "s") \(list(runs(values) { "\($0)" }))"
    }

    static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
