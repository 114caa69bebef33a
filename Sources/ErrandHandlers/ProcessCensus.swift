// One pass over /proc: which living processes belong to which executions, by what stands in their environment.

import CErrand
import Errand
import Glibc

/// Finds processes by the execution ID in their environment, or by their session.
struct ProcessCensus {
    /// A process that was found, held so that a signal can reach no other one.
    struct Found {
        /// Its number.
        let number: pid_t
        /// Its group.
        let group: pid_t
        /// Readable once it has ended.
        let exit: Descriptor
    }

    /// What to look for.
    struct Wanted: Hashable {
        /// The value of `ERRAND_EXECUTION_ID`.
        var execution: String
        /// A session whose members belong to it whatever their environment says; its leader itself is not reported.
        var session: pid_t?
    }

    /// The variable that marks every process of an execution.
    static let variable = "ERRAND_EXECUTION_ID"

    private let byExecution: [String: Wanted]
    private let bySession: [pid_t: Wanted]
    private let me = getpid()
    private let user = geteuid()

    /// Looks for these.
    init(_ wanted: some Sequence<Wanted>) {
        byExecution = Dictionary(wanted.map { ($0.execution, $0) }, uniquingKeysWith: { first, _ in first })
        bySession = Dictionary(wanted.compactMap { wanted in wanted.session.map { ($0, wanted) } }, uniquingKeysWith: { first, _ in first })
    }

    /// Those that live now, without zombies, other users' processes and this one.
    func take() -> [Wanted: [Found]] {
        var found: [Wanted: [Found]] = [:]
        guard let directory = opendir("/proc") else { return found }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let number = pid_t(name), number != me, let wanted = match(number), let process = hold(number, as: wanted) else {
                continue
            }
            found[wanted, default: []].append(process)
        }
        return found
    }

    private func match(_ number: pid_t) -> Wanted? {
        guard let environment = environment(of: number) else { return nil }
        if !bySession.isEmpty, let wanted = bySession[getsid(number)], wanted.session != number { return wanted }
        return ProcessCensus.execution(in: environment).flatMap { byExecution[$0] }
    }

    /// Matched twice with the descriptor opened in between, and alive after that: the descriptor is the matched process, not one that
    /// has been given its number since.
    private func hold(_ number: pid_t, as wanted: Wanted) -> Found? {
        guard let exit = try? Descriptor(errand_pidfd_open(number)) else { return nil }  // gone meanwhile
        guard match(number) == wanted, !exit.isReadable(within: 0) else { return nil }
        return Found(number: number, group: getpgid(number), exit: exit)
    }

    /// `nil` for processes of other users and those that are gone; empty for zombies and kernel threads.
    private func environment(of number: pid_t) -> [UInt8]? {
        var bytes = read("environ", of: number)
        // In the middle of an exec a process has a program and no environment yet, and what was opened before an exec reads as empty
        // after it: looked at again until it has one. That may take until it gets a processor, which others want as well.
        for _ in 0..<ProcessCensus.execPatience where bytes?.isEmpty == true && shouldHaveEnvironment(number) {
            usleep(ProcessCensus.execPause)
            bytes = read("environ", of: number)
        }
        return bytes
    }

    /// How often a process without the environment that it should have is looked at again before it is taken as it is: two seconds.
    private static let execPatience = 2000
    /// Microseconds between two such looks.
    private static let execPause: useconds_t = 1000

    /// Whether a process that shows no environment has one, or will have in a moment; unlike kernel threads and zombies it has a program.
    private func shouldHaveEnvironment(_ number: pid_t) -> Bool {
        var link: CChar = 0
        guard readlink("/proc/\(number)/exe", &link, 1) > 0, let status = read("stat", of: number) else { return false }
        return ProcessCensus.environmentLength(inStatus: status) != 0
    }

    /// How many bytes of environment a process was given, by its `stat` (`env_start` and `env_end` of proc_pid_stat(5)); `nil` when their
    /// place is not laid out yet, in the middle of an exec.
    static func environmentLength(inStatus status: [UInt8]) -> Int? {
        // The program's name, in parentheses, may hold anything. The field behind it is the third.
        guard let name = status.lastIndex(of: UInt8(ascii: ")")) else { return 0 }
        let fields = status[(name + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 48, let start = Int(String(decoding: fields[47], as: UTF8.self)),
            let end = Int(String(decoding: fields[48], as: UTF8.self))
        else { return 0 }
        return end == 0 ? nil : end - start
    }

    /// A file of `/proc` about a process of this user.
    private func read(_ name: String, of number: pid_t) -> [UInt8]? {
        let file = open("/proc/\(number)/\(name)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_uid == user else { return nil }
        var bytes: [UInt8] = []
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 1) { buffer in
            // An environment and its arguments share 6 MB at most.
            while bytes.count < 8 << 20 {
                let count = Glibc.read(file, buffer.baseAddress, buffer.count)
                guard count > 0 else { break }
                bytes.append(contentsOf: buffer.prefix(count))
            }
        }
        return bytes
    }

    /// The value of the variable in a block of `NAME=value` texts, each ended by NUL.
    static func execution(in environment: [UInt8]) -> String? {
        let prefix = Array("\(variable)=".utf8)
        for entry in environment.split(separator: 0) where entry.starts(with: prefix) {
            return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
        }
        return nil
    }
}

extension ProcessCensus.Found {
    /// Sends `signal` to it, or to nobody when it has ended.
    func send(_ signal: Int32) { _ = errand_pidfd_kill(exit.number, signal) }
}

extension Descriptor {
    /// Whether it becomes readable within so many milliseconds; blocks the thread.
    func isReadable(within milliseconds: Int32) -> Bool {
        var request = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }
}
