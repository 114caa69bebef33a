// Turns a YAML tree into a configuration; whatever is not understood is a problem, never ignored.

import Errand
import Glibc

/// Reads the values of a configuration and collects what is wrong with them.
struct ConfigurationReader {
    /// The file as it was named.
    let file: String
    private var found: [ConfigurationProblem] = []
    /// What is to hold for every worker of the store.
    var settings: [StoreSetting] = []

    /// What was found, in the order of the file.
    var problems: [ConfigurationProblem] { found.sorted { ($0.line, $0.column) < ($1.line, $1.column) } }

    init(file: String) { self.file = file }

    /// The configuration in `root`; incomplete when there are problems.
    mutating func configuration(_ root: YAMLNode?) -> ErrandConfiguration {
        var configuration = ErrandConfiguration(file: file)
        guard let root, !root.isNull else { return configuration }
        let keys = ["worker", "queues", "kinds", "handlers", "periodic", "limits", "retention", "redact", "encryption"]
        for member in members(root, of: "the configuration", keys: keys) {
            switch member.name {
            case "worker": configuration.worker = worker(member.value)
            case "queues": configuration.queues = named(member.value, "queue") { reader, key, node in reader.queue(key, node) }
            case "kinds": configuration.kinds = named(member.value, "kind") { reader, key, node in reader.kind(key, node) }
            case "periodic":
                configuration.periodic = named(member.value, "periodic job") { reader, key, node in reader.periodic(key, node) }
            case "limits": configuration.limits = limits(member.value)
            case "retention": configuration.retention = retention(member.value)
            case "redact": configuration.redaction = redaction(member.value)
            case "encryption": configuration.encryption = encryption(member.value)
            default: configuration.handlers = named(member.value, "kind") { reader, key, node in reader.handler(key, node) }
            }
        }
        configuration.settings = settings
        return configuration
    }

    // MARK: Parts

    private static let handlerKeys = [
        "run", "timeout", "heartbeat", "max_attempts", "backoff", "unrecoverable", "cwd", "env", "limits",
    ]

    private mutating func handler(_ key: YAMLNode, _ node: YAMLNode) -> ErrandConfiguration.CommandKind? {
        let name = key.description
        if case .scalar(CommandPayload.kind, _) = key.content {
            report(key, "the kind \"\(CommandPayload.kind)\" is reserved for commands that are enqueued as such: choose another name")
        }
        var handler = ErrandConfiguration.CommandKind(
            run: [], directory: baseDirectory, environment: [:], line: node.line, column: node.column)
        let members = members(node, of: "a handler", keys: ConfigurationReader.handlerKeys)
        for member in members {
            switch member.name {
            case "run":
                handler.run = command(member)
                handler.line = member.value.line
                handler.column = member.value.column
            case "timeout": handler.timeout = duration(member)
            case "heartbeat": handler.heartbeatTimeout = duration(member)
            case "backoff": handler.backoff = backoff(member)
            case "unrecoverable": handler.unrecoverable = exitStatuses(member)
            case "max_attempts": handler.maxAttempts = number(member, in: Limits.attempts)
            case "cwd": handler.directory = text(member.value, what: "cwd").map(absolute) ?? baseDirectory
            case "limits": handler.limits = limits(member.value)
            default: handler.environment = environment(member.value)
            }
        }
        if case .mapping = node.content, !members.contains(where: { $0.name == "run" }) {
            report(key, "handler \(name) has no \"run\": say which command handles it, such as run: [python3, \(key.plainText).py]")
        }
        return handler.run.isEmpty ? nil : handler
    }

    mutating func command(_ member: YAMLNode.Member) -> [String] {
        guard case .sequence(let nodes) = member.value.content else {
            report(
                member.value,
                "\"run\" must be a list of the program and its arguments, such as [python3, work.py], not \(member.value.description)")
            return []
        }
        let argv = nodes.compactMap { text($0, what: "an argument of \"run\"") }
        guard argv.count == nodes.count else { return [] }
        if let problem = CommandPayload(argv: argv).problem {
            report(member.value, problem)
            return []
        }
        return argv
    }

    mutating func environment(_ node: YAMLNode) -> [String: String] {
        var values: [String: String] = [:]
        for member in members(node, of: "env", keys: nil) { values[member.name] = text(member.value, what: "\"\(member.name)\"") }
        if let problem = CommandEnvironment.problem(with: values) { report(node, problem) }
        return values
    }

    // MARK: Values

    /// The members of a mapping whose keys are names of queues or kinds.
    private mutating func named<Value>(
        _ node: YAMLNode, _ what: String, _ read: (inout ConfigurationReader, YAMLNode, YAMLNode) -> Value?
    ) -> [String: Value] {
        var values: [String: Value] = [:]
        for member in members(node, of: "\(what)s", keys: nil) {
            let value = read(&self, member.key, member.value)
            if let problem = JobRules.nameProblem(member.name, what: what) {
                report(member.key, problem)
            } else {
                values[member.name] = value
            }
        }
        return values
    }

