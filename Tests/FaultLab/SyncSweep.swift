// A power cut after every promise of a step, also after a failed fsync: the page cache forgets that it holds what never reached the
// disk, the store must not.

import ArgumentParser
import Errand
import ErrandSQLite
import FaultInjector
import Foundation
import Synchronization

/// Cuts the power after every promise of a step; lets its k-th sync fail, goes on in the same process, and cuts the power after every
/// promise made since.
struct SyncSweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsync", abstract: "Cut the power after each promise of each step, also when its k-th sync has failed.")

    @Option(help: "Only these steps.") var step: [Step] = []
    @Flag(help: "The disk goes on failing until a caller has learned of it.") var sticky = false
    @Option(help: "What is cut: the real store, or a variant that must be caught.") var variant = PowerCut.Variant.real

    func run() async throws {
        let workshop = try Workshop()
        var report = Report("failed syncs, \(sticky ? "several, " : "")\(variant)")
        for step in step.isEmpty ? Step.allCases : step {
            // At 0 no sync fails.
            var at: Int64 = 0
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
                var hasFailed = at == 0
                for (index, entry) in recording.entries.enumerated() {
                    disk.perform(entry)
                    if case .failSync = entry.what { hasFailed = true }
                    guard case .promise(let line) = entry.what else { continue }
                    ledger.note(line)
                    guard hasFailed else { continue }
                    for loss in [Disk.Loss.everything, .nothing, .random] {
                        var random = SeededGenerator(seed: UInt64(index))
                        try disk.leave(loss, using: &random, below: disks, in: "\(root)/image")
                        let aftermath = await Aftermath(
                            of: "\(root)/image/store", boot: variant == .plain ? boot : "\(boot), then a cut", promised: ledger)
                        try FileManager.default.removeItem(atPath: "\(root)/image")
                        report.count("images")
                        report.add(aftermath.findings, at: "\(step) \(at), entry \(index), \(loss)")
                    }
                }
                try FileManager.default.removeItem(atPath: root)
                at += 1
            }
        }
        try report.finish(expectingFindings: variant != .real)
    }

    private func record(_ step: Step, at: Int64, in root: String) async throws -> (wasMet: Bool, boot: String) {
        faults_watch("\(root)/disk")
        guard faults_record("\(root)/record") == 0 else { throw ValidationError("cannot write to \(root)/record") }
        let scene = Scene(directory: "\(root)/disk/store", durability: variant == .normal ? .normal : .full, isEarly: variant == .early) {
            faults_mark("\($0)")
        }
        try await step.prepare(scene)
        faults_arm(Int32(FAULTS_SYNC), at, Int32(FAULTS_FAIL), EIO, sticky)
        var met: Int64 = 0
        for call in step.calls {
            do throws(JobStoreError) {
                try await call.perform(in: scene)
            } catch {
                if step == .succession { scene.die() }
                // The disk works again: what failed is tried again, and this time it is promised.
                met = max(met, faults_heal())
                try scene.open()
                try await call.perform(in: scene)
            }
        }
        met = max(met, faults_heal())
        scene.close()
        return (met >= at, scene.boot ?? "")
    }
}
