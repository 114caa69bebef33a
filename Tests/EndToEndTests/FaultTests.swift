// The promises of durability, with a fault at every n-th point; `Scripts/sweep` takes every one.

import Foundation
import Testing

/// Each sweep also runs over a variant that is broken on purpose: it must be caught, or the sweep proves nothing.
///
/// One after the other: they are many short processes, and others test beside them.
@Suite(.serialized) struct FaultTests {
    /// Runs a sweep, which ends with 0 when it found what it should: nothing, or in a broken variant something.
    private func sweep(_ arguments: String..., counting what: String, atLeast least: Int) throws {
        let sandbox = try Sandbox(program: Sandbox.faults)
        let output = try sandbox.run(arguments)
        #expect(output.status == 0, "\(output.out)\(output.err)")
        let line = output.lines.first { $0.hasPrefix("  \(what): ") }
        let count = line?.split(separator: " ").last.flatMap { Int($0) }
        #expect(try #require(count, "\(output.out)") >= least)
    }

    @Test func `a process that dies at a write, a sync or a name loses nothing acknowledged`() throws {
        try sweep("kill", "--every", "11", counting: "kills", atLeast: 60)
    }

    @Test func `an acknowledgement before the commit is caught by the kills`() throws {
        try sweep(
            "kill", "--early", "--every", "6", "--step", "enqueue", "--step", "completion", counting: "acknowledged enqueue lost",
            atLeast: 1)
    }

    @Test func `a full or failing disk is told to the caller, and the process goes on when it is healed`() throws {
        try sweep("errno", "--every", "11", counting: "points, ENOSPC for good", atLeast: 30)
    }

    @Test func `a process that had no descriptor left for a moment can write afterwards`() throws {
        try sweep(
            "errno", "--fault", "EMFILE", "--step", "checkpoint", "--step", "boot", counting: "points, EMFILE once, opening", atLeast: 8)
    }

    @Test func `an acknowledgement before the commit is caught by the errors`() throws {
        try sweep(
            "errno", "--early", "--every", "6", "--step", "enqueue", "--step", "completion", counting: "acknowledged outcome lost",
            atLeast: 1)
    }

    @Test(arguments: ["claim", "heartbeat", "checkpoint", "logs"])
    func `nothing that is acknowledged after a failed fsync is lost in a power cut`(step: String) throws {
        try sweep("fsync", "--step", step, counting: "images", atLeast: 6)
    }

    @Test func `nothing is acknowledged while the disk cannot make up for a failed fsync`() throws {
        try sweep("fsync", "--sticky", "--step", "heartbeat", "--step", "completion", counting: "images", atLeast: 6)
    }

    @Test(arguments: ["normal", "plain", "early"])
    func `a store without syncs, boot numbers or patience is caught by the power cut`(variant: String) throws {
        try sweep("fsync", "--step", "claim", "--step", "completion", "--variant", variant, counting: "images", atLeast: 6)
    }

    @Test func `a power cut at any point of a mixed run loses nothing acknowledged`() throws {
        try sweep("power", "--images", "120", counting: "images", atLeast: 120)
    }
}
