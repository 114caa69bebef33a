// What a snippet file shows to readers: the parts between its marks, and nothing of what it takes to compile and run them.

/// The text that a snippet file shows.
///
/// A file's parts between `// snippet.show` and `// snippet.hide` (or the end) are shown, each moved to the left by its own least
/// indentation. `// snippet.text: …` shows its text, which is not compiled: only for `@main`, which a test target cannot have.
struct Snippet: Equatable {
    /// What readers see, without blank lines at the ends.
    let text: String

    /// Reads what `source` shows; `nil` when it shows nothing.
    init?(source: String) {
        var parts: [[Substring]] = []
        var isShown = false
        for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
            let trimmed = line.trimmingSpaces
            if trimmed == "// snippet.show" {
                isShown = true
                parts.append([])
            } else if trimmed == "// snippet.hide" {
                isShown = false
            } else if isShown, trimmed.hasPrefix(Snippet.textMark) {
                let indentation = line.prefix { $0 == " " }
                parts[parts.count - 1].append(indentation + trimmed.dropFirst(Snippet.textMark.count))
            } else if isShown {
                parts[parts.count - 1].append(line)
            }
        }
        let lines = parts.flatMap(Snippet.unindented)
        guard let first = lines.firstIndex(where: { !$0.isEmpty }), let last = lines.lastIndex(where: { !$0.isEmpty }) else { return nil }
        text = lines[first...last].joined(separator: "\n")
    }

    private static let textMark = "// snippet.text: "

    private static func unindented(_ lines: [Substring]) -> [String] {
        let indentation = lines.filter { !$0.trimmingSpaces.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { $0.trimmingSpaces.isEmpty ? "" : String($0.dropFirst(indentation)) }
    }
}

extension Substring {
    /// Without spaces at the ends.
    var trimmingSpaces: Substring {
        var text = drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        return text
    }
}
