// The house plan as a test: which modules each room may import, so that no arrow turns round unnoticed.

import Foundation
import Testing

@Suite struct RoomsTests {
    /// What each room may import; a new arrow is a decision, made here.
    private static let allowed: [String: Set<String>] = [
        "ErrandContext": ["CErrand", "Dispatch", "Glibc", "Logging", "ServiceContextModule", "Synchronization"],
        "ErrandSchedules": ["ErrandContext", "FoundationEssentials", "Glibc", "Synchronization"],
        "Errand": [
            "CErrand", "CoreMetrics", "ErrandContext", "ErrandSchedules", "FoundationEssentials", "Glibc", "HeapModule", "Logging",
            "ServiceContextModule",
            "ServiceLifecycle", "Synchronization", "Tracing",
        ],
        "ErrandSQLite": [
            "CErrand", "CSQLite", "Dispatch", "Errand", "ErrandContext", "FoundationEssentials", "Glibc", "Logging", "Synchronization",
        ],
        "ErrandCrypto": ["Crypto", "Errand", "FoundationEssentials"],
        "ErrandHandlers": [
            "CErrand", "CYAML", "Errand", "ErrandContext", "FoundationEssentials", "Glibc", "Logging", "Subprocess", "Synchronization",
            "SystemPackage",
        ],
        "ErrandBench": ["Errand", "ErrandContext", "ErrandHandlers", "ErrandSQLite", "Glibc", "Logging", "Synchronization"],
        "ErrandTesting": ["Dispatch", "Errand", "ErrandContext", "FoundationEssentials", "Glibc", "Logging", "Synchronization", "Testing"],
        "ErrandCLI": [
            "ArgumentParser", "CErrand", "Dispatch", "Errand", "ErrandBench", "ErrandContext", "ErrandCrypto", "ErrandHandlers",
            "ErrandOTLP",
            "ErrandSQLite",
            "ErrandSentry", "FoundationEssentials", "Glibc", "Logging", "ServiceLifecycle", "Synchronization", "Tracing",
        ],
        "ErrandContextFoundation": ["Dispatch", "ErrandContext", "Foundation", "Synchronization"],
        "ErrandContextNIO": ["ErrandContext", "NIOCore"],
        "ErrandSentry": [
            "AsyncHTTPClient", "Errand", "ErrandContext", "FoundationEssentials", "Logging", "NIOCore", "NIOHTTP1", "Synchronization",
        ],
        "ErrandOTLP": [
            "AsyncHTTPClient", "Errand", "ErrandContext", "FoundationEssentials", "Glibc", "Logging", "NIOCore", "NIOHTTP1",
            "ServiceContextModule", "SwiftProtobuf", "Synchronization", "Tracing",
        ],
        "ErrandTool": ["ErrandCLI"],
        "ErrandDemo": ["Errand", "ErrandContext", "ErrandSQLite", "FoundationEssentials", "Glibc", "Logging", "Synchronization"],
    ]

    @Test(arguments: allowed.keys.sorted())
    func `a room imports only what the house plan lets it`(room: String) throws {
        let imports = try RoomsTests.imports(of: room)
        #expect(!imports.isEmpty)
        let surprises = imports.filter { !RoomsTests.allowed[room, default: []].contains($0.module) }
        #expect(surprises.isEmpty, "\(surprises.map { "\($0.file) imports \($0.module)" }.joined(separator: "\n"))")
    }

    @Test func `every room with Swift sources is in the plan`() throws {
        let rooms = try FileManager.default.contentsOfDirectory(atPath: RoomsTests.root + "/Sources").filter { !$0.hasPrefix("C") }
        #expect(Set(rooms) == Set(RoomsTests.allowed.keys))
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path

    private static func imports(of room: String) throws -> [(file: String, module: String)] {
        let folder = root + "/Sources/" + room
        let files = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }.filter {
            $0.hasSuffix(".swift")
        }
        return try files.flatMap { file -> [(file: String, module: String)] in
            let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
            return text.split(separator: "\n").compactMap { line in
                let code = line.split(separator: "//", omittingEmptySubsequences: false)[0]
                let words = code.split(separator: " ").drop {
                    $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0)
                }
                guard words.first == "import", let module = words.dropFirst().last else { return nil }
                return (file, String(module.split(separator: ".")[0]))
            }
        }
    }
}
