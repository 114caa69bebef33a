// `errand logs`: what executions wrote, as it was written or as it is being written.

import ArgumentParser
import Errand
import Logging

struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the logs of jobs or executions; without an ID of all jobs.",
        discussion: """
            A line that a command or a handler printed is shown as it was written; a line of a logger carries its level and metadata. \
            Without an ID, and where several executions are shown, every line begins with its execution ID. -f follows until the job has \
            ended and then tells its outcome on standard error; without an ID it follows all jobs, new ones too.

            Unusual lines end with their flags in braces. after_end: its execution had ended. crossed: written through one execution's \
            logger while another was current; shown for both, with its owner's ID. ambient_lost: written through an execution's logger \
            where none was current. unattributed: written while jobs ran by code of no execution; begins with the worker's ID, and is \
            shown without an ID only. truncated: cut. dropped: lines before it are missing.

            Exit codes: 0 printed, 2 bad usage, 3 no such job or execution, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var filters: LogFilterOptions

    @Flag(name: [.customShort("f"), .customLong("follow")], help: "Go on with new lines until the job has ended.")
    var follow = false

    @Option(name: [.customShort("n"), .customLong("lines")], help: ArgumentHelp("Only the last lines.", valueName: "count"))
    var lines: Int?

    @Option(help: ArgumentHelp("Only this execution: its number, last, or all.", valueName: "number|last|all"))
    var execution: ExecutionChoice = .all

    @Flag(name: .customLong("json"), help: "Print one JSON object per line.")
    var json = false

    @Flag(help: "Begin every line with its time.")
    var timestamps = false

    @Flag(inversion: .prefixedNo, help: "Begin every line with its execution ID.")
    var prefix: Bool?

    @Flag(help: "Print text as it was written, control characters included.")
    var raw = false

    @Flag(name: .customLong("utc"), help: "Show times in UTC instead of local time.")
    var utc = false

    @Option(name: .customLong("color"), help: ArgumentHelp("Colours: auto, always or never; NO_COLOR is respected.", valueName: "when"))
    var color: ColorChoice = .auto

    @Argument(help: ArgumentHelp("Job or execution IDs, unique prefixes, suffixes or key:K.", valueName: "id"), completion: .jobIDs)
    var ids: [String] = []

    func validate() throws {
        if let lines, !(0...10_000_000).contains(lines) { throw ValidationError("-n takes a number from 0 to 10000000.") }
        if ids.isEmpty, execution != .all { throw ValidationError("--execution needs the ID of a job.") }
    }

    func run() async throws {
        let session = Session.current
        let filter = try filters.filter(in: session)
        try await store.withStore { store in
            if ids.isEmpty { try await printAll(of: store, filter, session) } else { try await printNamed(of: store, filter, session) }
        }
    }

    private func printAll(of store: Store, _ filter: LogFilter, _ session: Session) async throws {
        let skipsHistory = follow && lines == nil && filter.since == nil
        let isLeaky = filter.wantsOnlyLeaks
        try await StoreLogs(store: store, session: session, isLeaky: isLeaky).run(
            follow: follow, lines: lines, skipsHistory: skipsHistory
        ) { readsFromStart in
            printer(filter, hasPrefix: true, showsGaps: !isLeaky, readsFromStart: readsFromStart, session)
        }
    }

    private func printNamed(of store: Store, _ filter: LogFilter, _ session: Session) async throws {
        let reader = JobLogs(store: store, session: session)
        let targets = try await reader.targets(ids, execution: execution)
        let hasPrefix = targets.count > 1 || targets.contains { $0.executions > 1 }
        try await reader.run(targets, printer(filter, hasPrefix: hasPrefix, readsFromStart: true, session), follow: follow)
    }

    private func printer(_ filter: LogFilter, hasPrefix: Bool, showsGaps: Bool = true, readsFromStart: Bool, _ session: Session)
        -> LogPrinter
    {
        let text = LogText(
            style: TextStyle(color, isUTC: utc, on: session.output, in: session), hasPrefix: prefix ?? hasPrefix, hasTimestamps: timestamps,
            isRaw: raw)
        return LogPrinter(
            output: session.output, filter: filter, text: text, isJSON: json, showsGaps: showsGaps,
            readsFromStart: readsFromStart, lastLines: lines)
    }
}

/// Which executions of a job.
enum ExecutionChoice: ExpressibleByArgument, Equatable {
    case all
    case last
    case ordinal(Int64)

    init?(argument: String) {
        switch argument {
        case "all": self = .all
        case "last": self = .last
        default:
            guard let number = Int64(argument), number > 0 else { return nil }
            self = .ordinal(number)
        }
    }
}
