// The fuzzer's seeds and all that it ever found, played again: nothing that was repaired comes back.

import Foundation
import Testing

@testable import ErrandFuzz

struct CorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Scripts/Fuzz/Corpus")

    private static func files(of target: FuzzTarget) throws -> [URL] {
        let folder = folder.appendingPathComponent(target.name)
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).sorted { $0.path < $1.path }
    }

    /// On a thread of its own: a target may wait for tasks, which need the threads that tests run on.
    private static func finding(_ target: FuzzTarget, _ file: URL, _ variant: Variant) async throws -> Finding? {
        let bytes = try #require(CorpusFile.bytes(of: file.path))
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do throws(Finding) {
                    try target.check(bytes, variant)
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `no seed and no earlier finding breaks a rule`(name: String) async throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try CorpusTests.files(of: target)
        #expect(files.count >= 5)
        for file in files {
            let finding = try await CorpusTests.finding(target, file, .real)
            #expect(finding == nil, "\(file.lastPathComponent): \(finding?.description ?? "")")
        }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `the broken variant of a target breaks a rule on some seed`(name: String) async throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        var findings: [Finding] = []
        for file in try CorpusTests.files(of: target) {
            if let finding = try await CorpusTests.finding(target, file, .broken) { findings.append(finding) }
        }
        #expect(!findings.isEmpty, "\(target.broken)")
    }
}
