// What a process said on standard error before it died, for the error of its execution.

import Errand
import FoundationEssentials

/// The end of what an isolated execution's process said there.
struct LastWords: Sendable {
    /// The latest lines of its log, rendered.
    private var tail: [UInt8] = []

    /// How much of the log is looked at: 32 KiB.
    private static let limitBytes = 32 << 10

    /// Takes in lines as the process sent them.
    mutating func hear(_ lines: PendingLines) {
        tail += lines.body.suffix(LastWords.limitBytes)
        if tail.count > 2 * LastWords.limitBytes { tail.removeFirst(tail.count - LastWords.limitBytes) }
    }

    /// The parts of a record that matter here.
    private struct Line: Decodable {
        var message: String
        var stream: LogStream
    }

    /// The line that says why: Swift's own message if there is one, otherwise the last line on standard error; `raw` is the last one that
    /// went past the C library's streams. `nil` when there was none.
    func text(raw: [UInt8]) -> String? {
        let lines = tail.split(separator: UInt8(ascii: "\n")).compactMap { line -> String? in
            // The first line may have been cut.
            guard let record = try? JSONDecoder().decode(Line.self, from: Data([UInt8(ascii: "{")] + line + [UInt8(ascii: "}")])),
                record.stream == .stderr
            else { return nil }
            return record.message
        }
        let last = raw.isEmpty ? lines.last : lines.last ?? String(decoding: raw, as: UTF8.self)
        guard let text = lines.last(where: { $0.contains("Fatal error") }) ?? last else { return nil }
        return String(text.prefix(500))
    }
}
