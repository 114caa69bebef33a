// A failed fsync and then a power cut: the page cache forgets that it holds what never reached the disk, the store must not.

import ArgumentParser
import Errand
import FaultInjector
import Foundation
import Synchronization

/// Lets the k-th sync of each step fail, goes on in the same process, and cuts the power after every promise made since.
struct SyncSweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsync", abstract: "Let the k-th sync of each step fail, go on, and cut the power later.")

    @Option(help: "Only these steps.") var step: [Step] = []
    @Flag(help: "Sweep over the variant that acknowledges before the commit; it must be caught.") var early = false

    func run() async throws {
        let workshop = try Workshop()
        var report = Report(early ? "failed syncs, acknowledging before the commit" : "failed syncs")
        for step in step.isEmpty ? Step.allCases : step {
            var at: Int64 = 1
            while true {
                let root = "\(workshop.path)/\(step)-\(at)"
                let disks = "\(root)/disk"
                try FileManager.default.createDirectory(atPath: disks, withIntermediateDirectories: true)
                let (wasMet, boot) = try await record(step, at: at, in: root)
                guard wasMet else { break }
                report.count("points")
                let recording = try Recording(file: "\(root)/record")
                var disk = Disk(root: disks, recording: recording)
                var ledger = Ledger()
                var hasFailed = false
                for (index, entry) in recording.entries.enumerated() {
                    disk.perform(entry)
                    if case .failSync = entry.what { hasFailed = true }
                    guard case .promise(let line) = entry.what else { continue }
                    ledger.note(line)
                    guard hasFailed else { continue }
                    for loss in [Disk.Loss.everything, .nothing, .random] {
                        var random = SeededGenerator(seed: UInt64(index))
                        try disk.leave(loss, using: &random, below: disks, in: "\(root)/image")
                        let aftermath = await Aftermath(of: "\(root)/image/store", boot: "\(boot), then a cut", promised: ledger)
                        try FileManager.default.removeItem(atPath: "\(root)/image")
                        report.count("images")
                        report.add(aftermath.findings, at: "\(step) \(at), entry \(index), \(loss)")
                    }
                }
                try FileManager.default.removeItem(atPath: root)
                at += 1
            }
        }
        try report.finish(expectingFindings: early)
    }

    private func record(_ step: Step, at: Int64, in root: String) async throws -> (wasMet: Bool, boot: String) {
        faults_watch("\(root)/disk")
        guard faults_record("\(root)/record") == 0 else { throw ValidationError("cannot write to \(root)/record") }
        let scene = Scene(directory: "\(root)/disk/store", isEarly: early) { faults_mark("\($0)") }
        try await step.prepare(scene)
        faults_arm(Int32(FAULTS_SYNC), at, Int32(FAULTS_FAIL), EIO, false)
        for call in step.calls {
            do throws(JobStoreError) {
                try await call.perform(in: scene)
            } catch {
                // The disk works again: what failed is tried again, and this time it is promised.
                try await call.perform(in: scene)
            }
        }
        let met = faults_heal()
        scene.close()
        return (met >= at, scene.boot ?? "")
    }
}
