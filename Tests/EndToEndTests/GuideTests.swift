// The promise: what the guide to the command line shows is what happens, verb after verb.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct GuideTests {
    private static let guide = "Sources/Errand/Errand.docc/CommandLine.md"

    private func guide() throws -> Guide {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return Guide(try String(contentsOf: root.appendingPathComponent(GuideTests.guide), encoding: .utf8))
    }

    @Test func `every command of the guide, typed in its order, answers what the guide says`() throws {
        let guide = try guide()
        let room = try GuideRoom()
        #expect(guide.steps.count > 50)
        for step in guide.steps {
            switch step {
            case .file(let name, let text): try room.write(text, to: name)
            case .command(let command, let shown):
                let seen = try room.type(command)
                #expect(room.agrees(seen, with: shown), "$ \(command)\n\(seen)\n--- instead of\n\(shown)")
            }
        }
    }

    @Test func `the guide leaves out no verb`() throws {
        let sandbox = try Sandbox()
        let typed = try guide().steps.compactMap { if case .command(let command, _) = $0 { command } else { nil } }
        func verbs(_ path: [String]) throws -> [String] {
            let help = try sandbox.run(["help"] + path).out
            guard let list = help.split(separator: "SUBCOMMANDS:\n").dropFirst().first else { return [] }
            return list.split(separator: "\n").compactMap { line in
                guard line.hasPrefix("  "), !line.hasPrefix("   "), line.contains("  ") else { return nil }
                return line.dropFirst(2).prefix { $0.isLetter || $0 == "-" }.description
            }.filter { !$0.isEmpty && $0 != "See" }
        }
        let all = try verbs([])
        #expect(all.count >= 25)
        for verb in all {
            #expect(typed.contains { $0.hasPrefix("errand \(verb)") }, "errand \(verb)")
            for part in try verbs([verb]) where part != "list" {
                #expect(typed.contains { $0.hasPrefix("errand \(verb) \(part)") }, "errand \(verb) \(part)")
            }
        }
    }

    @Test func `an answer that is another one is noticed`() throws {
        let room = try GuideRoom()
        #expect(room.agrees("06yhzm4fdbxp0 completed 3ms", with: "06aaaaaaaaaaa  completed  12ms"))
        #expect(!room.agrees("06yhzm4fdbxp0 dead 3ms", with: "06bbbbbbbbbbb  completed  12ms"))
        #expect(!room.agrees("one\ntwo", with: "one"))
        // An ID stands for the same job from its first line on.
        #expect(!room.agrees("06yhzm4fdbxp1", with: "06aaaaaaaaaaa"))
    }
}

/// A guide as what is to be done: files to write, commands to type, answers to expect.
struct Guide {
    enum Step {
        case file(name: String, text: String)
        case command(String, shown: String)
    }

    private(set) var steps: [Step] = []

    init(_ markdown: String) {
        var name: String?
        var lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            if line.hasPrefix("<!-- file: ") { name = line.dropFirst(11).dropLast(4).description }
            guard line.hasPrefix("```") else { continue }
            let block = Array(lines.prefix { $0 != "```" })
            lines = lines.dropFirst(block.count + 1)
            if let file = name {
                steps.append(.file(name: file, text: block.joined(separator: "\n") + "\n"))
                name = nil
            } else if line == "```console" {
                add(block)
            }
        }
    }

    private mutating func add(_ block: [Substring]) {
        var rest = block[...]
        while let line = rest.popFirst() {
            guard line.hasPrefix("$ ") else { continue }
            let answer = Array(rest.prefix { !$0.hasPrefix("$ ") })
            rest = rest.dropFirst(answer.count)
            steps.append(.command(line.dropFirst(2).description, shown: answer.joined(separator: "\n")))
        }
    }
}

/// A directory with the binary on the PATH, and a terminal.
final class GuideRoom {
    private let sandbox: Sandbox
    private var names = Names()
    private var lastStatus: Int32 = 0
    private var inBackground: [Sandbox.Running] = []

