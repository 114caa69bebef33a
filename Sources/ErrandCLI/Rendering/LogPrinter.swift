// Puts chunks on an output: filtered, as text or JSON, the last lines only where that was asked for.

import Errand

/// Prints log records.
struct LogPrinter {
    let output: Output
    let filter: LogFilter
    let text: LogText
    let isJSON: Bool
    /// Whether missing lines are told; not when only some chunks are read.
    let showsGaps: Bool
    private var gaps: SequenceGaps
    /// Lines that are kept back until it is known which are the last.
    private var tail: [[UInt8]]?
    private let tailLimit: Int
    /// How many records have been printed or kept back.
    private(set) var accepted = 0

    init(output: Output, filter: LogFilter, text: LogText, isJSON: Bool, showsGaps: Bool = true, readsFromStart: Bool, lastLines: Int?) {
        self.output = output
        self.filter = filter
        self.text = text
        self.isJSON = isJSON
        self.showsGaps = showsGaps
        gaps = SequenceGaps(readsFromStart: readsFromStart)
        tail = lastLines == nil ? nil : []
        tailLimit = lastLines ?? 0
    }

    /// Prints the records of a chunk.
    /// - Throws: ``Output/Closed``.
    mutating func print(_ chunk: LogChunk) throws {
        for record in LogFraming.records(in: chunk) {
            let missing = gaps.missing(before: record.sequence, in: chunk)
            if missing > 0, !isJSON, showsGaps { try put(line: text.gap(missing, in: record.identity, of: chunk)) }
            if filter.accepts(record) { try put(record, of: chunk, as: text) }
        }
    }

    /// Prints those records of another execution's chunk that were written while one of `executions` was current, each with its owner.
    /// - Throws: ``Output/Closed``.
    mutating func print(crossed chunk: LogChunk, with executions: (ExecutionID) -> Bool) throws {
        var text = text
        text.hasPrefix = true
        for record in LogFraming.records(in: chunk) where record.flags.contains(.crossed) {
            guard let ambient = record.ambientExecutionID, executions(ambient), filter.accepts(record) else { continue }
            try put(record, of: chunk, as: text)
        }
    }

    /// Ends the keeping back: prints the last lines, and from then on every line.
    /// - Throws: ``Output/Closed``.
    mutating func printTail() throws {
        guard let lines = tail else { return }
        tail = nil
        for line in lines.suffix(tailLimit) { try output.write(line) }
    }

    private mutating func put(_ record: LogRecord, of chunk: LogChunk, as text: LogText) throws {
        accepted += 1
        if isJSON {
            try put(output.line(of: record.jsonLine))
        } else {
            for line in text.lines(record, in: chunk) { try put(line: line) }
        }
    }

    private mutating func put(line: String) throws { try put(Array("\(line)\n".utf8)) }

    private mutating func put(_ bytes: [UInt8]) throws {
        guard var lines = tail else {
            try output.write(bytes)
            return
        }
        tail = nil
        lines.append(bytes)
        // Cut now and then rather than at every line.
        if lines.count > 2 * tailLimit + 1024 { lines.removeFirst(lines.count - tailLimit) }
        tail = lines
    }
}
