// What a check of contexts found: lines that were lost, crossed, late or filed under the wrong execution, by their place in the code.

/// What a ``ContextCheck`` found in the logs of its executions.
public struct ContextReport: Sendable, Hashable {
    /// How many executions wrote lines.
    public var executions: Int
    /// How many lines were kept in all.
    public var lines: Int
    /// How many of them begin with the ID of an execution of this check, so that their true owner is known.
    public var known: Int
    /// How many lines of the check itself are missing.
    public var missing: Int
    /// The leaking places, the gravest first; empty where all is well.
    public var leaks: [Leak]

    /// Whether nothing was found.
    public var isClean: Bool { leaks.isEmpty && missing == 0 }

    /// A place in the code that lost, crossed or mistook an execution.
    public struct Leak: Sendable, Hashable {
        /// What is wrong with the lines of the place.
        public var problem: Problem
        /// The place, `Module/File.swift:12`; for printed lines, which do not say where they come from, the stream.
        public var site: String
        /// How many lines.
        public var lines: Int
        /// One of them, as it was written.
        public var example: String
        /// What that one is filed under; `nil` for a line of no execution.
        public var filedUnder: ExecutionID?
    }

    /// What is wrong with a line, the gravest first.
    public enum Problem: Int, Sendable, Hashable, CaseIterable {
        /// It begins with the ID of another execution than the one that it is filed under, and nothing but that shows it.
        case misfiled
        /// It was written by code that belongs to no execution.
        case unattributed
        /// It was written through one execution's logger while another was current.
        case crossed
        /// It was written through an execution's logger where none was current.
        case ambientLost
        /// It was written after its execution had ended.
        case afterEnd

        /// The name of the flag, as logs show it; `misfiled` for lines without one.
        public var name: String {
            switch self {
            case .misfiled: "misfiled"
            case .unattributed: "unattributed"
            case .crossed: "crossed"
            case .ambientLost: "ambient_lost"
            case .afterEnd: "after_end"
            }
        }
    }
}

extension ContextReport: CustomStringConvertible {
    /// One line of counts, then one for each leaking place.
    public var description: String {
        var text = "\(executions) executions, \(lines) lines, \(known) with a known owner"
        text += leaks.isEmpty ? ", none lost or crossed" : ", \(leaks.reduce(0) { $0 + $1.lines }) lost or crossed"
        if missing > 0 { text += ", \(missing) missing" }
        for leak in leaks { text += "\n\(leak)" }
        return text
    }
}

extension ContextReport.Leak: CustomStringConvertible {
    /// The place, what is wrong there, how often, and an example.
    public var description: String {
        let owner = filedUnder.map { "filed under \($0)" } ?? "filed under no execution"
        return "\(site): \(problem.name), \(lines) line\(lines == 1 ? "" : "s"), for example \"\(example)\", \(owner)"
    }
}

extension ContextReport {
    /// Judges `records`: the lines that `expected` executions, each with `canaries` lines of the check's own, have left.
    package init(of records: [LogRecord], executions expected: Set<ExecutionID>, canaries: Int, label: String) {
        struct Place: Hashable {
            var problem: Problem
            var site: String
        }
        var found: [Place: Leak] = [:]
        var (known, own) = (0, 0)
        for record in records {
            let truth = record.trueExecutionID.flatMap { expected.contains($0) ? $0 : nil }
            let under = record.identity.executionID
            if truth != nil { known += 1 }
            if record.logger == label, truth == under { own += 1 }
            for problem in record.problems(truth: truth) {
                let site = record.site ?? record.stream.rawValue
                let leak = Leak(problem: problem, site: site, lines: 0, example: record.message, filedUnder: under)
                found[Place(problem: problem, site: site), default: leak].lines += 1
            }
        }
        self.init(
            executions: Set(records.compactMap(\.identity.executionID)).count, lines: records.count, known: known,
            missing: expected.count * canaries - own,
            leaks: found.values.sorted { ($0.problem.rawValue, $0.site) < ($1.problem.rawValue, $1.site) })
    }
}

extension LogRecord {
    /// The execution whose ID the message begins with.
    fileprivate var trueExecutionID: ExecutionID? {
        message.split(separator: " ", maxSplits: 1).first.flatMap { ExecutionID(String($0)) }
    }

    /// Where in the code it was written, if it says so.
    fileprivate var site: String? { JSONMembers(object: metadata[...])?.text("site") }

    fileprivate func problems(truth: ExecutionID?) -> [ContextReport.Problem] {
        var problems: [ContextReport.Problem] = []
        if flags.contains(.unattributed) { problems.append(.unattributed) }
        if flags.contains(.crossed) { problems.append(.crossed) }
        if flags.contains(.ambientLost) { problems.append(.ambientLost) }
        if flags.contains(.afterEnd) { problems.append(.afterEnd) }
        if let truth, let under = identity.executionID, truth != under { problems.append(.misfiled) }
        return problems
    }
}
