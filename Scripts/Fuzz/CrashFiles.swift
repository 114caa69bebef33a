// Crash files: who is convicted must have been written down, whole and by the signal handler.

import Errand
import ErrandContext

extension FuzzTarget {
    /// `CrashRecord`, there and back.
    static let crashFile = FuzzTarget(name: "crash-file", broken: "takes the last line without asking for its newline") {
        bytes, variant throws(Finding) in
        var source = ByteSource(bytes)
        if source.byte() % 2 == 0 {
            let record = CrashRecord(
                signal: Int32(1 + source.number(below: 64)), address: source.word(), isStackOverflow: source.byte() % 2 == 1,
                execution: source.byte() % 4 == 0
                    ? nil : ExecutionID(JobID(rawValue: Int64(source.word() >> 1)), max(1, Int64(source.word() >> 1))))
            let line = Array(record.line.utf8)
            try expect(CrashRecord.all(in: line + [0x0A]) == [record], "\(record) came back as another one")
            // A process may die, or a disk be full, in the middle of a line.
            let cut = Array(line.prefix(source.number(below: 256)))
            let end: [UInt8] = variant == .broken ? [0x0A] : []
            try expect(CrashRecord.all(in: cut + end).isEmpty, "a line without its newline counts: \(shown(cut))")
            try expect(CrashRecord.all(in: cut + [0x0A] + line + [0x0A]).last == record, "a cut line hides the next: \(shown(cut))")
        } else {
            let file = source.remainder()
            let lines = Set(file.split(separator: 0x0A).map { Array($0) })
            for record in CrashRecord.all(in: file) {
                try expect(lines.contains(Array(record.line.utf8)), "nobody wrote \(record.line): \(shown(file))")
                try expect(!record.description.isEmpty, "a crash without a name: \(record)")
            }
        }
    }
}
