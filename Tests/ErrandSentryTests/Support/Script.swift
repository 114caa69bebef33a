// Runs one of the repository's scripts to its end.

#if Web
import Errand
import Foundation
import Glibc

/// A script that has ended.
struct Script {
    var status: Int32
    var output: String

    /// Runs `Scripts/name` with `arguments`; what it prints goes into a file in `directory`. A thread of its own waits for the end.
    static func run(_ name: String, _ arguments: [String], in directory: Directory) async throws -> Script {
        let script = Directory.repository + "/Scripts/" + name
        let output = directory.path + "/output"
        let pid = try spawn([script] + arguments, output: output)
        let status: Int32 = await withCheckedContinuation { continuation in
            startThread(named: "test-script") {
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                continuation.resume(returning: status)
            }
        }
        return Script(
            status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F),
            output: String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self))
    }

    private static func spawn(_ words: [String], output: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        argv.append(nil)
        defer { for word in argv { free(word) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, words[0], &actions, nil, argv, environ)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        return pid
    }
}

/// A temporary directory, removed with the value that holds it.
final class Directory: Sendable {
    let path: String

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    init() throws {
        var template = Array("/tmp/errand-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Writes a file and gives its path.
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("could not remove \(path): \(error)")
        }
    }
}
#endif
