// Every flag has a variable of the environment that stands for it: --lease of `work` is ERRAND_WORK_LEASE.

import ArgumentParser
import Errand
import FoundationEssentials

/// Puts what the environment says in front of what the command line says, which comes first.
struct EnvironmentTwins {
    let environment: [String: String]

    /// `arguments` with those flags that only the environment names, right behind the verb.
    /// - Throws: ``Failure`` with status 2 for a switch that is neither on nor off.
    func applied(to arguments: [String]) throws -> [String] {
        let (verb, path, words) = EnvironmentTwins.verb(in: arguments)
        guard !path.isEmpty else { return arguments }
        let prefix = EnvironmentTwins.name(of: path) + "_"
        let named = environment.filter { $0.key.hasPrefix(prefix) && !$0.value.isEmpty }
        guard !named.isEmpty else { return arguments }
        let given = Set(arguments.dropFirst(words).prefix { $0 != "--" }.map { String($0.prefix { $0 != "=" }) })
        guard given.isDisjoint(with: ["-h", "--help", "-help"]) else { return arguments }
        var found: [String] = []
        for flag in try EnvironmentTwins.flags(of: verb) {
            guard let long = flag.longNames.first, let value = named[prefix + EnvironmentTwins.variable(long)] else { continue }
            guard given.isDisjoint(with: flag.spellings), !EnvironmentTwins.rivals(of: long).contains(where: { given.contains("--\($0)") })
            else { continue }
            if flag.kind == "option" {
                found.append("--\(long)=\(value)")
            } else if let word = try EnvironmentTwins.word(for: flag, value, variable: prefix + EnvironmentTwins.variable(long)) {
                found.append(word)
            }
        }
        return arguments.prefix(words) + found + arguments.dropFirst(words)
    }

    /// Flags of which a command line has one: who gives one of them does not mean the variable of another.
    private static let exclusive: [Set<String>] = [
        ["in", "at"], ["once", "until-empty"], ["unique", "unique-by"], ["json", "prometheus", "output", "quiet"],
    ]

    private static func rivals(of flag: String) -> Set<String> { exclusive.first { $0.contains(flag) } ?? [] }

    /// The command of `arguments`, read with the variables; where these are what is wrong, that is said.
    /// - Throws: what the parser throws; ``Failure`` with status 2.
    func parsed(_ arguments: [String]) throws -> any ParsableCommand {
        let applied = try applied(to: arguments)
        do {
            return try ErrandCommand.parseAsRoot(applied)
        } catch {
            // Whether the line is fine without the variables is all that matters here; what is wrong with it otherwise is in `error`.
            guard applied != arguments, (try? ErrandCommand.parseAsRoot(arguments)) != nil else { throw error }
            let path = EnvironmentTwins.verb(in: arguments).path
            let names = applied.filter { !arguments.contains($0) }.map { word in
                EnvironmentTwins.name(of: path) + "_" + EnvironmentTwins.variable(String(word.drop { $0 == "-" }.prefix { $0 != "=" }))
            }
            let message = ErrandCommand.message(for: error)
            throw Failure(
                .usage,
                "\(message.hasSuffix(".") ? message.dropLast() : message[...]); that comes from the environment: \(names.joined(separator: ", "))"
            )
        }
    }

    /// Whether `variable` stands for a flag; `nil` when it is not named like one of a verb.
    static func standsForFlag(_ variable: String) -> Bool? {
        func commands(_ type: any ParsableCommand.Type, _ path: [String]) -> [(any ParsableCommand.Type, [String])] {
            type.configuration.subcommands.flatMap { [($0, path + [$0._commandName])] + commands($0, path + [$0._commandName]) }
        }
        let meant = commands(ErrandCommand.self, []).filter { variable.hasPrefix(name(of: $0.1) + "_") }
        guard !meant.isEmpty else { return nil }
        return meant.contains { type, path in
            // A dump that cannot be read would be the parser's mistake: nobody's variable is called wrong for it.
            guard let flags = try? flags(of: type) else { return true }
            return flags.contains { variable == name(of: path) + "_" + EnvironmentTwins.variable($0.longNames[0]) }
        }
    }

    /// The command that `arguments` name, its whole name, and how many words of it were given.
    private static func verb(in arguments: [String]) -> (type: any ParsableCommand.Type, path: [String], words: Int) {
        var type: any ParsableCommand.Type = ErrandCommand.self
        var path: [String] = []
        for word in arguments {
            let next = type.configuration.subcommands.first { $0._commandName == word || $0.configuration.aliases.contains(word) }
            guard let next else { break }
            type = next
            path.append(next._commandName)
        }
        let words = path.count
        if let usual = type.configuration.defaultSubcommand {
            type = usual
            path.append(usual._commandName)
        }
        return (type, path, words)
    }

    private static func name(of path: [String]) -> String { "ERRAND_" + path.map(variable).joined(separator: "_") }

    private static func variable(_ name: String) -> String { name.uppercased().replacing("-", with: "_") }

    /// A switch as it is given, or nothing where it is off by itself.
    private static func word(for flag: Flag, _ value: String, variable: String) throws -> String? {
        switch value.lowercased() {
        case "1", "true", "yes", "on": return "--\(flag.longNames[0])"
        case "0", "false", "no", "off": return flag.inverse.map { "--\($0)" }
        default: throw Failure(.usage, "\(variable) is \"\(TerminalText.escaped(value))\": a switch is 1 or 0, true or false, on or off")
        }
    }

    // MARK: What the parser knows

    private struct Flag {
        var kind: String
        var longNames: [String]
        /// What turns a switch off.
        var inverse: String?
        /// As they stand on a command line.
        var spellings: Set<String>
    }

    /// What ``ParsableArguments`` dumps for tools; only what is needed of it.
    private struct Tool: Decodable {
        struct Command: Decodable { var arguments: [Argument]? }
        struct Argument: Decodable {
            struct Name: Decodable {
                var kind: String
                var name: String
            }

            var kind: String
            var names: [Name]?
        }

        var command: Command
    }

    private static func flags(of verb: any ParsableCommand.Type) throws -> [Flag] {
        let tool = try JSONDecoder().decode(Tool.self, from: Data(verb._dumpHelp().utf8))
        let flags = (tool.command.arguments ?? []).compactMap { argument -> Flag? in
            guard let names = argument.names, argument.kind != "positional" else { return nil }
            let long = names.filter { $0.kind == "long" }.map(\.name)
            guard !long.isEmpty, !["help", "version"].contains(long[0]) else { return nil }
            return Flag(
                kind: argument.kind, longNames: long,
                spellings: Set(names.map { $0.kind == "long" ? "--\($0.name)" : "-\($0.name)" }))
        }
        let names = Set(flags.flatMap(\.longNames))
        return flags.compactMap { flag in
            guard flag.kind != "option" else { return flag }
            if flag.longNames[0].hasPrefix("no-"), names.contains(String(flag.longNames[0].dropFirst(3))) { return nil }
            let inverse = "no-" + flag.longNames[0]
            guard names.contains(inverse) else { return flag }
            var flag = flag
            flag.inverse = inverse
            flag.spellings.insert("--" + inverse)
            return flag
        }
    }
}
