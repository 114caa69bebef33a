// The figures of a sweep, and its verdict.

import ArgumentParser

/// Counts what was done and what was found; prints it as lines that a person and a test can read.
struct Report {
    private let title: String
    private var counts: [String: Int] = [:]
    private var order: [String] = []
    private var findings: [(place: String, finding: Finding)] = []

    /// So many findings are told in full.
    private static let toldInFull = 12

    init(_ title: String) { self.title = title }

    mutating func count(_ what: String, _ number: Int = 1) {
        if counts[what] == nil { order.append(what) }
        counts[what, default: 0] += number
    }

    mutating func add(_ found: [Finding], at place: String) {
        findings += found.map { (place, $0) }
    }

    mutating func merge(_ other: Report) {
        for what in other.order { count(what, other.counts[what] ?? 0) }
        findings += other.findings
    }

    /// Prints everything. Fails when something was found, or, for a broken variant, when nothing was.
    func finish(expectingFindings: Bool) throws {
        print(title)
        for what in order { print("  \(what): \(counts[what] ?? 0)") }
        for kind in Finding.Kind.allCases {
            let number = findings.count { $0.finding.kind == kind }
            if number > 0 || !expectingFindings { print("  \(kind.rawValue): \(number)") }
        }
        print("  places with findings: \(Set(findings.map(\.place)).count)")
        if !expectingFindings {
            for (place, finding) in findings.prefix(Report.toldInFull) { print("  at \(place): \(finding)") }
        }
        if findings.isEmpty == expectingFindings { throw ExitCode(1) }
    }
}
