// Figures of `errand bench`, for people and for programs.

import Errand
import ErrandBench

/// A figure as a line of a table that grows while it is read.
enum BenchText {
    /// What repeats it, then what was found.
    static func line(_ figure: Figure) -> String {
        let shown = figure.values.map(\.text).filter { !$0.isEmpty }
        var line = padded(figure.arguments.joined(separator: " "), to: 44)
        for text in shown { line += "  " + padded(text, to: 18) }
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - TerminalText.width(of: text)))
    }
}

/// Figures as JSON.
enum BenchJSON {
    /// Everything: what it was measured on, and what was found.
    static func object(_ facts: MachineFacts, _ figures: [[UInt8]]) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member(
                "machine",
                raw: JSONWriter.object { writer in for fact in facts.members { writer.member(fact.name, fact.value) } })
            writer.member("figures", raw: JSONWriter.array(figures))
        }
    }

    /// One figure.
    static func object(_ figure: Figure) -> [UInt8] {
        JSONWriter.object { writer in
            writer.member("measurement", figure.name)
            writer.member("command", "bench " + figure.arguments.joined(separator: " "))
            writer.member(
                "parameters",
                raw: JSONWriter.object { writer in
                    for parameter in figure.parameters { writer.member(parameter.name, parameter.value) }
                    if let durability = figure.durability { writer.member("durability", durability.rawValue) }
                })
            writer.member(
                "values",
                raw: JSONWriter.object { writer in
                    for value in figure.values { writer.member(value.name, raw: Array(Digits.fixed(value.amount, decimals: 3).utf8)) }
                })
        }
    }
}
