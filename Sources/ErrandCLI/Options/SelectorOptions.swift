// Which jobs a verb is about: IDs, or properties that they share.

import ArgumentParser
import Errand

/// The properties that select jobs.
struct SelectorOptions: ParsableArguments {
    @Option(name: .customLong("queue"), help: ArgumentHelp("Jobs of this queue; may be repeated.", valueName: "queue"), completion: .queues)
    var queues: [String] = []

    @Option(name: .customLong("kind"), help: ArgumentHelp("Jobs of this kind; may be repeated.", valueName: "kind"), completion: .kinds)
    var kinds: [String] = []

    @Option(
        name: .customLong("state"), help: ArgumentHelp("Jobs in this state; may be repeated.", valueName: "state"), completion: .states,
        transform: StateArgument.read)
    var states: [JobState] = []

    @Option(
        name: .customLong("meta"), help: ArgumentHelp("Jobs with this value in their meta; may be repeated.", valueName: "name=value"),
        transform: NameValue.read)
    var meta: [NameValue] = []

    @Option(
        name: .customLong("tag"), help: ArgumentHelp("Jobs with this tag; may be repeated, and all must be there.", valueName: "tag"))
    var tags: [String] = []

    @Option(help: ArgumentHelp("Jobs of this workflow.", valueName: "id"), transform: WorkflowIDArgument.read)
    var workflow: WorkflowID?

    @Option(
        name: .customLong("arg"),
        help: ArgumentHelp(
            "Jobs with this value in their payload: customer.id=7, items.0.sku=x or /a.b/0=x; may be repeated.", valueName: "path=value"),
        transform: PayloadArgument.read)
    var arguments: [PayloadMatch] = []

    @Option(
        name: .customLong("since"), help: ArgumentHelp("Created then or later: 10m, yesterday, 2026-05-01, RFC 3339.", valueName: "time"))
    var since: String?

    @Option(name: .customLong("until"), help: ArgumentHelp("Created before.", valueName: "time"))
    var until: String?

    @Flag(name: .customLong("failed"), help: "Jobs that are dead or wait for another attempt after a failed one.")
    var failed = false

    @Flag(name: .customLong("all"), help: "All jobs, for verbs that otherwise insist on a selection.")
    var all = false

    @Option(help: "At most so many jobs, the newest; 0 is all.")
    var limit: Int?

    @Option(help: ArgumentHelp("Begin below this job, which is not among them.", valueName: "id"), completion: .jobIDs)
    var cursor: String?

    @Option(
        help: ArgumentHelp(
            "How many jobs --meta and --arg look at, the newest, since no index knows them: 100000 by default, 0 is all.",
            valueName: "count"))
    var scan: Int?

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is negative: give a number of jobs, or 0 for all.") }
        if let scan, scan < 0 { throw ValidationError("--scan is negative: give a number of jobs, or 0 for all.") }
    }

    /// Whether anything restricts the selection.
    var isEmpty: Bool {
        queues.isEmpty && kinds.isEmpty && states.isEmpty && meta.isEmpty && tags.isEmpty && workflow == nil && arguments.isEmpty
            && since == nil
            && until == nil && !failed
    }

    /// The list of what `selector` finds, within --limit, --cursor and --scan.
    /// - Parameter usual: The limit where none was given; `nil` is none.
    /// - Throws: ``Failure`` for a cursor that names no job; `JobStoreError`.
    func list(_ selector: JobSelector, in inspection: any JobInspection, limit usual: Int? = nil) async throws -> JobList {
        var list = JobList(inspection: inspection, selector: selector)
        list.limit = limit.map { $0 == 0 ? nil : $0 } ?? usual
        if let cursor { list.cursor = try await JobResolver(inspection: inspection).target(cursor).job }
        if selector.ids.isEmpty, !selector.meta.isEmpty || !selector.arguments.isEmpty {
            list.lookLimit = scan.map { $0 == 0 ? nil : $0 } ?? SelectorOptions.usualScan
        }
        return list
    }

    /// As many jobs as are read in well under a second.
    private static let usualScan = 100_000

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
        try check(tags.lazy.compactMap { JobRules.tagsProblem([$0]) }.first)
        selector.tags = tags
        selector.workflow = workflow
        selector.arguments = arguments
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

/// A workflow's whole ID.
enum WorkflowIDArgument {
    /// The ID that `text` is.
    /// - Throws: `ValidationError` that says where IDs are found.
    static func read(_ text: String) throws -> WorkflowID {
        guard let id = WorkflowID(text) else {
            throw ValidationError(
                "\"\(TerminalText.escaped(text))\" is no workflow's ID, a w and 13 characters: `\(Session.program) workflow` lists them")
        }
        return id
    }
}

/// One of a few words.
enum WordArgument {
    /// The value whose word is `text`.
    /// - Throws: `ValidationError` that lists the words.
    static func read<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Value {
        guard let value = Value(rawValue: text) else {
            throw ValidationError(
                "\"\(TerminalText.escaped(text))\" is none of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }
}

/// `path=value` of a payload.
enum PayloadArgument {
    /// Reads a place in a payload and what is to be there.
    /// - Throws: `ValidationError` that says how it is written.
    static func read(_ text: String) throws -> PayloadMatch {
        let pair = try NameValue.read(text)
        guard let path = PayloadPath(pair.name) else {
            throw ValidationError(
                "\"\(TerminalText.escaped(pair.name))\" is no place in a payload: write customer.id, items.0.sku or /a.b/0")
        }
        return PayloadMatch(path: path, value: pair.value)
    }
}
