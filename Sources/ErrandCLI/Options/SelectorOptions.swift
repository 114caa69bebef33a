// Which jobs a verb is about: IDs, or properties that they share.

import ArgumentParser
import Errand

/// The properties that select jobs.
struct SelectorOptions: ParsableArguments {
    @Option(name: .customLong("queue"), help: ArgumentHelp("Jobs of this queue; may be repeated.", valueName: "queue"))
    var queues: [String] = []

    @Option(name: .customLong("kind"), help: ArgumentHelp("Jobs of this kind; may be repeated.", valueName: "kind"))
    var kinds: [String] = []

    @Option(
        name: .customLong("state"), help: ArgumentHelp("Jobs in this state; may be repeated.", valueName: "state"),
        transform: StateArgument.read)
    var states: [JobState] = []

    @Option(
        name: .customLong("meta"), help: ArgumentHelp("Jobs with this value in their meta; may be repeated.", valueName: "name=value"),
        transform: NameValue.read)
    var meta: [NameValue] = []

    @Option(
        name: .customLong("since"), help: ArgumentHelp("Created then or later: 10m, yesterday, 2026-05-01, RFC 3339.", valueName: "time"))
    var since: String?

    @Option(name: .customLong("until"), help: ArgumentHelp("Created before.", valueName: "time"))
    var until: String?

    @Flag(name: .customLong("failed"), help: "Jobs that are dead or wait for another attempt after a failed one.")
    var failed = false

    @Flag(name: .customLong("all"), help: "All jobs, for verbs that otherwise insist on a selection.")
    var all = false

    /// Whether anything restricts the selection.
    var isEmpty: Bool {
        queues.isEmpty && kinds.isEmpty && states.isEmpty && meta.isEmpty && since == nil && until == nil && !failed
    }

    /// The selector for the store.
    /// - Throws: ``Failure`` with status 2 for a text that is no time or no name.
    func selector(in session: Session) throws -> JobSelector {
        var selector = JobSelector()
        for queue in queues { try check(JobRules.nameProblem(queue, what: "queue")) }
        for kind in kinds { try check(JobRules.nameProblem(kind, what: "kind")) }
        selector.queues = queues
        selector.kinds = kinds
        selector.states = Set(states)
        if failed { selector.states.formUnion([.dead, .retryable]) }
        for pair in meta { selector.meta[pair.name] = pair.value }
        let times = TimeReading(now: session.clock.now())
        selector.since = try since.map { try times.past($0, option: "--since") }
        selector.until = try until.map { try times.past($0, option: "--until") }
        return selector
    }

    private func check(_ problem: String?) throws {
        if let problem { throw Failure(.usage, problem) }
    }
}

/// `name=value`.
struct NameValue: Hashable {
    var name: String
    var value: String

    /// Reads a name and a value, which may be empty or hold further equals signs.
    /// - Throws: `ValidationError` that says how it is written.
    static func read(_ text: String) throws -> NameValue {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw ValidationError("there is no = in it: write name=value, such as user=ada") }
        guard !parts[0].isEmpty else { throw ValidationError("there is no name before the =: write name=value, such as user=ada") }
        return NameValue(name: String(parts[0]), value: String(parts[1]))
    }
}

/// Reads a job's state.
enum StateArgument {
    /// The state named `text`.
    /// - Throws: `ValidationError` that lists the states.
    static func read(_ text: String) throws -> JobState {
        guard let state = JobState(rawValue: text) else {
            throw ValidationError(
                "\"\(TerminalText.escaped(text))\" is no state: use \(JobState.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return state
    }
}
