// The last lines of an execution, kept in memory for its error report while somebody wants them there.

/// The newest lines of a log: so many, and so many bytes.
package struct RecentLines: Sendable {
    /// The most lines that are kept, whoever asks: 1,000.
    package static let countLimit = 1000
    /// How many bytes are kept, the last line whatever its size: 64 KiB.
    package static let bytesLimit = 64 << 10

    /// The lines without their newlines, oldest first.
    package private(set) var lines: [[UInt8]] = []
    private let limit: Int
    private var bytes = 0

    /// Keeps the newest `limit` lines, 1 or more.
    package init(limit: Int) { self.limit = min(limit, RecentLines.countLimit) }

    /// Adds a line that ends in a newline, and lets go of the oldest ones that are too many.
    package mutating func add(_ line: ArraySlice<UInt8>) {
        let line = Array(line.dropLast())
        lines.append(line)
        bytes += line.count
        var surplus = max(0, lines.count - limit)
        for old in lines[..<surplus] { bytes -= old.count }
        while bytes > RecentLines.bytesLimit, surplus < lines.count - 1 {
            bytes -= lines[surplus].count
            surplus += 1
        }
        if surplus > 0 { lines.removeFirst(surplus) }
    }
}
