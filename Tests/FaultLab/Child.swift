// Runs this very program again, as a victim.

import Foundation
import Glibc

/// A child process of the same executable, with its standard output in a file.
struct Child: ~Copyable {
    let pid: pid_t
    private let output: String

    /// Starts this program with `arguments`; `output` is where it prints.
    init(_ arguments: [String], output: String) throws {
        self.output = output
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var argv: [UnsafeMutablePointer<CChar>?] = ([own] + arguments).map { (text: String) in strdup(text) }
        defer { for text in argv { free(text) } }
        argv.append(nil)
        var child = pid_t()
        let code = posix_spawn(&child, own, &actions, nil, argv, environ)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        pid = child
    }

    /// How it ended (0, or 128 + the signal), and what it printed.
    consuming func end() throws -> (status: Int32, printed: String) {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .ECHILD) }
        }
        let printed = String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self)
        return (status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F), printed)
    }
}

/// A directory for everything that a run makes; in memory where the machine allows it, since no fault here needs a disk.
struct Workshop: ~Copyable {
    let path: String

    init() throws {
        let base = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        var template = Array("\(base)/errand-faults-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("could not remove \(path): \(error)")
        }
    }
}
