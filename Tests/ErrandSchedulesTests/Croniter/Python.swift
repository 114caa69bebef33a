// Runs the checked-in Python scripts, croniter's in a virtual environment that is made once under .build.

import Foundation

/// A Python interpreter for tests.
struct Python {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// This folder.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let build = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(".build")

    let interpreter: String

    /// The system's own, which has `zoneinfo`.
    static let system = Python(interpreter: "/usr/bin/env")

    /// One with croniter as `requirements.txt` pins it. It is made at the first use; one that was not finished is made anew.
    static let croniter = Result { () throws(Failure) in try prepared() }

    private static func prepared() throws(Failure) -> Python {
        let environment = build.appendingPathComponent("croniter-7.0.0")
        let python = environment.appendingPathComponent("bin/python3").path
        let marker = environment.appendingPathComponent("ready").path
        if FileManager.default.fileExists(atPath: marker) { return Python(interpreter: python) }
        do {
            _ = try system.run(["-m", "venv", "--clear", environment.path])
            let requirements = folder.appendingPathComponent("requirements.txt").path
            _ = try Python(interpreter: python).run(["-m", "pip", "install", "--quiet", "--no-input", "--requirement", requirements])
            try Data().write(to: URL(fileURLWithPath: marker))
        } catch {
            throw Failure(
                description: "croniter could not be installed into \(environment.path), which needs python3-venv and PyPI: \(error)")
        }
        return Python(interpreter: python)
    }

    /// What `script` prints for these lines, one line for each.
    func answers(of script: String, to lines: [String]) throws -> [Substring] {
        let output = try run([Python.folder.appendingPathComponent(script).path], input: lines.map { $0 + "\n" }.joined())
        let answers = output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        guard answers.count == lines.count else { throw Failure(description: "\(script): \(lines.count) lines, \(answers.count) answers") }
        return Array(answers)
    }

    /// Through files, because a pipe that nobody reads would stop the program.
    private func run(_ arguments: [String], input: String = "") throws -> String {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("errand-python-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let paths = ["input", "output", "errors"].map { scratch.appendingPathComponent($0) }
        for (path, text) in zip(paths, [input, "", ""]) { try Data(text.utf8).write(to: path) }
        let words = interpreter == Python.system.interpreter ? ["python3"] + arguments : arguments
        let status = try Python.spawn([interpreter] + words, files: paths.map(\.path))
        guard status == 0 else {
            let errors = String(decoding: try Data(contentsOf: paths[2]), as: UTF8.self)
            throw Failure(description: "python3 \(arguments.joined(separator: " ")) ended with \(status): \(errors.suffix(2000))")
        }
        return String(decoding: try Data(contentsOf: paths[1]), as: UTF8.self)
    }

    /// Runs a program whose standard streams are `files`; its wait status. By hand: Foundation's `Process` waits for whoever has inherited
    /// what it watches, and other tests start programs that stay.
    private static func spawn(_ words: [String], files: [String]) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in files.enumerated() {
            posix_spawn_file_actions_addopen(&actions, Int32(number), file, number == 0 ? O_RDONLY : O_WRONLY, 0)
        }
        // What the test process has blocked is not blocked for it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let variables = ProcessInfo.processInfo.environment.merging(["PYTHONTZPATH": "/usr/share/zoneinfo"]) { $1 }
        var argv = words.map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var process = pid_t()
        let code = posix_spawn(&process, words[0], &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw Failure(description: "\(words[0]) could not be started: \(String(cString: strerror(code)))") }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw Failure(description: "\(words[0]) could not be waited for") }
        }
        return status
    }
}
