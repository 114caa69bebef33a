// A log line as one line of an export: the record as `errand logs --json` prints it, and what kind of record it is.

import Errand
import ErrandContext

/// Writes and reads log lines of an export.
enum LogRecordLine {
    /// The longest line that is taken in: 1 MiB, far more than a message and its metadata may have.
    static let limit = 1 << 20

    /// `record` as a line, without its end: its own bytes, behind what kind of record it is.
    static func json(_ record: LogRecord) -> [UInt8] {
        Array(#"{"record":"log","#.utf8) + record.jsonLine.dropFirst()
    }

    /// The identity and the record's own members, as they lie in a chunk, and the record that they are.
    /// - Throws: ``TransferProblem``.
    static func read(_ members: JSONMembers) throws(TransferProblem) -> (fragment: [UInt8], line: [UInt8], record: LogRecord) {
        guard let start = members.names.firstIndex(of: "ts") else { throw TransferProblem("the log line has no \"ts\"") }
        let fragment = bytes(of: members, members.names[..<start])
        let line = bytes(of: members, members.names[start...])
        guard line.count <= limit else { throw TransferProblem("the log line has \(line.count) bytes, and at most \(limit) are kept") }
        guard let record = LogFraming.records(lines: [line], fragment: fragment).first else {
            throw TransferProblem("the log line lacks a member: ts, level, message, seq and stream must be there")
        }
        guard let execution = record.identity.executionID, execution.ordinal > 0, record.sequence > 0 else {
            throw TransferProblem("the log line belongs to no execution, or has no number")
        }
        return (fragment, line, record)
    }

    private static func bytes(of members: JSONMembers, _ names: ArraySlice<String>) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in names where name != "record" {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            // Lines are told apart by line feeds.
            bytes.append(contentsOf: JobJSON.onOneLine(Array(members.raw(name) ?? [])))
        }
        return bytes
    }
}

/// Gathers log lines of an import into chunks, as a worker would have written them.
struct LogChunks {
    /// A chunk ends when it has so many bytes, or so many lines.
    private static let mostBytes = 64 << 10
    private static let mostLines = 1000

    private(set) var chunks: [LogChunk] = []
    /// How many bytes they have.
    private(set) var bytes = 0
    private var fragment: [UInt8] = []
    private var lines: [UInt8] = []
    private var open: LogChunk?

    /// Adds a line behind the others.
    mutating func add(_ record: LogRecord, of execution: ExecutionID, fragment: [UInt8], line: [UInt8]) {
        if let open,
            open.job != execution.job || open.ordinal != execution.ordinal || fragment != self.fragment
                || lines.count + line.count > LogChunks.mostBytes || open.lines >= LogChunks.mostLines
                || record.sequence < open.firstSequence
        {
            close()
        }
        var chunk =
            open
            ?? LogChunk(
                job: execution.job, ordinal: execution.ordinal, firstSequence: record.sequence, lines: 0, firstTime: record.time,
                lastTime: record.time, highestLevel: record.level, flags: [], body: [])
        chunk.lines += 1
        chunk.lastTime = max(chunk.lastTime, record.time)
        chunk.highestLevel = max(chunk.highestLevel, record.level)
        chunk.flags.formUnion(record.flags)
        chunk.flagCounts.count(record.flags)
        if record.flags.contains(.dropped) {
            let untold = JSONMembers(object: record.metadata[...])?.number("dropped_lines").flatMap { Int(exactly: $0) } ?? 1
            chunk.flagCounts[.dropped] += max(0, min(untold, 1 << 40) - 1)
        }
        if record.flags.contains(.crossed), let other = record.ambientExecutionID, !chunk.crossed.contains(other) {
            chunk.crossed.append(other)
        }
        open = chunk
        self.fragment = fragment
        lines.append(contentsOf: line)
        lines.append(UInt8(ascii: "\n"))
        bytes += line.count + 1
    }

    /// Everything that was added, which is forgotten here.
    mutating func take() -> [LogChunk] {
        close()
        defer { self = LogChunks() }
        return chunks
    }

    private mutating func close() {
        guard var chunk = open else { return }
        chunk.body = LogFraming.frame(fragment: fragment, lines: lines)
        chunk.crossed.sort()
        chunks.append(chunk)
        (open, lines, fragment) = (nil, [], [])
    }
}
