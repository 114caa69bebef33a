// A small file system of a test's own, in a mount namespace that goes with it.

import Foundation
import Glibc
import Testing

/// A mounted file system that other tests do not see; whoever looks into it runs in its namespace.
final class SmallDisk {
    /// What it is.
    enum Kind: Hashable {
        /// An ext4 with blocks of 1 KiB and none set aside for root: the one on which a full disk could end processes by SIGBUS.
        case ext4
        /// Memory, for machines that cannot mount images.
        case tmpfs
    }

    let sandbox: Sandbox
    private let keeper: Sandbox.Running
    var store: String { "\(sandbox.directory)/disk/store" }

    /// Which kinds can be mounted here: `nil` for none, with the reason in ``reason``.
    static let kind: Kind? = {
        if canMount(.ext4) { return .ext4 }
        return canMount(.tmpfs) ? .tmpfs : nil
    }()
    static let reason: Comment = "no file system can be mounted here: it takes root, or unprivileged user namespaces"

    private static func canMount(_ kind: Kind) -> Bool {
        do {
            let disk = try SmallDisk(kind, kibibytes: 4096)
            return try disk.command("true").status == 0
        } catch {
            return false
        }
    }

    init(_ kind: Kind, kibibytes: Int) throws {
        sandbox = try Sandbox()
        let mount =
            switch kind {
            case .ext4:
                "truncate -s \(kibibytes)K image && mkfs.ext4 -q -m 0 -b 1024 image && mount -o loop image disk"
            case .tmpfs: "mount -t tmpfs -o size=\(kibibytes)k none disk"
            }
        let script = "cd '\(sandbox.directory)' && mkdir disk && \(mount) && : > mounted && exec sleep 600"
        let unshare = geteuid() == 0 ? ["-m"] : ["-rm"]
        keeper = try Sandbox.Running(
            executable: "unshare", arguments: unshare + ["sh", "-c", script], input: nil, environment: ["PATH": SmallDisk.path])
        let isMounted = eventually { access("\(sandbox.directory)/mounted", F_OK) == 0 || !keeper.isRunning }
        guard isMounted, keeper.isRunning else { throw POSIXError(.EPERM) }
    }

    // mkfs and losetup are not on everybody's PATH.
    private static let path = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin"

    /// Starts a program that sees the disk.
    func start(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Sandbox.Running {
        var variables = ["ERRAND_STORE": store, "NO_COLOR": "1", "PATH": SmallDisk.path]
        variables.merge(environment) { $1 }
        let enter = geteuid() == 0 ? ["-m"] : ["-U", "-m", "--preserve-credentials"]
        return try Sandbox.Running(
            executable: "nsenter", arguments: ["-t", "\(keeper.pid)"] + enter + ["--", program] + arguments, input: nil,
            environment: variables)
    }

    /// Runs a program that sees the disk to its end.
    @discardableResult func command(_ program: String, _ arguments: String...) throws -> Sandbox.Output {
        try start(program, arguments).waitForEnd()
    }

    /// Runs the tool to its end.
    @discardableResult func errand(_ arguments: String...) throws -> Sandbox.Output {
        try start(Sandbox.errand, arguments).waitForEnd()
    }

    /// Writes files until not a byte is left, and gives back `kibibytes` of them.
    func fill(leaving kibibytes: Int = 0) throws {
        try command(
            "sh", "-c",
            """
            cd '\(sandbox.directory)/disk'
            head -c \(kibibytes)K /dev/zero > pad; sync
            while head -c 1M /dev/zero >> fill; do :; done 2>/dev/null
            i=0; while head -c 1K /dev/zero > fill.$i; do i=$((i+1)); done 2>/dev/null
            rm -f pad; sync
            """)
    }

    /// Deletes what ``fill(leaving:)`` has written.
    func makeRoom() throws { try command("sh", "-c", "rm -f '\(sandbox.directory)/disk'/fill*; sync") }

    /// How many KiB are free.
    func freeKibibytes() throws -> Int? {
        Int(try command("stat", "-f", "-c", "%a", "\(sandbox.directory)/disk").text)
    }

    /// Whether a file of the store exists.
    func has(_ name: String) throws -> Bool { try command("test", "-e", "\(store)/\(name)").status == 0 }
}
