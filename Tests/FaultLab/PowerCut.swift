// A power cut at every point of a recorded run.

import ArgumentParser
import Foundation

/// Records a run of several processes and replays it into disks that lose their power at every point.
struct PowerCut: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "power", abstract: "Record a run, cut the power at every point of it, and start again from what the disk kept.")

    enum Variant: String, CaseIterable, ExpressibleByArgument {
        case real
        /// Nothing is synced before an acknowledgement.
        case normal
        /// Lease tokens without the boot number: the boot after the cut takes itself for the same one.
        case plain
        /// Acknowledged before the commit.
        case early
    }

    @Option(help: "How many disks.") var images = 400
    @Option(help: "How many recorded runs they are spread over.") var runs = 1
    @Option(help: "Decides about every loss.") var seed: UInt64 = .random(in: 0 ... .max)
    @Option(help: "What is cut: the real store, or a variant that must be caught.") var variant = Variant.real
    @Flag(help: "Let one sync of each run fail, a different one each time.") var failingSyncs = false

    func run() async throws {
        let workshop = try Workshop()
        var report = Report("power cut, \(variant)\(failingSyncs ? ", one sync fails" : ""), seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for run in 0..<runs {
            let root = "\(workshop.path)/run\(run)"
            let recording = try record(run, in: root, &random)
            report.count("runs")
            report.count("calls and promises on record", recording.entries.count)
            let parts = 2
            let cut = Cut(recording: recording, root: root, boot: variant == .plain ? "first" : "second", seed: random.next())
            let share = images / runs
            try await withThrowingTaskGroup(of: Report.self) { group in
                for part in 0..<parts {
                    group.addTask { try await cut.images(share, part: part, of: parts, title: "run \(run)") }
                }
                for try await part in group { report.merge(part) }
            }
            try FileManager.default.removeItem(atPath: root)
        }
        try report.finish(expectingFindings: variant != .real)
    }

    /// Two processes at once; two more, of which one dies; one that clears up.
    private func record(_ run: Int, in root: String, _ random: inout SeededGenerator) throws -> Recording {
        let directory = "\(root)/disk/store"
        let file = "\(root)/record"
        try FileManager.default.createDirectory(atPath: "\(root)/disk", withIntermediateDirectories: true)
        let failing = failingSyncs ? Int.random(in: 1...60, using: &random) : 0
        let dying = Int.random(in: 200...1200, using: &random)
        func process(_ name: String, _ arguments: String...) throws -> Child {
            let flags = (variant == .normal ? ["--normal"] : []) + (variant == .early ? ["--early"] : [])
            return try Child(["mixed", name, directory, file] + arguments + flags, output: "\(root)/\(name).out")
        }
        func expect(_ end: (status: Int32, printed: String), _ allowed: Int32...) throws {
            guard allowed.contains(end.status) else {
                throw ValidationError("a process of the run ended with \(end.status): \(end.printed)")
            }
        }
        let a = try process("a")
        let b = try process("b", "--fail-sync-at", "\(failing)")
        try expect(a.end(), 0)
        try expect(b.end(), 0)
        let c = try process("c")
        let d = try process("d", "--die-at", "\(dying)")
        try expect(c.end(), 0)
        try expect(d.end(), 0, 128 + SIGKILL)
        try expect(process("e", "--jobs", "4").end(), 0)
        return try Recording(file: file)
    }
}

/// The replay of one recording.
private struct Cut {
    var recording: Recording
    var root: String
    var boot: String
    var seed: UInt64

    /// Cuts the power at points that are spread evenly, each with the next kind of loss, and checks what comes after.
    func images(_ images: Int, part: Int, of parts: Int, title: String) async throws -> Report {
        var report = Report(title)
        let disks = "\(root)/disk"
        var disk = Disk(root: disks, recording: recording)
        var ledger = Ledger()
        var number = 0
        for (index, entry) in recording.entries.enumerated() {
            disk.perform(entry)
            if case .promise(let line) = entry.what { ledger.note(line) }
            let target = (index + 1) * images / recording.entries.count
            while number < target {
                number += 1
                guard number % parts == part else { continue }
                let loss = Disk.Loss.allCases[number / parts % Disk.Loss.allCases.count]
                var random = SeededGenerator(seed: seed &+ UInt64(number))
                let place = "\(root)/image\(part)"
                try disk.leave(loss, using: &random, below: disks, in: place)
                let aftermath = await Aftermath(of: "\(place)/store", boot: boot, promised: ledger)
                try FileManager.default.removeItem(atPath: place)
                report.count("images")
                report.add(aftermath.findings, at: "\(title), entry \(index), \(loss), image \(number)")
            }
        }
        return report
    }
}
