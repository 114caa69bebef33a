// Durations, times and IDs as people type them: what is read is what is said, and writing it down and reading it again changes nothing.

import Errand
import ErrandContext
import Glibc

extension FuzzTarget {
    /// `DurationText`, `Timestamp`, `JobID` and `ExecutionID`.
    static let texts = FuzzTarget(name: "texts", broken: "adds up a duration without a look at overflow and order") {
        bytes, variant throws(Finding) in
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        try checkDuration(text, variant)
        if let time = Timestamp(text) {
            try expect(Timestamp(time.description) == time, "\(shown(bytes)) is \(time), which is read as another time")
            try expect(time.microseconds == TimeOracle.microseconds(of: text), "\(shown(bytes)) is not \(time.microseconds) µs")
        }
        if let job = JobID(text) {
            try expect(JobID(job.description) == job, "\(shown(bytes)) is \(job), which is read as another job")
            try expect(bytes.count == JobID.length, "a job ID of \(bytes.count) bytes: \(shown(bytes))")
        }
        if let execution = ExecutionID(text) {
            try expect(ExecutionID(execution.description) == execution, "\(shown(bytes)) is \(execution), which is read as another one")
            try expect(execution.ordinal > 0, "\(shown(bytes)) has the ordinal \(execution.ordinal)")
        }
    }

    private static func checkDuration(_ text: String, _ variant: Variant) throws(Finding) {
        let duration: Duration?
        switch variant {
        case .real:
            do throws(DurationText.Problem) {
                duration = try DurationText.parse(text)
            } catch {
                try expect(DurationOracle.milliseconds(of: text) == nil, "refuses \(text.debugDescription): \(error)")
                return
            }
        case .broken: duration = carelessDuration(text)
        }
        guard let duration else { return }
        try expect((.zero...DurationText.maximum).contains(duration), "\(text.debugDescription) is \(duration)")
        let milliseconds = DurationOracle.milliseconds(of: text)
        try expect(
            milliseconds.map { .milliseconds($0) } == duration, "\(text.debugDescription) is \(duration), not \(milliseconds ?? -1) ms")
        // The cut text for people never says more than there is.
        let format = DurationText.format(duration)
        try expect(!format.isEmpty && format.utf8.allSatisfy { $0 < 0x80 }, "\(duration) is written \(format)")
    }

    private static func carelessDuration(_ text: String) -> Duration? {
        var sum: Int64 = 0
        var number: Int64 = 0
        for character in text {
            if let digit = character.wholeNumberValue {
                number = number &* 10 &+ Int64(digit)
            } else {
                guard let unit = ["d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000][String(character)] else { return nil }
                sum = sum &+ number &* Int64(unit)
                number = 0
            }
        }
        return number == 0 && !text.isEmpty ? .milliseconds(sum) : nil
    }
}

/// Durations, read a second time in another way: by a regular expression and in floating point.
private enum DurationOracle {
    /// `nil` for no duration.
    static func milliseconds(of text: String) -> Int64? {
        if text == "0" { return 0 }
        // Digits and units must be ASCII, where `\d` would take any script's.
        let form = /(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?(?:([0-9]+)s)?(?:([0-9]+)ms)?/.matchingSemantics(.unicodeScalar)
        guard !text.isEmpty, let match = text.wholeMatch(of: form)?.output else { return nil }
        let parts = [(match.1, 86_400_000.0), (match.2, 3_600_000), (match.3, 60_000), (match.4, 1000), (match.5, 1)]
        let sum = parts.reduce(0.0) { $0 + ($1.0.map { Double($0) ?? .infinity } ?? 0) * $1.1 }
        let limit = Double(DurationText.maximum.components.seconds) * 1000
        return sum <= limit ? Int64(sum) : nil
    }
}

/// Times, read a second time by the C library.
private enum TimeOracle {
    /// The C library's answer for a text that is a time.
    static func microseconds(of text: String) -> Int64 {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int32 { Int32(String(decoding: bytes[range], as: UTF8.self)) ?? -1 }
        var fields = tm()
        fields.tm_year = number(0..<4) - 1900
        fields.tm_mon = number(5..<7) - 1
        fields.tm_mday = number(8..<10)
        fields.tm_hour = number(11..<13)
        fields.tm_min = number(14..<16)
        fields.tm_sec = number(17..<19)
        var rest = bytes[19...]
        var micro: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count + 1)
            micro = Int64(String(decoding: digits.prefix(6), as: UTF8.self) + String(repeating: "0", count: max(0, 6 - digits.count))) ?? -1
        }
        var offset: Int64 = 0
        if rest.count == 6, let hours = Int64(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self)),
            let minutes = Int64(String(decoding: rest.suffix(2), as: UTF8.self))
        {
            offset = (hours * 60 + minutes) * 60 * (rest.first == UInt8(ascii: "-") ? -1 : 1)
        }
        return (Int64(timegm(&fields)) - offset) * 1_000_000 + micro
    }
}
