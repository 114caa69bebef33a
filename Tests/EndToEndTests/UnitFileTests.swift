// The systemd unit, judged by systemd's own tool where it is installed.

import Foundation
import Testing

private let systemdAnalyze = "/usr/bin/systemd-analyze"

@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: systemdAnalyze))) struct UnitFileTests {
    private static let unit =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        + "/Scripts/errand.service"

    private func analyze(_ arguments: String...) throws -> Sandbox.Output {
        try Sandbox.Running(
            executable: systemdAnalyze, arguments: arguments, input: nil, environment: ["NO_COLOR": "1", "SYSTEMD_PAGER": "cat"]
        ).waitForEnd()
    }

    /// The figure in `Overall exposure level for errand.service: 1.4 OK`.
    private func exposure(of unit: String) throws -> Double {
        let output = try analyze("security", "--offline=true", "--no-pager", unit)
        let line = try #require(output.lines.first { $0.contains("Overall exposure level") }, "\(output.out) \(output.err)")
        return try #require(line.split(separator: " ").compactMap { Double($0) }.first)
    }

    @Test func `the unit's exposure is below 2, and the figure means something`() throws {
        #expect(try exposure(of: UnitFileTests.unit) < 2)
        let sandbox = try Sandbox()
        let open = sandbox.directory + "/open.service"
        try "[Service]\nExecStart=/bin/true\n".write(toFile: open, atomically: true, encoding: .utf8)
        #expect(try exposure(of: open) > 8)
    }

    @Test func `systemd finds nothing to complain about in the unit, and would complain`() throws {
        let sandbox = try Sandbox()
        func verify(_ change: (String) -> String) throws -> Sandbox.Output {
            let path = sandbox.directory + "/errand.service"
            let text = try String(contentsOfFile: UnitFileTests.unit, encoding: .utf8)
            // The program is not installed where the tests run.
            let present = change(text).replacingOccurrences(of: "/usr/local/bin/errand", with: Sandbox.errand)
            try present.write(toFile: path, atomically: true, encoding: .utf8)
            return try analyze("verify", "--man=no", "--recursive-errors=no", path)
        }
        let output = try verify { $0 }
        #expect(output.status == 0 && output.err.isEmpty, "\(output.err)")
        let misspelt = try verify { $0.replacingOccurrences(of: "PrivateTmp=", with: "PrivateTemp=") }
        #expect(misspelt.err.contains("PrivateTemp"), "\(misspelt.err)")
    }
}
