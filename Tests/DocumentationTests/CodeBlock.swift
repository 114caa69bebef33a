// The Swift code blocks of a Markdown text, each with the snippet file that it names.

/// A fenced Swift block. The line before its fence, blank ones aside, says where it comes from: `<!-- snippet: Name.swift -->`.
struct CodeBlock: Equatable {
    /// The snippet file; `nil` when the block does not say.
    var file: String?
    /// The code.
    var text: String
    /// The number of the fence's line, from 1.
    var line: Int

    /// All Swift blocks of `markdown`, in order.
    static func blocks(in markdown: String) -> [CodeBlock] {
        var blocks: [CodeBlock] = []
        var open: CodeBlock?
        var isOtherFence = false
        var code: [Substring] = []
        var named: String?
        for (index, line) in markdown.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if var block = open {
                if line == "```" {
                    block.text = code.joined(separator: "\n")
                    blocks.append(block)
                    open = nil
                } else {
                    code.append(line)
                }
            } else if line.hasPrefix("```") {
                if !isOtherFence, line == "```swift" {
                    open = CodeBlock(file: named, text: "", line: index + 1)
                    code = []
                } else {
                    isOtherFence.toggle()
                }
                named = nil
            } else if !isOtherFence, line.hasPrefix(namePrefix), line.hasSuffix(nameSuffix) {
                named = String(line.dropFirst(namePrefix.count).dropLast(nameSuffix.count))
            } else if !line.trimmingSpaces.isEmpty {
                named = nil
            }
        }
        return blocks
    }

    private static let namePrefix = "<!-- snippet: "
    private static let nameSuffix = " -->"
}
