// A file that holds the beginning of an export: what it was to be, and where it was cut.

import Errand
import ErrandContext

/// What a file says of the export that was being written to it.
struct ExportRest {
    /// Its first line; `nil` when the file has none that is whole: the export is begun anew.
    var header: ExportHeader?
    /// Where the last whole record ends, in bytes.
    var end = 0
    /// The last whole record, unless that is the first line.
    var place: ExportPlace?
    /// Whether the last line is there: nothing is left to do.
    var isComplete = false
    /// What it holds.
    var counts = ExportCounts()

    /// Reads all of the file at `path`, line by line.
    /// - Throws: ``Failure`` with status 2 when it is no export.
    init(_ path: String, size: Int) throws {
        var lines = LineReader(try ByteSource.open(path), limit: ImportRun.lineLimit)
        var number = 0
        var last: [UInt8] = []
        while let line = try lines.next() {
            number += 1
            guard case .bytes(let bytes) = line else {
                throw Failure(.usage, "\(path): line \(number) is longer than any record: the file is damaged; export to another one")
            }
            // Only a line's end says that the line is whole.
            guard end + bytes.count + 1 <= size else { break }
            if number == 1 {
                do throws(TransferProblem) {
                    header = try ExportHeader(bytes)
                } catch {
                    throw Failure(.usage, "\(path): line 1: \(error.text)")
                }
            } else {
                count(bytes)
                last = bytes
            }
            end += bytes.count + 1
        }
        if number > 1, !last.isEmpty { try readLast(last, path: path) }
    }

    private mutating func count(_ line: [UInt8]) {
        if line.starts(with: ExportRest.job) { counts.jobs += 1 }
        if line.starts(with: ExportRest.log) { counts.lines += 1 }
    }

    private static let job = Array(#"{"v":1,"record":"job","#.utf8)
    private static let log = Array(#"{"record":"log","#.utf8)

    private mutating func readLast(_ line: [UInt8], path: String) throws {
        guard let members = JSONMembers(object: line[...]) else {
            throw Failure(.usage, "\(path): its last whole line is no record: the file is damaged; export to another one")
        }
        switch members.text("record") {
        case "end": isComplete = true
        case "job": place = members.text("id").flatMap { JobID($0) }.map { ExportPlace(job: $0) }
        case "log":
            if let execution = members.text("execution_id").flatMap({ ExecutionID($0) }), let sequence = members.number("seq") {
                place = ExportPlace(job: execution.job, line: (execution.ordinal, sequence))
            }
        default: break
        }
        guard isComplete || place != nil else {
            throw Failure(.usage, "\(path): its last whole line is of no kind that this Errand writes: export to another file")
        }
    }
}
