// The promise: whatever the umask, a store is its owner's alone, every file and socket that ever stands in it.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(2))) struct PrivacyTests {
    /// Every entry of the store with its mode, the store itself as ".".
    private func modes(of store: String) -> [String: mode_t] {
        var modes: [String: mode_t] = [:]
        var names = ["."]
        if let found = FileManager.default.enumerator(atPath: store) { names += found.compactMap { $0 as? String } }
        for name in names {
            var status = stat()
            // What is gone again was a temporary file, and was looked at in an earlier round or will be in a later one.
            if lstat(store + "/" + name, &status) == 0 { modes[name] = status.st_mode }
        }
        return modes
    }

    @Test(arguments: ["0000", "0077", "0777"])
    func `no file of a store is anybody else's, while it is worked on and afterwards`(umask: String) throws {
        let sandbox = try Sandbox()
        func start(_ line: String) throws -> Sandbox.Running {
            try Sandbox.Running(
                executable: "/bin/sh", arguments: ["-c", "umask \(umask); exec \(Sandbox.errand) \(line)"], input: nil,
                environment: ["ERRAND_STORE": sandbox.store])
        }
        #expect(try start("enqueue -- sh -c 'echo there; sleep 2'").waitForEnd().status == 0)
        let worker = try start("work --once")
        let follower = try start("logs -f")
        var seen: [String: mode_t] = [:]
        // While the job runs: lock, write-ahead logs, doorbells of a worker and of a follower, the crash file.
        let isSeen = eventually {
            seen.merge(modes(of: sandbox.store)) { $1 }
            return ["logs.db", "lock", "doorbells/", "crash/"].allSatisfy { name in seen.keys.contains { $0.hasPrefix(name) } }
        }
        #expect(isSeen, "\(seen.keys.sorted())")
        #expect(worker.waitForEnd().status == 0)
        follower.signal(SIGINT)
        _ = follower.waitForEnd()
        for verb in ["doctor", "prune", "jobs", "stats"] { _ = try start(verb).waitForEnd() }
        seen.merge(modes(of: sandbox.store)) { $1 }
        #expect(Set(seen.keys).isSuperset(of: [".", "queue.db", "logs.db", "lock", "doorbells", "crash"]))
        for (name, mode) in seen.sorted(by: { $0.key < $1.key }) {
            let expected: mode_t = mode & S_IFMT == S_IFDIR ? 0o700 : 0o600
            #expect(mode & 0o7777 == expected, "\(name) has mode \(String(mode & 0o7777, radix: 8)) under umask \(umask)")
        }
    }
}
