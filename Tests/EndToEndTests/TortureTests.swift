// The promise: whatever happens to workers and clients, every acknowledged job completes once, and whatever ran twice is explained.

import Foundation
import Testing

/// The short form of `Scripts/torture`, which says what is checked.
@Suite(.serialized) struct TortureTests {
    private func torture(_ options: String...) throws -> Sandbox.Output {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let process = try Sandbox.Running(
            executable: "python3", arguments: [root + "/Scripts/torture", Sandbox.errand] + options, input: nil, environment: [:])
        return process.waitForEnd()
    }

    private static let hasFaketime = FileManager.default.fileExists(atPath: "/usr/bin/faketime")

    @Test func `workers that are killed, stopped and told to leave run nothing twice without a reason, and lose nothing`() throws {
        let output = try torture("--seconds", "5")
        #expect(output.status == 0, "\(output.out)\(output.err)")
        #expect(output.out.contains("broken promises: 0"))
    }

    @Test(.enabled(if: hasFaketime, "libfaketime is not installed: Scripts/install-tools does it"))
    func `jumps of the wall clock by an hour change nothing`() throws {
        let output = try torture("--seconds", "4", "--faults", "none", "--jump")
        #expect(output.status == 0, "\(output.out)\(output.err)")
        #expect(output.out.contains("clock jumps"))
    }

    @Test(arguments: [["--break", "rows"], ["--break", "token"]])
    func `broken variants are found out`(sabotage: [String]) throws {
        let output = try torture("--seconds", "3", "--faults", "none", sabotage[0], sabotage[1])
        #expect(output.status == 1, "\(output.out)\(output.err)")
        #expect(!output.out.contains("broken promises: 0"))
    }

    @Test(.enabled(if: hasFaketime, "libfaketime is not installed: Scripts/install-tools does it"))
    func `leases on the wall clock are found out`() throws {
        let output = try torture("--seconds", "5", "--faults", "none", "--jump", "--break", "wall")
        #expect(output.status == 1, "\(output.out)\(output.err)")
    }
}
