// A fresh store for one showing, and what the scenes read back from it.

import Errand
import ErrandSQLite
import FoundationEssentials
import Glibc
import Logging

/// The store that the demo plays on.
enum DemoStore {
    /// Why there is no directory for the store.
    struct NoDirectory: Error, CustomStringConvertible {
        var description: String
    }

    /// Opens a store in a new temporary directory, and removes the directory when `body` has ended.
    static func withQueue<Result>(_ body: (JobQueue) async throws -> Result) async throws -> Result {
        let directory = try makeDirectory()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(try JobQueue.open(directory + "/store")))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: directory)
        return try result.get()
    }

    private static func makeDirectory() throws -> String {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = (parent + "/errand-demo.XXXXXX").utf8CString.map { $0 }
        guard mkdtemp(&template) != nil else {
            throw NoDirectory(description: "no directory can be made in \(parent) (\(String(cString: strerror(errno)))): set TMPDIR")
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension JobQueue {
    /// Runs everything that is enqueued with `handlers`, and returns when nothing is left.
    func work(_ handlers: [Handler], concurrency: Int, reporters: [any ErrorReporter] = []) async throws {
        let configuration = Worker.Configuration {
            $0.concurrency = concurrency
            $0.requiresLogCapture = true
            // The demo prints what was filed where; the worker's own log would only stand in between.
            $0.logger = Logger(label: "errand.worker", factory: { _ in SwiftLogNoOpLogHandler() })
        }
        try await Worker(queue: self, handlers: handlers, configuration: configuration, reporters: reporters).runUntilEmpty()
    }

    /// The stored lines that belong to no execution.
    func storedLinesOfNobody() async throws -> [FiledLine] {
        // A showing leaves a handful of chunks.
        try await store.logs.leakyChunks(after: 0, limit: 1000).filter { $0.chunk.job == nil }
            .flatMap { LogFraming.records(in: $0.chunk) }
            .map { FiledLine(message: $0.message, filedUnder: nil, flags: $0.flags) }
    }

    /// The stored log of one job, all executions, in order.
    func storedLines(of job: JobID) async throws -> [FiledLine] {
        var lines: [FiledLine] = []
        var position: LogPosition?
        while true {
            let chunks = try await store.logs.chunks(of: job, ordinal: nil, after: position, limit: 100)
            guard let last = chunks.last else { return lines }
            position = last.position
            for record in chunks.flatMap({ LogFraming.records(in: $0.chunk) }) {
                lines.append(FiledLine(message: record.message, filedUnder: record.identity.executionID, flags: record.flags))
            }
        }
    }
}
