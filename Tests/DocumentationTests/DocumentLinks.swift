// Finds links between articles, and from articles to symbols, that lead nowhere.

/// What the links of articles may lead to.
struct DocumentLinks {
    /// The names of all articles.
    let articles: Set<String>
    /// The names of the module's public types.
    let types: Set<String>

    /// Reads what `sources` declare.
    init(articles: Set<String>, sources: [String]) {
        self.articles = articles
        let declaration = /(?m)^(?:@\w+ )?public (?:final )?(?:struct|class|enum|protocol|actor) (\w+)/
        types = Set(sources.flatMap { $0.matches(of: declaration).map { String($0.output.1) } })
    }

    /// The articles that `text` links to.
    static func articles(in text: String) -> [String] { text.matches(of: /<doc:([^>#]+)/).map { String($0.output.1) } }

    /// What is wrong with the links of `text`, one sentence each. Of a symbol its type is looked at.
    func problems(in text: String, name: String) -> [String] {
        let lost = DocumentLinks.articles(in: text).filter { !articles.contains($0) }.map { "\(name) links to \($0), which is no article" }
        let prose = text.split(separator: "\n").filter { !$0.hasPrefix("```") && !$0.hasPrefix("# ") }.joined(separator: "\n")
        let unknown = prose.matches(of: /``(\w+)[\w\/:()]*``/).map { String($0.output.1) }.filter { !types.contains($0) }
        return lost + unknown.map { "\(name) links to the symbol \($0), which is no public type" }
    }
}