    /// The members of a mapping, those with an unknown key left out and reported; `nil` keys are any.
    mutating func members(_ node: YAMLNode, of what: String, keys: [String]?) -> [YAMLNode.Member] {
        guard case .mapping(let members) = node.content else {
            if !node.isNull || keys != nil { report(node, "\(what) must be a mapping (key: value), not \(node.description)") }
            return []
        }
        guard let keys else { return members }
        return members.filter { member in
            if keys.contains(member.name) { return true }
            let hint =
                Nearest.name(to: member.name, among: keys).map { "did you mean \"\($0)\"?" }
                ?? "valid keys are \(keys.joined(separator: ", "))"
            report(member.key, "unknown key \"\(member.name)\" in \(what): \(hint)")
            return false
        }
    }

    mutating func text(_ node: YAMLNode, what: String) -> String? {
        guard case .scalar(let text, _) = node.content, !node.isNull else {
            report(node, "\(what) must be text, not \(node.description)")
            return nil
        }
        return text
    }

    /// Whether a switch is on.
    mutating func flag(_ member: YAMLNode.Member) -> Bool? {
        if case .scalar(let text, isPlain: true) = member.value.content, let isOn = ["true": true, "false": false][text] { return isOn }
        report(member.value, "\"\(member.name)\" is true or false, not \(member.value.description)")
        return nil
    }

    /// A list of texts; `example` is one, for messages.
    mutating func texts(_ member: YAMLNode.Member, example: String) -> [String]? {
        guard case .sequence(let nodes) = member.value.content else {
            report(member.value, "\"\(member.name)\" must be a list, such as \(example), not \(member.value.description)")
            return nil
        }
        return nodes.compactMap { text($0, what: "an entry of \"\(member.name)\"") }
    }

    /// The name of a queue or kind.
    mutating func name(_ member: YAMLNode.Member) -> String? {
        guard let text = text(member.value, what: "\"\(member.name)\"") else { return nil }
        if let problem = JobRules.nameProblem(text, what: member.name) { report(member.value, problem) }
        return text
    }

    /// What `read` makes of a value; `nil` for `none`.
    mutating func unlessNone<Value>(
        _ member: YAMLNode.Member, _ read: (inout ConfigurationReader, YAMLNode.Member) -> Value?
    ) -> Value? {
        if case .scalar("none", _) = member.value.content { return nil }
        return read(&self, member)
    }

    mutating func number(_ member: YAMLNode.Member, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, isPlain: true) = member.value.content, let number = Int(text), range.contains(number) else {
            report(
                member.value,
                "\"\(member.name)\" must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(member.value.description)"
            )
            return nil
        }
        return number
    }

    /// A duration; longer than zero, unless `orZero`.
    mutating func duration(_ member: YAMLNode.Member, orZero: Bool = false) -> Duration? {
        guard let text = text(member.value, what: "\"\(member.name)\"") else { return nil }
        do throws(DurationText.Problem) {
            let duration = try DurationText.parse(text)
            if orZero, duration == .zero { return duration }
            if let problem = JobRules.durationProblem(duration, what: member.name) { report(member.value, problem) }
            return duration
        } catch {
            report(member.value, "\"\(member.name)\": \(error)")
            return nil
        }
    }

    mutating func report(_ node: YAMLNode, _ message: String) {
        found.append(ConfigurationProblem(file: file, line: node.line, column: node.column, message: message))
    }

    // MARK: Directories

    /// Where the file is, absolute: a worker may change its directory later.
    private var baseDirectory: String {
        let slash = file.lastIndex(of: "/")
        let directory = slash.map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
        guard !directory.hasPrefix("/") else { return directory }
        guard let current = getcwd(nil, 0) else { return directory }
        defer { free(current) }
        return directory == "." ? String(cString: current) : String(cString: current) + "/" + directory
    }

    func absolute(_ directory: String) -> String {
        if directory == "." { return baseDirectory }
        return directory.hasPrefix("/") ? directory : baseDirectory + "/" + directory
    }
}

extension YAMLNode {
    /// The text of a scalar, empty for others.
    var plainText: String {
        if case .scalar(let text, _) = content { text } else { "" }
    }
}

/// Guesses what a misspelt name was meant to be.
enum Nearest {
    /// The name that takes the fewest changed, added, removed or swapped characters; `nil` when that is more than a third of it.
    static func name(to text: String, among names: [String]) -> String? {
        let ranked = names.map { ($0, distance(Array(text.lowercased()), Array($0))) }.min { $0.1 < $1.1 }
        guard let (name, distance) = ranked, distance <= max(1, name.count / 3) else { return nil }
        return name
    }

    /// Optimal string alignment, https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        guard a.count < 100 else { return .max }
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
