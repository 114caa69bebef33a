// A YAML document as a tree that knows where each of its values stands.

/// A value of a YAML document.
struct YAMLNode: Hashable {
    /// What it holds.
    enum Content: Hashable {
        /// Text. Plain: written without quotes, so that it may mean a number, a flag or nothing.
        case scalar(String, isPlain: Bool)
        /// `[a, b]`, or lines that begin with `- `.
        case sequence([YAMLNode])
        /// `{a: b}`, or lines with a colon; in the order of the file, no key twice.
        case mapping([Member])
    }

    /// A key and its value.
    struct Member: Hashable {
        var key: YAMLNode
        var name: String
        var value: YAMLNode
    }

    var content: Content
    /// From 1.
    var line: Int
    /// From 1.
    var column: Int

    /// Whether nothing was written, or `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What it is, for messages.
    var description: String {
        switch content {
        case _ where isNull: "nothing"
        case .scalar(let text, _): "\"\(text.count > 40 ? text.prefix(40) + "…" : text[...])\""
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
