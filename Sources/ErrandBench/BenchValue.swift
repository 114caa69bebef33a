// What was found: a number for programs, and the same for people.

/// One number of a figure.
package struct BenchValue: Sendable, Hashable {
    /// Its name in JSON, with the unit.
    package var name: String
    /// The number, in that unit.
    package var amount: Double
    /// The number and its unit as people read it; empty for what only programs want.
    package var text: String

    init(_ name: String, _ amount: Double, text: String = "") {
        (self.name, self.amount, self.text) = (name, amount, text)
    }

    /// So many things a second.
    static func rate(_ amount: Double, of what: String = "jobs") -> BenchValue {
        BenchValue("\(what)_per_second", amount, text: "\(Digits.grouped(amount)) \(what)/s")
    }

    /// What a job costs this process of processor time, given in seconds.
    static func cost(_ seconds: Double) -> BenchValue {
        BenchValue("cpu_us_per_job", seconds * 1e6, text: "\(Digits.short(seconds * 1e6)) µs CPU a job")
    }

    /// The middle and the slow end of times, given in seconds.
    static func times(_ sample: Sample) -> [BenchValue] {
        let (middle, slow) = (sample.percentile(50) * 1e3, sample.percentile(99) * 1e3)
        return [
            BenchValue("p50_ms", middle, text: "p50 \(Digits.short(middle)) ms"),
            BenchValue("p99_ms", slow, text: "p99 \(Digits.short(slow)) ms"),
        ]
    }
}

/// Numbers as people read them.
package enum Digits {
    /// Whole, in groups of three.
    package static func grouped(_ amount: Double) -> String {
        let digits = Array(String(Int64(amount.rounded()).magnitude))
        var text = amount <= -0.5 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// With about three digits that count.
    package static func short(_ amount: Double) -> String {
        let size = amount.magnitude
        return size >= 100 ? grouped(amount) : fixed(amount, decimals: size >= 10 ? 1 : size >= 1 ? 2 : 3)
    }

    /// With so many decimals.
    package static func fixed(_ amount: Double, decimals: Int) -> String {
        let scale = (0..<decimals).reduce(Int64(1)) { scale, _ in scale * 10 }
        let scaled = Int64((amount.magnitude * Double(scale)).rounded())
        let sign = amount < 0 && scaled != 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: decimals - fraction.utf8.count) + fraction
    }
}
