// What a victim was told before it died: one line for each acknowledgement, written right after it came.

import Errand
import ErrandContext

/// What the store has promised. A checker holds it against what a fresh opener finds.
struct Ledger {
    /// A promise, as a line of text.
    enum Line: CustomStringConvertible {
        /// The enqueue of the job with this key was acknowledged.
        case enqueued(key: String)
        /// This execution, and with it its lease token, was handed out.
        case claimed(ExecutionID)
        /// This execution's outcome was accepted.
        case accepted(ExecutionID, Outcome)
        /// Nothing was promised: a report was refused.
        case refused(ExecutionID)

        var description: String {
            switch self {
            case .enqueued(let key): "enqueued \(key)"
            case .claimed(let execution): "claimed \(execution)"
            case .accepted(let execution, let outcome): "accepted \(execution) \(outcome.rawValue)"
            case .refused(let execution): "refused \(execution)"
            }
        }

        init?(_ text: some StringProtocol) {
            let words = text.split { $0 == " " }.map { String($0) }
            switch (words.first, words.count) {
            case ("enqueued", 2): self = .enqueued(key: words[1])
            case ("claimed", 2):
                guard let execution = ExecutionID(words[1]) else { return nil }
                self = .claimed(execution)
            case ("accepted", 3):
                guard let execution = ExecutionID(words[1]), let outcome = Outcome(rawValue: words[2]) else { return nil }
                self = .accepted(execution, outcome)
            case ("refused", 2):
                guard let execution = ExecutionID(words[1]) else { return nil }
                self = .refused(execution)
            default: return nil
            }
        }
    }

    private(set) var enqueued: Set<String> = []
    private(set) var claimed: Set<ExecutionID> = []
    private(set) var accepted: [ExecutionID: Outcome] = [:]
    /// What no store may promise, whatever happens to it.
    private(set) var findings: [Finding] = []

    mutating func note(_ line: Line) {
        switch line {
        case .enqueued(let key): enqueued.insert(key)
        case .claimed(let execution):
            if !claimed.insert(execution).inserted { findings.append(.init(.tokenTwice, "\(execution) was claimed twice")) }
        case .accepted(let execution, let outcome):
            if let first = accepted.updateValue(outcome, forKey: execution) {
                findings.append(.init(.doubleOutcome, "\(execution) ended twice: \(first), then \(outcome)"))
            }
            let others = accepted.filter { $0.key.job == execution.job && $0.value == .completed }
            if others.count > 1 { findings.append(.init(.doubleOutcome, "job \(execution.job) completed \(others.count) times")) }
        case .refused: break
        }
    }

    /// Reads what a victim printed; its last line may have been cut by its death.
    init(printed text: String = "") {
        for line in text.split(whereSeparator: \.isNewline) { if let line = Line(line) { note(line) } }
    }
}

/// A broken promise.
struct Finding: Hashable, CustomStringConvertible {
    enum Kind: String, CaseIterable {
        case lostEnqueue = "acknowledged enqueue lost"
        case lostOutcome = "acknowledged outcome lost"
        case doubleOutcome = "double outcome"
        case tokenTwice = "lease token handed out twice"
        case ranAgain = "finished job run again"
        case damaged = "file or tables damaged"
        case unusable = "store not usable afterwards"
        case unfinished = "job without an end"
        case silent = "failed call acknowledged"
    }

    var kind: Kind
    var text: String

    init(_ kind: Kind, _ text: String) { (self.kind, self.text) = (kind, text) }

    var description: String { "\(kind.rawValue): \(text)" }
}
