// Runs the real `errand` binary as a person's shell would, on a store of its own.

import Foundation
import Glibc
import Testing

/// A store in a temporary directory, and the binary that works on it. Processes that a test leaves behind are ended with it.
final class Sandbox: Sendable {
    let directory: String
    var store: String { directory + "/store" }

    /// Where the test run's products lie: beside the test bundle itself.
    static let errand = products + "/errand"
    static let demo = products + "/errand-demo"

    private static var products: String {
        let executable = CommandLine.arguments[0]
        // `…/debug/errandPackageTests.xctest` or a helper of the toolchain with the bundle among its arguments.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? executable
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }

    init() throws {
        var template = Array("/tmp/errand-test-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw POSIXError(.EIO) }
        directory = String(cString: path)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            print("could not remove \(directory): \(error)")
        }
    }

    /// What a finished command gave.
    struct Output {
        var status: Int32
        var out: String
        var err: String

        /// Lines of standard output.
        var lines: [String] { out.split(separator: "\n").map(String.init) }
        /// Lines of standard output, each a JSON object.
        func objects() throws -> [[String: Any]] {
            try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
        }
        /// Standard output without the newline at its end.
        var text: String { out.trimmingCharacters(in: .newlines) }
    }

    /// Runs the command to its end.
    @discardableResult
    func run(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws -> Output {
        try run(arguments, input: input, environment: environment)
    }

    /// Runs the command to its end.
    @discardableResult
    func run(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) throws -> Output {
        let process = try start(arguments, input: input, environment: environment)
        return process.waitForEnd()
    }

    /// Starts the command.
    func start(_ arguments: [String], input: String? = nil, environment: [String: String] = [:]) throws -> Running {
        try Running(
            executable: Sandbox.errand, arguments: arguments, input: input,
            environment: ["ERRAND_STORE": store, "NO_COLOR": "1"].merging(environment) { $1 })
    }

    /// A command that runs.
    final class Running {
        private let process = Process()
        private let out: OutputFile
        private let err: OutputFile

        var pid: pid_t { process.processIdentifier }
        var isRunning: Bool { process.isRunning }

        init(executable: String, arguments: [String], input: String?, environment: [String: String]) throws {
            out = try OutputFile()
            err = try OutputFile()
            process.executableURL = URL(fileURLWithPath: executable)
            process.arguments = arguments
            var inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ERRAND_") && $0.key != "TRACEPARENT" }
            inherited.merge(environment) { $1 }
            process.environment = inherited
            process.standardOutput = out.handle
            process.standardError = err.handle
            if let input {
                let pipe = Pipe()
                process.standardInput = pipe
                try process.run()
                pipe.fileHandleForWriting.write(Data(input.utf8))
                try pipe.fileHandleForWriting.close()
            } else {
                process.standardInput = FileHandle.nullDevice
                try process.run()
            }
        }

        func signal(_ number: Int32) { kill(pid, number) }

        func waitForEnd() -> Output {
            process.waitUntilExit()
            let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
            return Output(status: status, out: out.text, err: err.text)
        }

        /// What it has printed on standard output so far.
        var outputSoFar: String { out.text }
        /// What it has printed on standard error so far.
        var errorSoFar: String { err.text }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
    }
}

/// Collects a stream in a file: no pipe to fill up, nothing to read concurrently.
private final class OutputFile {
    let handle: FileHandle
    private let path: String

    init() throws {
        path = "/tmp/errand-output-\(UUID().uuidString)"
        guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path) else {
            throw POSIXError(.EIO)
        }
        self.handle = handle
    }

    var text: String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }

    deinit { unlink(path) }
}

/// Asks again until the answer is yes, for as long as a slow machine may need. For facts of other processes that nobody can announce.
func eventually(within seconds: Double = 30, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
        if try condition() { return true }
        usleep(20_000)
    }
    return false
}

/// Whether a process runs; one that has ended and was not collected by its parent yet does not.
func isAlive(_ pid: pid_t) -> Bool {
    guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
    return String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ").first != "Z"
}
