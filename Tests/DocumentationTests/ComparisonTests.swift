// The comparison is itself a tool: it must notice every way in which a document can be wrong.

import Testing

@Suite struct ComparisonTests {
    private let source = """
        // A role.

        // snippet.show
        import Errand
        // snippet.hide
        func hidden() {
            // snippet.show

            let a = 1
            if a > 0 {
                let b = 2
            }
            // snippet.hide
        }
        """
    private let document = """
        # Title

        <!-- snippet: A.swift -->
        ```swift
        import Errand

        let a = 1
        if a > 0 {
            let b = 2
        }
        ```
        """

    private func problems(_ document: String, _ sources: [String: String]? = nil) -> [String] {
        SnippetComparison(sources: sources ?? ["A.swift": source]).problems(in: document, name: "README.md")
    }

    @Test func `a block that equals its snippet is accepted`() {
        #expect(problems(document) == [])
    }

    @Test func `a changed word in the document is noticed`() {
        let found = problems(document.replacing("let b = 2", with: "let b = 3"))
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("README.md:4: the block differs from A.swift") == true)
    }

    @Test func `a changed word in the snippet is noticed`() {
        #expect(problems(document, ["A.swift": source.replacing("let a = 1", with: "let a = 2")]).count == 1)
    }

    @Test func `a changed indentation is noticed`() {
        #expect(problems(document.replacing("    let b", with: "  let b")).count == 1)
    }

    @Test func `a missing and an extra line are noticed`() {
        #expect(problems(document.replacing("import Errand\n", with: "")).count == 1)
        #expect(problems(document.replacing("import Errand\n", with: "import Errand\nimport Logging\n")).count == 1)
    }

    @Test func `a block without a snippet, with a missing one, or with one that shows nothing is noticed`() {
        #expect(
            problems(document.replacing("<!-- snippet: A.swift -->\n", with: "")) == ["README.md:3: a Swift block names no snippet file"])
        #expect(problems(document, [:]) == ["README.md:4: there is no snippet A.swift"])
        #expect(problems(document, ["A.swift": "// A role.\n"]) == ["README.md:4: the snippet A.swift shows nothing"])
    }

    @Test func `a name counts for the next block only`() {
        let twice = document + "\n\n```swift\nlet c = 3\n```\n"
        #expect(problems(twice) == ["README.md:13: a Swift block names no snippet file"])
        let interrupted = document.replacing("<!-- snippet: A.swift -->\n", with: "<!-- snippet: A.swift -->\nSome text.\n")
        #expect(problems(interrupted).count == 1)
    }

    @Test func `blocks in other languages are left alone, and Swift fences inside of them too`() {
        #expect(problems("```text\nanything\n```\n") == [])
        #expect(CodeBlock.blocks(in: "````markdown\n```swift\n````\n") == [])
    }

    @Test func `a snippet that no document shows is noticed`() {
        let comparison = SnippetComparison(sources: ["A.swift": source, "B.swift": source])
        #expect(comparison.unused(by: [document]) == ["B.swift"])
    }

    @Test func `uncompiled text is shown at its place`() {
        let snippet = Snippet(source: "// snippet.show\n// snippet.text: @main\nstruct App {}\n")
        #expect(snippet?.text == "@main\nstruct App {}")
    }
}
