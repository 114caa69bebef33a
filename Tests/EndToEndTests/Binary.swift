// Runs the real `errand` binary as a person's shell would, on a store of its own.

import Foundation
import Glibc
import Testing

/// A store in a temporary directory, and the binary that works on it. Processes that a test leaves behind are ended with it.
final class Sandbox: Sendable {
    let directory: String
    /// The binary whose verbs are run.
    let program: String
    var store: String { directory + "/store" }

    /// Where the test run's products lie: beside the test bundle itself.
    static let errand = products + "/errand"
    static let demo = products + "/errand-demo"
    /// A program on `ErrandApp` whose handlers make trouble on purpose.
    static let scenarios = products + "/ScenarioApp"
    static let crashing = products + "/CrashingApp"
    static let isolated = products + "/IsolatedApp"
    /// An application with a database of its own, which dies by chance.
    static let shop = products + "/ShopApp"
    /// The sweeps over faults.
    static let faults = products + "/FaultLab"

    private static var products: String {
        let executable = CommandLine.arguments[0]
        // `…/debug/errandPackageTests.xctest` or a helper of the toolchain with the bundle among its arguments.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? executable
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }

    init(program: String = Sandbox.errand) throws {
        self.program = program
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
            executable: program, arguments: arguments, input: input,
            environment: ["ERRAND_STORE": store, "NO_COLOR": "1"].merging(environment) { $1 })
    }

    /// A command that runs. Spawned without Foundation's `Process`, which reads past its tables when other tests in this process hold
    /// many descriptors.
    final class Running {
        let pid: pid_t
        private let out: OutputFile
        private let err: OutputFile
        private var status: Int32?

        init(executable: String, arguments: [String], input: String?, environment: [String: String]) throws {
            out = try OutputFile()
            err = try OutputFile()
            let source = try InputFile(input)
            var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ERRAND_") && $0.key != "TRACEPARENT" }
            variables.merge(environment) { $1 }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for (number, descriptor) in [source.descriptor, out.descriptor, err.descriptor].enumerated() {
                posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
            }
            var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { (text: String) in strdup(text) }
            var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") }
            defer { for text in argv + envp { free(text) } }
            argv.append(nil)
            envp.append(nil)
            var child = pid_t()
            let code = posix_spawnp(&child, executable, &actions, nil, argv, envp)
            guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
            pid = child
        }

        var isRunning: Bool {
            if status == nil { collect(waiting: false) }
            return status == nil
        }

        func signal(_ number: Int32) { if isRunning { kill(pid, number) } }

        func waitForEnd() -> Output {
            if status == nil { collect(waiting: true) }
            let status = status ?? 0
            let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
            return Output(status: code, out: out.text, err: err.text)
        }

        private func collect(waiting: Bool) {
            var found: Int32 = 0
            while true {
                let result = waitpid(pid, &found, waiting ? 0 : WNOHANG)
                if result == pid { status = found }
                if result >= 0 || errno != EINTR { return }
            }
        }

        /// What it has printed on standard output so far.
        var outputSoFar: String { out.text }
        /// What it has printed on standard error so far.
        var errorSoFar: String { err.text }

        deinit {
            guard isRunning else { return }
            kill(pid, SIGKILL)
            collect(waiting: true)
        }
    }
}

/// Collects a stream in a file: no pipe to fill up, nothing to read concurrently.
private final class OutputFile {
    let descriptor: Int32
    private let path: String

    init() throws {
        path = "/tmp/errand-output-\(UUID().uuidString)"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    var text: String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }

    deinit {
        close(descriptor)
        unlink(path)
    }
}

/// Standard input with a text, or with nothing.
private final class InputFile {
    let descriptor: Int32

    init(_ text: String?) throws {
        guard let text else {
            descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
            return
        }
        let path = "/tmp/errand-input-\(UUID().uuidString)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        unlink(path)
    }

    deinit { close(descriptor) }
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
