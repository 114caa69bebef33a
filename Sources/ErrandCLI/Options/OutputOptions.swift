// How a verb shows what it found.

import ArgumentParser
import Errand

/// The shape of a verb's data.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, wide, json, ids
}

/// When colours are used.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}

/// Format, colours and time zone.
struct OutputOptions: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("table, wide, json or ids.", valueName: "format"))
    var format: OutputFormat?

    @Flag(name: .customLong("json"), help: "The same as --output json.")
    var json = false

    @Flag(name: [.customShort("q"), .customLong("quiet")], help: "The same as --output ids.")
    var quiet = false

    @Option(name: .customLong("color"), help: ArgumentHelp("Colours: auto, always or never; NO_COLOR is respected.", valueName: "when"))
    var color: ColorChoice = .auto

    @Flag(name: .customLong("utc"), help: "Show times in UTC instead of local time.")
    var utc = false

    func validate() throws {
        let shapes = [format != nil && format != .json && json, format != nil && format != .ids && quiet, json && quiet]
        if shapes.contains(true) { throw ValidationError("--output, --json and --quiet contradict each other: give one of them.") }
    }

    /// The format that was asked for.
    var chosen: OutputFormat { json ? .json : quiet ? .ids : format ?? .table }

    /// How text is painted on `output`.
    func style(for output: Output, in session: Session) -> TextStyle {
        TextStyle(color, isUTC: utc, on: output, in: session)
    }
}

extension TextStyle {
    /// The style that flags, the environment and the stream ask for.
    init(_ color: ColorChoice = .auto, isUTC: Bool = false, on output: Output, in session: Session) {
        self.isUTC = isUTC
        isColored =
            switch color {
            case .always: true
            case .never: false
            // https://no-color.org: any value that is not empty counts.
            case .auto: output.isTerminal && (session.environment["NO_COLOR"] ?? "").isEmpty && session.environment["TERM"] != "dumb"
            }
    }
}
