// Which log records a reader wants, on the command line.

import ArgumentParser
import Errand
import Logging

/// Level, time, text and flags.
struct LogFilterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only this level and above: trace, debug, info, notice, warning, error, critical.", valueName: "level"),
        transform: LevelArgument.read)
    var level: LevelArgument?

    @Option(help: ArgumentHelp("Written then or later: 10m, yesterday, 2026-05-01, RFC 3339.", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Written before.", valueName: "time"))
    var until: String?

    @Option(help: ArgumentHelp("Only lines whose message contains this text.", valueName: "text"))
    var grep: String?

    @Flag(name: .customShort("i"), help: "--grep ignores upper and lower case.")
    var ignoreCase = false

    @Flag(name: .customShort("E"), help: "--grep is a regular expression.")
    var expression = false

    @Option(
        help: ArgumentHelp(
            "Only lines with this flag: after_end, crossed, ambient_lost, unattributed, truncated, dropped. Repeated: with any of them.",
            valueName: "flag"))
    var flag: [FlagArgument] = []

    @Flag(help: "Only lines that were written after their execution had ended; the same as --flag after_end.")
    var late = false

    func validate() throws {
        if grep == nil, ignoreCase || expression { throw ValidationError("-i and -E change --grep, which is missing.") }
    }

    /// The filter.
    /// - Throws: ``Failure`` with status 2 for a text that is no time or no expression.
    func filter(in session: Session) throws -> LogFilter {
        let times = TimeReading(now: session.clock.now())
        var filter = LogFilter()
        filter.level = level?.level ?? .trace
        filter.flags = flag.reduce(into: late ? .afterEnd : []) { $0.formUnion($1.flag) }
        filter.since = try since.map { try times.past($0, option: "--since") }
        filter.until = try until.map { try times.past($0, option: "--until") }
        filter.pattern = try grep.map { try LogFilter.Pattern($0, isExpression: expression, ignoresCase: ignoreCase) }
        return filter
    }
}

/// A log level by its name.
struct LevelArgument {
    let level: Logger.Level

    /// The level named `text`.
    /// - Throws: `ValidationError` that lists the levels.
    static func read(_ text: String) throws -> LevelArgument {
        guard let level = Logger.Level(rawValue: text) else {
            throw ValidationError("there is no such level: use \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return LevelArgument(level: level)
    }

    /// What `--log-level` says in arguments that are not parsed yet; a wrong value is refused when they are.
    static func early(in arguments: [String]) -> Logger.Level? {
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return nil }
            if argument == "--log-level", index + 1 < arguments.count { return Logger.Level(rawValue: arguments[index + 1]) }
            if argument.hasPrefix("--log-level=") { return Logger.Level(rawValue: String(argument.dropFirst("--log-level=".count))) }
        }
        return nil
    }
}

/// A log flag by its name.
struct FlagArgument: ExpressibleByArgument {
    let flag: LogFlags

    init?(argument: String) {
        guard let known = LogFlags.names.first(where: { $0.name == argument }) else { return nil }
        flag = known.flag
    }
}
