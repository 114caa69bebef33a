// Cells in columns: each as wide as its widest cell, two spaces between.

import Errand

/// Lays out rows below a heading.
enum TableLines {
    /// The heading and the rows as lines, without spaces at their ends; all have as many cells as the heading.
    static func lines(heading: [String], rows: [[String]]) -> (heading: String, rows: [String]) {
        let widths = heading.indices.map { column in ([heading] + rows).map { TerminalText.width(of: $0[column]) }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            var line = zip(cells, widths).map { $0 + String(repeating: " ", count: max(0, $1 - TerminalText.width(of: $0))) }
                .joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        return (line(heading), rows.map(line))
    }
}
