// Rates as people write and read them: 10/s, 100/m, 5/30s, each with a burst after a comma.

/// Reads rates such as `10/s` or `100/m,20`, and writes them short.
public enum RateText {
    /// Why a text is no rate.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong, and what a rate looks like.
        public let description: String
    }

    private static let units: [(name: String, period: Duration)] = [
        ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)), ("d", .seconds(86_400)),
    ]

    /// The rate that `text` says: a whole number from 1 to 1,000,000, a slash, `s`, `m`, `h`, `d` or a duration (``DurationText``), and, after
    /// a comma, the burst, 1 unless it is given. Whether the interval and the burst are in range is for ``SettingRules`` to say.
    /// - Throws: ``Problem`` when it is not such a text.
    public static func parse(_ text: String) throws(Problem) -> RateLimit {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let rate = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, rate.count == 2, let permits = Int(rate[0]), (1...1_000_000).contains(permits),
            let period = try period(rate[1]), let burst = parts.count == 1 ? 1 : Int(parts[1])
        else {
            throw Problem(
                description: "that is no rate: write 10/s, 100/m or 5/30s, with a burst after a comma if it shall have one: 10/s,20")
        }
        return RateLimit(permits, per: period, burst: burst)
    }

    private static func period(_ text: String) throws(Problem) -> Duration? {
        if let unit = units.first(where: { $0.name == text }) { return unit.period }
        guard text.utf8.first.map({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) ?? false else { return nil }
        do throws(DurationText.Problem) {
            let period = try DurationText.parse(text)
            guard period > .zero else { throw DurationText.Problem(description: "a rate needs a period longer than zero: 10/s, 5/30s") }
            return period
        } catch {
            throw Problem(description: error.description)
        }
    }

    /// The rate as it is read, in the smallest unit that says it in whole numbers; what none does is cut to milliseconds.
    public static func format(_ rate: RateLimit) -> String {
        let burst = rate.burst == 1 ? "" : ",\(rate.burst)"
        let interval = rate.interval.wholeMicroseconds
        for unit in units {
            let period = unit.period.wholeMicroseconds
            let permits = (period + interval / 2) / interval
            if permits >= 1, period / permits == interval { return "\(permits)/\(unit.name)\(burst)" }
        }
        return "1/\(exact(max(1, interval / 1000)))\(burst)"
    }

    /// Milliseconds as ``DurationText`` reads them.
    private static func exact(_ milliseconds: Int64) -> String {
        var rest = milliseconds
        var text = ""
        for (name, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] as [(String, Int64)]
        where rest >= length {
            text += "\(rest / length)\(name)"
            rest %= length
        }
        return text
    }
}
