// What is printed inside an execution, and around it.

import ErrandContext
import ErrandTesting
@preconcurrency import Glibc
import Testing

/// In processes of their own: capture is for the rest of a process's life.
@Suite struct OutputCaptureTests {
    @Test func `what an execution prints is its own, on both streams, whole lines only`() async {
        await #expect(processExitsWith: .success) {
            OutputCapture.install()
            OutputCapture.install()
            let context = makeContext(1)
            await context.run {
                print("one", 2, terminator: "!\n")
                print("a line ", terminator: "")
                await Task.yield()
                fputs("an error\nand ", stderr)
                print("in pieces")
                fputs("another\n", stderr)
                puts("")
                print("two\nlines\r")
                print("\u{e9}\u{1F600}\u{7}\"\\")
            }
            let records = try takeRecords(of: context)
            #expect(
                records.map { "\($0.stream) \($0.level) \($0.message)" } == [
                    "stdout info one 2!", "stderr info an error", "stdout info a line in pieces", "stderr info and another", "stdout info ",
                    "stdout info two", "stdout info lines", "stdout info \u{e9}\u{1F600}\u{7}\"\\",
                ])
            #expect(records.map(\.seq) == Array(1...8))
        }
    }

    @Test func `a line that never got its newline counts when the execution ends, and later ones are flagged`() async {
        await #expect(processExitsWith: .success) {
            OutputCapture.install()
            let context = makeContext(1)
            await context.run {
                print("no newline", terminator: "")
                fputs("nor here", stderr)
                context.log.end(at: Timestamp(microseconds: 0))
                print("late")
            }
            let records = try takeRecords(of: context)
            #expect(records.map(\.message) == ["no newline", "nor here", "late"])
            #expect(records.map(\.stream) == ["stdout", "stderr", "stdout"])
            #expect(records.map(\.flags) == [[], [], ["after_end"]])
        }
    }

    @Test(arguments: [0, 1]) func `a line at the limit is kept whole, one past it is cut and flagged`(excess: Int) async {
        await #expect(processExitsWith: .success) { [excess] in
            OutputCapture.install()
            let context = makeContext(1)
            await context.run {
                for _ in 1...16 { print(String(repeating: "x", count: 1024), terminator: "") }
                print(String(repeating: "y", count: excess))
                print("next")
            }
            let records = try takeRecords(of: context)
            #expect(records.map(\.message.utf8.count) == [16 << 10, 4])
            #expect(records.map(\.flags) == [excess == 0 ? [] : ["truncated"], []])
        }
    }

    @Test func `outside of executions text goes where it always went`() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]) {
            print("before", terminator: " ")
            OutputCapture.install()
            let context = makeContext(1)
            print("outside")
            await context.run {
                print("inside")
                ExecutionContext.none { print("left") }
            }
            fputs("to stderr\n", stderr)
            fputs("printed by C", stdout)
        }
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        let errors = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(output.contains("before outside\nleft\nprinted by C"))
        #expect(!output.contains("inside"))
        #expect(errors.contains("to stderr\n"))
    }

    @Test func `what another execution's callback prints in a bound block is its own`() async {
        await #expect(processExitsWith: .success) {
            OutputCapture.install()
            let (owner, other) = (makeContext(1), makeContext(2))
            let callback = await owner.run { ExecutionContext.bind { @Sendable () -> Void in print("bound") } }
            await other.run {
                print("other's ", terminator: "")
                callback()
                print("line")
            }
            let messages = (try takeRecords(of: owner).map(\.message), try takeRecords(of: other).map(\.message))
            #expect(messages == (["bound"], ["other's line"]))
        }
    }
}
