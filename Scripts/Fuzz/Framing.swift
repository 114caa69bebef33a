// Log framing: whatever is printed and logged comes back as it was written, under the execution that wrote it.

import Errand
import ErrandContext
import ErrandHandlers
import Logging

extension FuzzTarget {
    /// `LineSplitter`, `StructuredLine`, `LogLine`, `LogFraming` and `LogRecord`, there and back; and chunks that were never written so.
    static let framing = FuzzTarget(name: "framing", broken: "quotes a message, but does not escape what ends a line") {
        bytes, variant throws(Finding) in
        var source = ByteSource(bytes)
        switch source.byte() % 4 {
        case 0: try readDamaged(source.remainder())
        case 1: try split(&source)
        default: try writeAndRead(&source, variant)
        }
    }

    private static let owner = ExecutionID(JobID(rawValue: 7), 3)

    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    private static func chunk(_ body: [UInt8]) -> LogChunk {
        let time = Timestamp(microseconds: 0)
        return LogChunk(
            job: owner.job, ordinal: owner.ordinal, firstSequence: 1, lines: 1, firstTime: time, lastTime: time, highestLevel: .info,
            flags: [], body: body)
    }

    /// Bytes that no Errand wrote: nothing may trap, and no line may change hands or become two.
    private static func readDamaged(_ bytes: [UInt8]) throws(Finding) {
        let identity = Array("\"execution_id\":\"\(owner)\",\"attempt\":1,\"queue\":\"q\",\"kind\":\"k\",\"meta\":{}".utf8)
        for record in LogFraming.records(in: chunk(bytes)) {
            try expect(!record.jsonLine.contains(0x0A), "a record of two lines: \(shown(bytes))")
        }
        for record in LogFraming.records(in: chunk(identity + [0x0A] + bytes)) {
            try expect(record.identity.executionID == owner, "a line of \(owner) became one of \(record.identity): \(shown(bytes))")
            try expect(record.jsonLine.starts(with: Array("{".utf8) + identity), "a line without its identity: \(shown(bytes))")
        }
    }

    /// Lines are the same in whatever pieces they arrive, and are those of a splitter that takes no care of memory.
    private static func split(_ source: inout ByteSource) throws(Finding) {
        let limit = 1 + source.number(below: 40)
        let piece = 1 + source.number(below: 20)
        let bytes = source.remainder()
        var splitter = LineSplitter(limit: limit)
        var lines: [LineSplitter.Line] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            lines += splitter.push(bytes[start..<min(start + piece, bytes.count)])
        }
        if let last = splitter.finish() { lines.append(last) }

        var whole = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let rest = whole.removeLast()
        let expected = whole.map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 } + (rest.isEmpty ? [] : [rest])
        try expect(lines.count == expected.count, "\(lines.count) lines for \(expected.count): \(shown(bytes))")
        for (line, text) in zip(lines, expected) {
            try expect(line.isTruncated == (text.count > limit), "cut at \(limit)? \(line.isTruncated): \(shown(Array(text)))")
            try expect(text.starts(with: line.bytes), "not the beginning of its line: \(shown(line.bytes))")
            let shortest = text.count <= limit ? text.count : limit - 3
            try expect((shortest...limit).contains(line.bytes.count), "\(line.bytes.count) bytes of \(text.count), limit \(limit)")
            if String(validating: text, as: UTF8.self) != nil, limit >= 4 {
                try expect(String(validating: line.bytes, as: UTF8.self) != nil, "cut inside of a character: \(shown(line.bytes))")
            }
        }
    }

    /// Lines through the real writer and reader.
    private static func writeAndRead(_ source: inout ByteSource, _ variant: Variant) throws(Finding) {
        let key = String(decoding: source.field() ?? [], as: UTF8.self)
        let lines = source.fields()
        guard !lines.isEmpty else { return }
        let context = ExecutionContext(
            executionID: owner, attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil, trace: nil, meta: [key: key],
            sink: NoSink(), now: { Timestamp(microseconds: 1) })
        var expected: [(text: String, metadata: Logger.Metadata)] = []
        for line in lines {
            if let record = StructuredLine(line) {
                let members = 2 + record.metadata.values.reduce(record.metadata.count) { $0 + FuzzTarget.members(of: $1) }
                try expect(members == JSONNames.count(in: line), "members were lost: \(shown(line))")
                context.record(line: Array(record.message.utf8), stream: .stdout, level: record.level, metadata: record.metadata)
                expected.append((record.message, record.metadata))
            } else {
                context.record(line: line, stream: .stdout, metadata: [key: "\(key)"])
                expected.append((String(decoding: line, as: UTF8.self), [key: "\(key)"]))
            }
        }
        guard let pending = context.log.takePending() else { throw Finding("nothing was written") }
        var body = pending.body
        if variant == .broken {
            body = expected.enumerated().flatMap { index, line in
                let quoted = line.text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
                return Array(
                    "\"ts\":\"1970-01-01T00:00:00.000001Z\",\"level\":\"info\",\"message\":\"\(quoted)\",\"seq\":\(index + 1),\"stream\":\"stdout\"\n"
                        .utf8)
            }
        }
        let records = LogFraming.records(in: chunk(LogFraming.frame(fragment: context.log.fragment, lines: body)))
        try expect(records.count == lines.count, "\(lines.count) lines became \(records.count)")
        for (index, (record, line)) in zip(records, expected).enumerated() {
            try expect(record.sequence == Int64(index + 1), "line \(index + 1) has number \(record.sequence)")
            try expect(
                Array(record.message.utf8) == Array(line.text.utf8),
                "\(line.text.debugDescription) became \(record.message.debugDescription)")
            try expect(record.identity.executionID == owner && record.identity.meta == [key: key], "another identity: \(record.identity)")
            try expect(!record.jsonLine.contains(0x0A), "a record of two lines: \(shown(record.jsonLine))")
            try expect(SQLiteJSON.shared.isValid(record.jsonLine), "a record that is no JSON: \(shown(record.jsonLine))")
            guard variant == .real else { continue }
            guard let members = JSONMembers(object: record.metadata[...]) else {
                throw Finding("metadata that is no object: \(shown(record.metadata))")
            }
            try expect(Set(members.names) == Set(line.metadata.keys), "other metadata: \(shown(record.metadata))")
            for (name, value) in line.metadata {
                if case .string(let text) = value { try expect(members.text(name) == text, "other metadata: \(shown(record.metadata))") }
            }
        }
    }

    /// How many members the dictionaries in it have, at all depths.
    private static func members(of value: Logger.MetadataValue) -> Int {
        switch value {
        case .array(let values): values.reduce(0) { $0 + members(of: $1) }
        case .dictionary(let members): members.values.reduce(members.count) { $0 + FuzzTarget.members(of: $1) }
        default: 0
        }
    }
}
