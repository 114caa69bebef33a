// SIGKILL at every call that changes a file, for every step.

import ArgumentParser
import Foundation

/// Kills a victim at its k-th call, for every k, before the call and in the middle of it.
struct KillSweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "kill", abstract: "Die at the k-th write, sync and name of each step.")

    @Option(help: "Only every n-th call.") var every: Int64 = 1
    @Option(help: "Only these steps.") var step: [Step] = []
    @Flag(help: "Sweep over the variant that acknowledges before the commit; it must be caught.") var early = false

    func run() async throws {
        let workshop = try Workshop()
        var report = Report(early ? "kill sweep, acknowledging before the commit" : "kill sweep")
        for step in step.isEmpty ? Step.allCases : step {
            var directory = "\(workshop.path)/\(step)-count"
            let (status, printed) = try victim(step, directory, at: 0, torn: false).end()
            guard status == 0, let last = printed.split(separator: "\n").last, let calls = Int64(last.dropFirst("calls ".count)) else {
                throw ValidationError("\(step) does not work without faults: exit \(status), \(printed)")
            }
            report.count("points, \(step)", Int(calls))
            for at in stride(from: 1, through: calls, by: Int(every)) {
                for torn in [false, true] {
                    directory = "\(workshop.path)/\(step)-\(at)-\(torn)"
                    let (status, printed) = try victim(step, directory, at: at, torn: torn).end()
                    // A count that is a little smaller this time is no error: the victim got through.
                    guard status == 128 + SIGKILL || status == 0 else { throw ValidationError("\(step) at \(at): exit \(status)") }
                    report.count(status == 0 ? "survivors" : "kills")
                    let aftermath = await Aftermath(
                        of: directory, boot: step == .boot ? "second" : "first", promised: Ledger(printed: printed))
                    report.add(aftermath.findings, at: "\(step) \(torn ? "torn" : "before") \(at)")
                    try FileManager.default.removeItem(atPath: directory)
                }
            }
        }
        if step.isEmpty, !early { try await killWorkers(in: workshop.path, &report) }
        try report.finish(expectingFindings: early)
    }

    /// The same for a whole worker with its producers, until one gets through: no two of its runs make the same calls.
    private func killWorkers(in workshop: String, _ report: inout Report) async throws {
        var at: Int64 = 1
        while true {
            let root = "\(workshop)/worker-\(at)"
            try FileManager.default.createDirectory(atPath: "\(root)/disk", withIntermediateDirectories: true)
            let arguments = ["mixed", "w", "\(root)/disk/store", "\(root)/record", "--jobs", "8", "--die-at", "\(at)"]
            let (status, printed) = try Child(arguments, output: "\(root)/out").end()
            guard status == 128 + SIGKILL || status == 0 else { throw ValidationError("a worker at \(at): exit \(status), \(printed)") }
            var ledger = Ledger()
            for case .promise(let line) in try Recording(file: "\(root)/record").entries.map(\.what) { ledger.note(line) }
            let aftermath = await Aftermath(of: "\(root)/disk/store", boot: "first", promised: ledger)
            report.add(aftermath.findings, at: "worker \(at)")
            try FileManager.default.removeItem(atPath: root)
            report.count(status == 0 ? "survivors" : "kills of a whole worker")
            if status == 0 { return }
            at += every
        }
    }

    private func victim(_ step: Step, _ directory: String, at: Int64, torn: Bool) throws -> Child {
        try Child(
            ["victim", step.rawValue, directory, "--at", "\(at)"] + (torn ? ["--torn"] : []) + (early ? ["--early"] : []),
            output: directory + ".out")
    }
}
