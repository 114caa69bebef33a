// A directory for one test.

import FoundationEssentials
import Glibc
import Testing

/// Runs `body` with a new directory, and removes it afterwards.
func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
    var template = "/tmp/errand-documentation.XXXXXX".utf8CString.map { $0 }
    try #require(mkdtemp(&template) != nil, "no temporary directory: \(String(cString: strerror(errno)))")
    let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(directory))
    } catch {
        result = .failure(error)
    }
    try FileManager.default.removeItem(atPath: directory)
    try result.get()
}
