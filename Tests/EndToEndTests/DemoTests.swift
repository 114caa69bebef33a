// The demo shows what it claims, on a store that it removes, in text that fits a terminal and a file.

import Foundation
import Testing

@Suite struct DemoTests {
    private func play(_ arguments: String..., temporary: String) throws -> Sandbox.Output {
        try Sandbox.Running(executable: Sandbox.demo, arguments: arguments, input: nil, environment: ["TMPDIR": temporary]).waitForEnd()
    }

    @Test func `a shared ID crosses lines and reports, contexts never do, and nothing is left behind`() throws {
        let sandbox = try Sandbox()
        let shown = try play(temporary: sandbox.directory)
        #expect(shown.status == 0, "\(shown.err)")
        let lines = shown.lines.filter { $0.contains("wrong lines") || $0.contains("wrong error reports") }
        let counts = lines.map { line in line.split(separator: "│").map { $0.split(separator: " ").suffix(3).joined(separator: " ") } }
        #expect(counts == [["3 of 8", "0 of 8"], ["1 of 1", "0 of 1"]])
        #expect(shown.lines.allSatisfy { $0.count <= 80 })
        #expect(!shown.out.contains("\u{1B}"))
        let left = try FileManager.default.contentsOfDirectory(atPath: sandbox.directory)
        #expect(left == [])
    }

    @Test func `without a place for its store it says so and fails`() throws {
        let shown = try play(temporary: "/nonexistent")
        #expect(shown.status == 1)
        #expect(shown.err.contains("set TMPDIR"))
        let misused = try play("something", temporary: "/tmp")
        #expect(misused.status == 2)
    }
}
