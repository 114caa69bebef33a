// Command lines: any words whatsoever are refused or understood, in a world where no store opens.

import Errand
import ErrandCLI
import ErrandTesting
import Synchronization

extension FuzzTarget {
    /// All verbs with all their options, up to the moment at which a store would be opened.
    static let arguments = FuzzTarget(name: "arguments", broken: "repeats words in a message as they are") {
        bytes, variant throws(Finding) in
        // What is not UTF-8 is refused before anything is parsed.
        let words =
            bytes.isEmpty ? [] : bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        let ended = Waiting.result(of: { await CommandLine.run(words) })
        let err = variant == .broken && ended.code == 2 ? ended.err + (words.first ?? "") : ended.err

        try expect([0, 1, 2, 4].contains(ended.code), "exit code \(ended.code): \(words)")
        if ended.opened == nil {
            try expect([0, 2].contains(ended.code), "exit code \(ended.code) without a store: \(words)")
        } else {
            try expect(ended.code == 4, "exit code \(ended.code) although no store opened: \(words)")
        }
        if ended.code != 0 {
            try expect(!err.isEmpty, "says nothing about \(words)")
            try expect(ended.out.isEmpty, "prints data and fails: \(words)")
        }
        for text in [ended.out, err] {
            let culprit = text.unicodeScalars.first { CommandLine.isUnsafe($0) }
            try expect(culprit == nil, "prints U+\(String(culprit?.value ?? 0, radix: 16)) to a terminal: \(words)")
        }
    }
}

/// How a command line ended.
private struct EndedLine: Sendable {
    var code: Int32
    var out: String
    var err: String
    /// The store that it wanted.
    var opened: StoreRequest?
}

private enum CommandLine {
    /// Runs everything but what a worker and a doctor do besides opening a store, which are only read.
    static func run(_ words: [String]) async -> EndedLine {
        let out = Memory()
        let err = Memory()
        let opened = Mutex<StoreRequest?>(nil)
        var session = Session(
            output: Output { out.append($0) }, talk: Output { err.append($0) },
            readInput: { Array("[1]".utf8.prefix($0)) },
            readFile: { path, limit in Array(path.utf8.prefix(limit)) },
            readAnswer: { "y" },
            openStore: { request throws(JobStoreError) in
                opened.withLock { $0 = request }
                throw .unavailable(reason: "none is opened here")
            })
        session.clock = ManualClock()
        session.environment = ["ERRAND_STORE": "/nowhere/store", "PATH": "/nowhere/bin"]
        session.directory = "/nowhere"
        let code =
            words.first.map { ["work", "worker", "doctor"].contains($0) } == true
            ? CommandLineTool.read(words, session: session) : await CommandLineTool.run(words, session: session)
        return EndedLine(code: code, out: out.text, err: err.text, opened: opened.withLock { $0 })
    }

    /// What may move a cursor, change colours or turn text round, as the terminal's own documents list them.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar != "\n" else { return false }
        return scalar.properties.generalCategory == .control || (0x202A...0x202E).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value)
    }

    private final class Memory: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

        func append(_ more: [UInt8]) -> Int32 {
            bytes.withLock { $0 += more }
            return 0
        }
    }
}
