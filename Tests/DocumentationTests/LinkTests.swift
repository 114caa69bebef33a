// Who follows a link of the guides arrives, and every article can be found from the front page.

import Testing

@Suite struct LinkTests {
    private static let catalogue = "Sources/Errand/Errand.docc"

    /// The articles' texts by the names that links use.
    private func articles() throws -> [String: String] {
        try Repository.files(in: LinkTests.catalogue, endingWith: ".md").reduce(into: [:]) { articles, path in
            let file = path.split(separator: "/").last.map(String.init) ?? path
            articles[String(file.dropLast(3))] = try Repository.text(path)
        }
    }

    @Test func `every link of an article leads to an article or a public type`() throws {
        let articles = try articles()
        let sources = try Repository.files(in: "Sources/Errand", endingWith: ".swift").map { try Repository.text($0) }
        let links = DocumentLinks(articles: Set(articles.keys), sources: sources)
        #expect(articles.flatMap { links.problems(in: $1, name: $0) }.sorted() == [])
    }

    @Test func `the front page leads to every other article`() throws {
        let articles = try articles()
        let front = try #require(articles["Errand"])
        #expect(Set(articles.keys).subtracting(DocumentLinks.articles(in: front)) == ["Errand"])
    }

    @Test func `a link to nowhere is a problem, one that leads somewhere is none`() {
        let links = DocumentLinks(articles: ["Context"], sources: ["public struct Worker {\n    public struct Hidden {}\n}"])
        #expect(links.problems(in: "See <doc:Context> and ``Worker/run(_:)``.", name: "A") == [])
        #expect(links.problems(in: "# ``Errand``\n```swift\nlet a = 1\n```\n", name: "A") == [])
        #expect(
            links.problems(in: "See <doc:Contexts>, ``Walker/run()`` and ``Hidden``.", name: "A") == [
                "A links to Contexts, which is no article",
                "A links to the symbol Walker, which is no public type",
                "A links to the symbol Hidden, which is no public type",
            ])
    }
}
