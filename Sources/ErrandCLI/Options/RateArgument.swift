// Rates on the command line and in tables: 10/s, 100/m, 5/30s, each with a burst after a comma.

import ArgumentParser
import Errand

/// Reads and writes rates.
enum RateArgument {
    private static let units: [(name: String, period: Duration)] = [
        ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)), ("d", .seconds(86_400)),
    ]

    /// Reads a rate; its range is checked where it is set.
    /// - Throws: `ValidationError` that says what to write.
    static func read(_ text: String) throws -> RateLimit {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let rate = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, rate.count == 2, let permits = Int(rate[0]), (1...1_000_000).contains(permits),
            let period = try period(rate[1]), let burst = parts.count == 1 ? 1 : Int(parts[1])
        else {
            throw ValidationError("that is no rate: write 10/s, 100/m or 5/30s, with a burst after a comma if it shall have one: 10/s,20")
        }
        return RateLimit(permits, per: period, burst: burst)
    }

    private static func period(_ text: String) throws -> Duration? {
        if let unit = units.first(where: { $0.name == text }) { return unit.period }
        guard text.utf8.first.map({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) ?? false else { return nil }
        return try DurationArgument.readPositive(text)
    }

    /// The rate as it is read, in the smallest unit that says it in whole numbers.
    static func format(_ rate: RateLimit) -> String {
        let burst = rate.burst == 1 ? "" : ",\(rate.burst)"
        let interval = rate.interval.wholeMicroseconds
        for unit in units {
            let period = unit.period.wholeMicroseconds
            let permits = (period + interval / 2) / interval
            if permits >= 1, period / permits == interval { return "\(permits)/\(unit.name)\(burst)" }
        }
        return "1/\(DurationText.format(rate.interval).filter { $0 != " " })\(burst)"
    }
}
