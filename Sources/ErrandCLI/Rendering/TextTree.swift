// A tree as text: branches of columns that line up, and lines of free text between them.

import Errand

/// One branch of a tree, or a line of text that hangs on one.
struct TextTree {
    /// What stands in its columns; text alone has one.
    var cells: [Cell]
    /// Whether it is a branch; text alone gets no elbow.
    var isBranch = true
    /// What hangs on it, from top to bottom.
    var children: [TextTree] = []

    /// A text and how it is painted once its width is known.
    struct Cell {
        var text: String
        var paint: @Sendable (String) -> String = { $0 }
    }

    /// A line of text that is painted already.
    static func line(_ text: String) -> TextTree { TextTree(cells: [Cell(text: text)], isBranch: false) }

    /// What the branches are drawn with.
    enum Glyphs {
        /// Box-drawing characters.
        case box
        /// ASCII, for terminals of other encodings.
        case ascii
        /// Indentation alone, for pipes and files.
        case none

        /// What `output` takes: a terminal whose locale is UTF-8 takes boxes.
        init(for output: Output, environment: [String: String]) {
            guard output.isTerminal else {
                self = .none
                return
            }
            // The first that is set decides, as in setlocale(3).
            let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
            let encoding = locale.lowercased().filter { $0 != "-" }
            self = encoding.hasSuffix("utf8") && environment["TERM"] != "dumb" ? .box : .ascii
        }

        fileprivate var elbow: (middle: String, last: String) {
            switch self {
            case .box: ("├─ ", "└─ ")
            case .ascii: ("|- ", "`- ")
            case .none: ("  ", "  ")
            }
        }

        fileprivate var bar: (middle: String, last: String) {
            switch self {
            case .box: ("│  ", "   ")
            case .ascii: ("|  ", "   ")
            case .none: ("  ", "  ")
            }
        }

        /// Between executions on one line.
        var separator: String { self == .box ? " · " : ", " }
        /// Points at what was asked for.
        var pointer: String { self == .box ? "◀" : "<-" }
    }

    /// The tree line by line. Branches line up their columns; what does not fit into `columns` is cut from the last one.
    func lines(_ glyphs: Glyphs, columns: Int? = nil, paintGlyphs: (String) -> String = { $0 }) -> [String] {
        var rows: [Row] = []
        collect(into: &rows, glyphs, head: "", below: "")
        let widths = Row.widths(rows)
        return rows.map { $0.text(widths, columns: columns, paintGlyphs) }
    }

    private func collect(into rows: inout [Row], _ glyphs: Glyphs, head: String, below: String) {
        rows.append(Row(head: head, cells: cells, isBranch: isBranch))
        let lastBranch = children.lastIndex { $0.isBranch } ?? -1
        for (index, child) in children.enumerated() {
            let isLast = index >= lastBranch
            let bar = isLast ? glyphs.bar.last : glyphs.bar.middle
            if child.isBranch {
                let elbow = index == lastBranch ? glyphs.elbow.last : glyphs.elbow.middle
                child.collect(into: &rows, glyphs, head: below + elbow, below: below + bar)
            } else {
                child.collect(
                    into: &rows, glyphs, head: below + (lastBranch < 0 || index > lastBranch ? glyphs.bar.last : glyphs.bar.middle),
                    below: below)
            }
        }
    }
}

/// One line on its way: what leads to it, and its columns.
private struct Row {
    var head: String
    var cells: [TextTree.Cell]
    var isBranch: Bool

    /// How wide each column is; the first holds the branches as well. Only branches of several columns count.
    static func widths(_ rows: [Row]) -> [Int] {
        var widths: [Int] = []
        for row in rows where row.isBranch && row.cells.count > 1 {
            for (column, cell) in row.cells.enumerated() {
                let width = TerminalText.width(of: cell.text) + (column == 0 ? TerminalText.width(of: row.head) : 0)
                if column < widths.count { widths[column] = max(widths[column], width) } else { widths.append(width) }
            }
        }
        return widths
    }

    func text(_ widths: [Int], columns: Int?, _ paintGlyphs: (String) -> String) -> String {
        var line = head.isEmpty ? "" : paintGlyphs(head)
        var used = TerminalText.width(of: head)
        guard isBranch, cells.count > 1 else { return line + cells.map { $0.paint($0.text) }.joined(separator: "  ") }
        let lastFilled = cells.lastIndex { !$0.text.isEmpty } ?? 0
        for (column, cell) in cells.enumerated() where column <= lastFilled {
            var text = cell.text
            if column == lastFilled, let columns { text = TerminalText.cut(text, to: max(8, columns - used)) }
            line += cell.paint(text)
            used += TerminalText.width(of: text)
            guard column < lastFilled else { break }
            let start = widths[...column].reduce(0, +) + 2 * (column + 1)
            line += String(repeating: " ", count: max(2, start - used))
            used = max(used + 2, start)
        }
        return line
    }
}
