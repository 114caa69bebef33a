// The demo's output: tables of at most 80 columns, and a list of what did not hold.

import Glibc

/// Whether text is coloured.
enum Colour: Sendable {
    case never, always

    /// Colour on a terminal, unless NO_COLOR (https://no-color.org) is set or the terminal is a dumb one.
    static var ofStandardOutput: Colour {
        func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb" ? .always : .never
    }
}

/// Prints scenes, and remembers the claims that did not hold.
struct Screen {
    private let colour: Colour
    private(set) var failedClaims: [String] = []

    init(colour: Colour) { self.colour = colour }

    /// Begins a scene.
    func title(_ text: String) { print("\n" + styled(text, "1") + "\n") }

    /// A line of explanation.
    func say(_ text: String = "") { print(text) }

    /// One row of cells, each but the last padded to its width; wrong cells are marked with a cross and red.
    func row(_ cells: [Cell]) {
        let texts = cells.enumerated().map { index, cell in
            let text = (cell.isWrong ? "✗ " : "  ") + cell.text
            let padded = index == cells.count - 1 ? text : text.padded(to: cell.width)
            return cell.isWrong ? styled(padded, "31") : padded
        }
        print(texts.joined(separator: "│"))
    }

    /// One cell of a row.
    struct Cell {
        var text: String
        var width: Int
        var isWrong = false
    }

    /// Prints a claim with its proof, and remembers it when it does not hold.
    mutating func claim(_ text: String, holds: Bool) {
        print("  " + (holds ? styled("✓", "32") : styled("✗", "31")) + " " + text)
        if !holds { failedClaims.append(text) }
    }

    private func styled(_ text: String, _ code: String) -> String {
        colour == .always ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// The text, filled with spaces up to `width`.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
