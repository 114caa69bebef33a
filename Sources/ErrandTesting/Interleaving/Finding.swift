// What a scene showed: whose the lines were, against what the table of mechanisms promises.

package import ErrandContext

/// How many lines were filed rightly, wrongly or not at all.
package struct Finding: Sendable {
    /// Lines of one kind of logger.
    package struct Count: Sendable, Equatable {
        /// Filed under the execution that wrote them.
        package var right = 0
        /// Filed under another.
        package var wrong = 0
        /// Filed nowhere.
        package var missing = 0
    }

    /// How many jobs spoke.
    package let jobs: Int
    /// How many times they spoke, together.
    package let said: Int
    /// Lines of ordinary loggers.
    package var ordinary = Count()
    /// Lines of the executions' own loggers (Pattern A).
    package var captured = Count()
    /// Captured lines flagged `crossed`.
    package var crossed = 0
    /// Captured lines flagged `ambient_lost`.
    package var lost = 0
    /// Lines flagged `after_end`, of either kind.
    package var late = 0
    /// Where flagged lines were written, `Module/File.swift:12`; `nil` for one that does not say.
    package var sites: Set<String?> = []
    /// Whom ordinary lines were filed under.
    package var owners: Set<ExecutionID> = []

    init(_ lines: [FiledLine], said: Int, jobs: Int) {
        self.said = said
        self.jobs = jobs
        for line in lines {
            let isCaptured = line.message.hasSuffix(Scene.captured)
            let count = isCaptured ? \Finding.captured : \Finding.ordinary
            if let id = line.under {
                if line.message.hasPrefix("\(id) ") { self[keyPath: count].right += 1 } else { self[keyPath: count].wrong += 1 }
                if !isCaptured { owners.insert(id) }
            }
            if isCaptured {
                if line.flags.contains("crossed") { crossed += 1 }
                if line.flags.contains("ambient_lost") { lost += 1 }
            }
            if line.flags.contains("after_end") { late += 1 }
            if !line.flags.isEmpty { sites.insert(line.site) }
        }
        ordinary.missing = said - ordinary.right - ordinary.wrong
        captured.missing = said - captured.right - captured.wrong
    }

    /// Where this differs from what `mechanism` promises; empty when it does not.
    package func differences(from mechanism: Mechanism, isBound: Bool) -> [String] {
        let attribution = isBound ? .right : mechanism.unbound
        let isLate = mechanism.isLate
        var differences: [String] = []
        func expect(_ holds: Bool, _ text: String) { if !holds { differences.append(text) } }
        expect(said == jobs * mechanism.says, "not every job has spoken")
        switch attribution {
        case .right: expect(ordinary == Count(right: said), "ordinary lines are not all right")
        case .nobody: expect(ordinary == Count(missing: said), "ordinary lines are not all nobody's")
        // How many of each is up to the threads: which of them takes an iteration.
        case .mixed: expect(ordinary.wrong == 0, "ordinary lines are not all right or nobody's")
        case .neighbours: expect(ordinary == Count(wrong: said), "ordinary lines are not all another job's")
        case .oneForAll:
            let each = said / jobs
            expect(ordinary == Count(right: each, wrong: said - each) && owners.count == 1, "ordinary lines are not all one job's")
        }
        expect(captured == Count(right: said), "captured lines are not all right")
        expect(crossed == ordinary.wrong, "not each captured line in another job's scope is flagged crossed, and no other")
        expect(lost == ordinary.missing, "not each captured line outside of every scope is flagged ambient_lost, and no other")
        expect(late == (isLate ? 2 * said - ordinary.missing : 0), "not each late line is flagged after_end, and no other")
        expect(
            sites.allSatisfy { $0?.hasPrefix(mechanism.file + ":") ?? false }, "not each flagged line says where it was written: \(sites)")
        return differences.isEmpty ? [] : differences + ["\(self)"]
    }

    /// Lines that must not be, wherever code is bound or carries its identity.
    package var wrong: Int { ordinary.wrong + captured.wrong }
}

extension Finding: CustomStringConvertible {
    package var description: String {
        """
        \(said) said by \(jobs); ordinary: \(ordinary.right) right, \(ordinary.wrong) wrong, \(ordinary.missing) missing; \
        captured: \(captured.right) right, \(captured.wrong) wrong, \(captured.missing) missing; \
        \(crossed) crossed, \(lost) ambient_lost, \(late) after_end
        """
    }
}
