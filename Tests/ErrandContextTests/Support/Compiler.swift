// Compiles sources against the modules that this test was built with, as another package would.

import FoundationEssentials
import Glibc

/// What the compiler says about sources of another package.
struct Compiler {
    /// The errors, by file: the text after `error: `.
    let errors: [String: [String]]
    /// Whether the compiler accepted everything.
    let isAccepted: Bool

    /// Compiles `sources`, by file name without `.swift`, together, without making anything of them.
    init(checking sources: [String: String]) throws {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "errand-compiler-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        // What is left behind in the directory for temporary files does no harm.
        defer { try? FileManager.default.removeItem(at: directory) }
        let products = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            .deletingLastPathComponent()
        // The module of C shims is what a package manager would hand over as well.
        var command = [
            "swiftc", "-typecheck", "-wmo", "-swift-version", "6", "-package-name", "stranger",
            "-I", products.appending(path: "Modules").path,
            "-Xcc", "-fmodule-map-file=\(products.appending(path: "CErrand.build/module.modulemap").path)",
        ]
        for (name, source) in sources {
            let file = directory.appending(path: "\(name).swift")
            try Data(source.utf8).write(to: file)
            command.append(file.path)
        }
        let output = directory.appending(path: "output").path
        isAccepted = try Compiler.run(command, output: output) == 0
        var errors: [String: [String]] = [:]
        for line in try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n") {
            guard let match = line.wholeMatch(of: /.*\/(\w+)\.swift:\d+:\d+: error: (.*)/) else { continue }
            errors[String(match.1), default: []].append(String(match.2))
        }
        self.errors = errors
    }

    /// Runs a command with its standard output and error in a file, and returns its exit code.
    private static func run(_ command: [String], output: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid = pid_t()
        let status = posix_spawnp(&pid, command[0], &actions, nil, &arguments, environ)
        guard status == 0 else { throw Unstarted(code: status) }
        var ended: Int32 = 0
        while waitpid(pid, &ended, 0) < 0, errno == EINTR {}
        return ended
    }

    /// The compiler could not be started.
    struct Unstarted: Error { var code: Int32 }
}