    init() throws {
        sandbox = try Sandbox()
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: programs + "/errand", withDestinationPath: Sandbox.errand)
    }

    private var work: String { sandbox.directory + "/work" }
    private var programs: String { sandbox.directory + "/bin" }

    private var environment: [String: String] {
        [
            "PATH": programs + ":/usr/bin:/bin", "ERRAND_STORE": "store", "NO_COLOR": "1", "TERM": "dumb", "HOME": work, "TZ": "UTC",
            "LANG": "C.UTF-8", "SHELL": "/bin/sh",
        ]
    }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: "\(work)/\(name)", atomically: true, encoding: .utf8)
    }

    /// What a terminal of 100 columns shows after `command`.
    func type(_ command: String) throws -> String {
        let command = names.real(command)
        guard command != "echo $?" else { return "\(lastStatus)" }
        if command.hasSuffix("&") { return try startInBackground(command.dropLast().description) }
        let line = "cd '\(work)' && stty cols 100 rows 30 && \(command)"
        let end = try Sandbox.Running(
            executable: "script", arguments: ["-qec", line, "/dev/null"], input: nil, environment: environment
        ).waitForEnd()
        lastStatus = end.status
        // As bytes: a line's end on a terminal is one character of two. What was erased is no longer seen.
        let lines = end.out.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        let seen = lines.map { $0.split(separator: "\r\u{1B}[K", omittingEmptySubsequences: false).last ?? "" }.joined(separator: "\n")
        return String(decoding: seen.utf8.filter { $0 != 0x0D }, as: UTF8.self)
    }

    private func startInBackground(_ command: String) throws -> String {
        let running = try Sandbox.Running(
            executable: "sh", arguments: ["-c", "cd '\(work)' && exec \(command)"], input: nil, environment: environment)
        inBackground.append(running)
        let isThere = try eventually {
            try Sandbox.Running(
                executable: "sh", arguments: ["-c", "cd '\(work)' && errand workers"], input: nil, environment: environment
            ).waitForEnd().out.contains("working")
        }
        #expect(isThere, "\(command)")
        return ""
    }

    /// Whether an answer says what was shown, but for what is another one in each run: IDs, times, sizes, places. A shown line that ends in
    /// an ellipsis stands for all that begin so.
    func agrees(_ seen: String, with shown: String) -> Bool {
        names.meet(seen: seen, shown: shown)
        let here = [(work, "/home/ada/jobs"), (programs, "/usr/local/bin"), (GuideRoom.host + " pid", "ada-pc pid")]
        let seen = GuideRoom.plain(names.shown(here.reduce(seen) { $0.replacing($1.0, with: $1.1) }))
        let shown = GuideRoom.plain(shown)
        guard seen.count == shown.count else { return false }
        return zip(seen, shown).allSatisfy { seen, shown in
            shown.hasSuffix("…") ? seen.hasPrefix(shown.dropLast()) : seen == shown
        }
    }

    private static var host: String { ProcessInfo.processInfo.hostName.split(separator: ".").first.map(String.init) ?? "" }

    /// The lines without what differs from run to run.
    private static func plain(_ text: String) -> [String] {
        var text = text
        text.replace(#/\u{1B}\[[0-9;]*[A-Za-z]/#, with: "")
        text.replace(#/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?/#, with: "TIME")
        text.replace(#/\b[0-9a-f]{16,64}\b/#, with: "HEX")
        text.replace(#/\b[0-9a-hjkmnp-tv-z]{8}\b/#, with: "WORKER")
        text.replace(#/\d+(\.\d+)? (B|KiB|MiB|GiB|TiB)\b/#, with: "SIZE")
        text.replace(#/<?\b\d+(\.\d+)?(ms|s|m|h|d)\b( \d+(s|m|h)\b)?/#, with: "SPAN")
        text.replace(#/\b(SPAN ago|in SPAN|now)\b/#, with: "WHEN")
        text.replace(#/\bpid \d+/#, with: "pid")
        text.replace(#/\d+ a second/#, with: "RATE")
        return text.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }.filter { !$0.isEmpty }
    }
}

/// Which job or worker of this run is which of the guide's.
private struct Names {
    private var realByShown: [String: String] = [:]

    private static func jobs(in text: String) -> [String] {
        text.matches(of: #/\bw?0[0-9a-hjkmnp-tv-z]{12}\b/#).map { String($0.output) }
    }

    /// They stand where a line begins, or behind the word.
    private static func workers(in text: String) -> [String] {
        text.split(separator: "\n").compactMap {
            $0.firstMatch(of: #/(?:^|worker +)([0-9a-hjkmnp-tv-z]{8})\b/#).map { String($0.output.1) }
        }
    }

    /// Takes new IDs to be the same jobs where they stand at the same places.
    mutating func meet(seen: String, shown: String) {
        meet(Names.jobs(in: seen), Names.jobs(in: shown))
        meet(Names.workers(in: seen), Names.workers(in: shown))
    }

    private mutating func meet(_ seen: [String], _ shown: [String]) {
        guard seen.count == shown.count else { return }
        for (real, name) in zip(seen, shown) where realByShown[name] == nil && !realByShown.values.contains(real) {
            realByShown[name] = real
        }
    }

    /// A text of the guide with this run's IDs.
    func real(_ text: String) -> String { realByShown.reduce(text) { $0.replacing($1.key, with: $1.value) } }

    /// A text of this run with the guide's IDs.
    func shown(_ text: String) -> String { realByShown.reduce(text) { $0.replacing($1.value, with: $1.key) } }
}
