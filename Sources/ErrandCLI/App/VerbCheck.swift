// Looks at the first word of a command line before it is parsed: the parser only says that it did not expect it.

import ArgumentParser
import Errand

/// What is wrong with the place where the verb belongs.
struct VerbCheck {
    let arguments: [String]
    let program: String

    /// Verbs and their aliases, in the order of the help.
    static var names: [String] { ErrandCommand.configuration.subcommands.flatMap { [$0._commandName] + $0.configuration.aliases } }

    /// Options of the command itself, which stand before any verb.
    private static let own: Set = ["-h", "--help", "-help", "--help-hidden", "-help-hidden", "--version"]

    /// A sentence for a person, or `nil` when a verb, or nothing, stands in its place.
    var problem: String? {
        guard let first = arguments.first else { return nil }
        let verbs = VerbCheck.names
        if first == "help" {
            guard let topic = arguments.dropFirst().first, !topic.hasPrefix("-"), topic != "help", !verbs.contains(topic) else {
                return nil
            }
            return unknown(topic, verbs)
        }
        if first == "--" {
            return arguments.count > 1 ? "to run a command, put the verb first: `\(program) enqueue \(ShellText.line(arguments))`" : nil
        }
        if first.hasPrefix("-") {
            let option = String(first.prefix { $0 != "=" })
            guard !first.hasPrefix("---"), !first.hasPrefix("--experimental-"), !first.hasPrefix("--generate-completion-script"),
                !VerbCheck.own.contains(option), let verb = arguments.dropFirst().first(where: verbs.contains)
            else { return nil }
            return "put \(TerminalText.escaped(option)) after the verb: `\(program) \(verb) \(TerminalText.escaped(option)) …`"
        }
        return verbs.contains(first) ? nil : unknown(first, verbs)
    }

    private func unknown(_ word: String, _ verbs: [String]) -> String {
        let shown = "unknown verb \"\(TerminalText.escaped(TerminalText.cut(word, to: 80)))\""
        if let near = VerbCheck.nearest(to: word, among: verbs + ["help"]) {
            return "\(shown): did you mean \"\(near)\"? See `\(program) --help`."
        }
        let all = ErrandCommand.configuration.subcommands.map { $0._commandName }.joined(separator: ", ")
        return "\(shown): the verbs are \(all). See `\(program) --help`."
    }

    /// The name that differs least from `word`, if that is a slip and no other word: up to a third of its letters, one at least.
    static func nearest(to word: String, among names: [String]) -> String? {
        guard word.utf8.count <= 40 else { return nil }
        let limit = max(1, word.utf8.count / 3)
        let distances = names.map { (name: $0, distance: distance(Array(word.lowercased().utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
        return best.name
    }

    /// How many letters must be added, dropped, replaced or swapped with their neighbour to make one word of the other.
    static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...other.count)
        for i in 0..<one.count {
            var row = [i + 1]
            for j in 0..<other.count {
                var best = min(last[j] + (one[i] == other[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, one[i] == other[j - 1], one[i - 1] == other[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[other.count]
    }
}
