// The documents show exactly what the compiler has seen.

import Testing

@Suite struct DocumentTests {
    private static let catalogue = "Sources/Errand/Errand.docc"

    private func documents() throws -> [String: String] {
        var texts: [String: String] = [:]
        for path in try Repository.files(in: DocumentTests.catalogue, endingWith: ".md") + ["README.md"] {
            texts[path] = try Repository.text(path)
        }
        return texts
    }

    private func comparison() throws -> SnippetComparison {
        var sources: [String: String] = [:]
        let directory = "Tests/DocumentationTests/Snippets"
        for path in try Repository.files(in: directory, endingWith: ".swift") {
            sources[String(path.dropFirst(directory.count + 1))] = try Repository.text(path)
        }
        return SnippetComparison(sources: sources)
    }

    @Test func `every Swift block of the README and the guides is a snippet that compiles`() throws {
        let comparison = try comparison()
        for (name, text) in try documents() {
            let problems = comparison.problems(in: text, name: name)
            #expect(problems == [], "\(problems.joined(separator: "\n\n"))")
        }
    }

    @Test func `what the guide shows of GRDB is in the example, which is built and tested by itself`() throws {
        let guide = try Repository.text(DocumentTests.catalogue + "/Transactions.md")
        let block = try #require(guide.split(separator: "```swift-grdb\n").last?.split(separator: "```").first)
        let example = try Repository.text("Examples/GRDB/Sources/Shop/Shop.swift")
        func lines(_ text: some StringProtocol) -> String {
            text.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: "\n")
        }
        #expect(block.contains("enqueue("))
        #expect(lines(example).contains(lines(block)))
    }

    @Test func `every snippet is shown somewhere`() throws {
        #expect(try comparison().unused(by: Array(documents().values)) == [])
    }

    @Test func `the hello world has at most eight lines`() throws {
        let snippet = try #require(Snippet(source: Repository.text("Tests/DocumentationTests/Snippets/HelloWorld.swift")))
        #expect(snippet.text.split(separator: "\n").count <= 8)
    }

    @Test func `every relative link of the README leads to a file`() throws {
        let links = try Repository.text("README.md").matches(of: /\]\((?!https?:|#)([^)#]+)/).map { String($0.output.1) }
        for link in links { _ = try Repository.text(link) }
        #expect(!links.isEmpty)
    }
}
