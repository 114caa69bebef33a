// Compares what the documents show with the snippet files that the compiler has seen.

/// The differences between documents and snippets.
struct SnippetComparison {
    /// The sources of the snippet files, by file name.
    let sources: [String: String]

    /// What is wrong with `markdown`, one sentence for each block that is not exactly its snippet.
    func problems(in markdown: String, name: String) -> [String] {
        CodeBlock.blocks(in: markdown).compactMap { block in
            guard let file = block.file else { return "\(name):\(block.line): a Swift block names no snippet file" }
            guard let source = sources[file] else { return "\(name):\(block.line): there is no snippet \(file)" }
            guard let snippet = Snippet(source: source) else { return "\(name):\(block.line): the snippet \(file) shows nothing" }
            guard snippet.text == block.text else {
                return
                    "\(name):\(block.line): the block differs from \(file); the file shows\n\(snippet.text)\nthe block has\n\(block.text)"
            }
            return nil
        }
    }

    /// Snippet files that no document shows.
    func unused(by documents: [String]) -> [String] {
        let shown = Set(documents.flatMap { CodeBlock.blocks(in: $0) }.compactMap(\.file))
        return sources.keys.filter { !shown.contains($0) }.sorted()
    }
}
