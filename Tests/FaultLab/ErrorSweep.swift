// A full or failing disk, or no descriptors left, at every call to a file, once or for good, for every step.

import ArgumentParser
import Errand
import FaultInjector
import Foundation
import Synchronization

/// Lets the k-th call fail, for every k, and expects the same process to go on once the disk is healed.
struct ErrorSweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "errno", abstract: "Let the k-th file call of each step fail, once and for good: ENOSPC, EIO, EROFS, EMFILE.")

    @Option(help: "Only every n-th call.") var every: Int64 = 1
    @Option(help: "Only these steps.") var step: [Step] = []
    @Option(help: "Only faults whose names begin so, such as EIO.") var fault = ""
    @Flag(help: "Sweep over the variant that acknowledges before the commit; it must be caught.") var early = false

    /// How the disk fails.
    private struct Fault {
        var name: String
        /// The kinds of calls that fail.
        var calls: Int
        var code: Int32
        var isSticky: Bool

        static let all = [
            Fault(name: "ENOSPC once", calls: FAULTS_CHANGE, code: ENOSPC, isSticky: false),
            Fault(name: "ENOSPC for good", calls: FAULTS_CHANGE, code: ENOSPC, isSticky: true),
            Fault(name: "EIO once", calls: FAULTS_CHANGE, code: EIO, isSticky: false),
            Fault(name: "EIO for good", calls: FAULTS_CHANGE, code: EIO, isSticky: true),
            Fault(name: "EROFS once", calls: FAULTS_CHANGE, code: EROFS, isSticky: false),
            Fault(name: "EROFS for good", calls: FAULTS_CHANGE, code: EROFS, isSticky: true),
            Fault(name: "EIO once, reading", calls: FAULTS_READ, code: EIO, isSticky: false),
            Fault(name: "EIO for good, reading", calls: FAULTS_READ, code: EIO, isSticky: true),
            Fault(name: "EMFILE once, opening", calls: FAULTS_OPEN, code: EMFILE, isSticky: false),
            Fault(name: "EMFILE for good, opening", calls: FAULTS_OPEN, code: EMFILE, isSticky: true),
        ]
    }

    /// A point that takes longer than this hangs: SIGALRM ends the process, and with it the sweep.
    private static let patienceSeconds: UInt32 = 60

    func run() async throws {
        let workshop = try Workshop()
        var report = Report(early ? "error sweep, acknowledging before the commit" : "error sweep")
        for step in step.isEmpty ? Step.allCases : step {
            for fault in Fault.all where fault.name.hasPrefix(self.fault) {
                var at: Int64 = 1
                while true {
                    alarm(ErrorSweep.patienceSeconds)
                    let directory = "\(workshop.path)/\(step)-\(at)"
                    let (wasMet, findings) = try await meet(fault, at: at, of: step, in: directory, &report)
                    try FileManager.default.removeItem(atPath: directory)
                    guard wasMet else { break }
                    report.count("points, \(fault.name)")
                    report.add(findings, at: "\(step) \(fault.name) \(at)")
                    at += every
                }
            }
        }
        try report.finish(expectingFindings: early)
    }

    private func meet(
        _ fault: Fault, at: Int64, of step: Step, in directory: String, _ report: inout Report
    ) async throws -> (wasMet: Bool, [Finding]) {
        faults_watch(directory)
        let ledger = Mutex(Ledger())
        var findings: [Finding] = []
        let scene = Scene(directory: directory, isEarly: early) { line in ledger.withLock { $0.note(line) } }
        try await step.prepare(scene)
        faults_arm(Int32(fault.calls), at, Int32(FAULTS_FAIL), fault.code, fault.isSticky)
        var met: Int64 = 0
        var failures = 0
        for call in step.calls {
            guard await fails(call, in: scene) else { continue }
            failures += 1
            // A caller that tries again on a sick disk gets an answer, too; whether it is a yes is the disk's affair.
            if fault.isSticky { _ = await fails(call, in: scene) }
            // The disk is healed: the same process goes on without a restart. What was acknowledged although it failed comes to light
            // below, since an early acknowledgement is not taken back.
            met = max(met, faults_heal())
            if early {
                scene.die()
                break
            }
            do throws(JobStoreError) {
                try await call.perform(in: scene)
            } catch {
                findings.append(.init(.unusable, "\(call) still fails after the disk was healed: \(error)"))
            }
        }
        met = max(met, faults_heal())
        scene.close()
        if failures == 0, met >= at { report.count("faults that no caller needed to know of") }
        let aftermath = await Aftermath(of: directory, boot: scene.boot, promised: ledger.withLock { $0 })
        return (met >= at, findings + aftermath.findings)
    }

    private func fails(_ call: Step.Call, in scene: Scene) async -> Bool {
        do throws(JobStoreError) {
            try await call.perform(in: scene)
            return false
        } catch {
            return true
        }
    }
}
