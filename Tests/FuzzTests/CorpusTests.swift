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

    private static func finding(_ target: FuzzTarget, _ file: URL, _ variant: Variant) throws -> Finding? {
        let bytes = try #require(CorpusFile.bytes(of: file.path))
        do throws(Finding) {
            try target.check(bytes, variant)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `no seed and no earlier finding breaks a rule`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try CorpusTests.files(of: target)
        #expect(files.count >= 5)
        for file in files {
            let finding = try CorpusTests.finding(target, file, .real)
            #expect(finding == nil, "\(file.lastPathComponent): \(finding?.description ?? "")")
        }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `the broken variant of a target breaks a rule on some seed`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let findings = try CorpusTests.files(of: target).compactMap { try CorpusTests.finding(target, $0, .broken) }
        #expect(!findings.isEmpty, "\(target.broken)")
    }
}
