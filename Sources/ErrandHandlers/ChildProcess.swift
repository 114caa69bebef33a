// Starts a program: in a session of its own, with nothing of the worker's but what it is meant to have.

import CErrand
import Glibc

/// A started program that has not been reaped yet: until then its number, and its group's, cannot mean another process.
struct ChildProcess: Sendable {
    /// The process, which leads a session and a group of the same number.
    let number: pid_t
    /// Readable once the process has ended.
    let exit: Descriptor
    /// The read end of its standard output.
    let output: Descriptor
    /// The read end of its standard error.
    let errors: Descriptor
    /// What it writes to descriptor 3: a file in memory, or our end of a channel.
    let result: Descriptor

    /// The descriptor under which a child finds its result file.
    static let resultNumber = 3

    /// Once per process, before the first child.
    private static let keepsStatuses: Void = errand_keep_children()

    /// Starts `program` with `arguments` (the name it is called by among them) and exactly `environment`.
    ///
    /// It shares memory with this process until the exec: a fork copies the page tables of a fat worker, 16 to 30 ms at 200 MB.
    /// - Parameters:
    ///   - input: the bytes on its standard input, an empty file for `nil`.
    ///   - limits: what it may use; they hold before its first instruction.
    ///   - channel: what it gets as descriptor 3 instead of a result file.
    static func start(
        _ program: String, arguments: [String], environment: [String: String], directory: String?, input: [UInt8]?,
        limits: CommandLimits = CommandLimits(), channel: (ours: Descriptor, childs: Descriptor)? = nil
    ) throws(SystemError) -> ChildProcess {
        keepsStatuses
        let output = try Descriptor.outputPipe()
        let errors = try Descriptor.outputPipe()
        let result = if let channel { channel.childs } else { try Descriptor.memoryFile() }
        // A file rather than a pipe: nobody has to feed it, and a program that does not read it disturbs nobody.
        let input = try input.map { bytes throws(SystemError) in try Descriptor.memoryFile(bytes) }
        let systemLimits = limits.systemLimits(usualFiles: FileLimit.original)

        var number = pid_t()
        let status = withCStrings(arguments) { arguments in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                program.withCString { program in
                    withOptionalCString(directory) { directory in
                        systemLimits.withUnsafeBufferPointer { limits in
                            var request = errand_spawn(
                                program: program, arguments: arguments, environment: environment, directory: directory,
                                input: input?.number ?? -1, output: output.childs.number, errors: errors.childs.number,
                                result: result.number, limits: limits.baseAddress, limit_count: limits.count)
                            return errand_spawn(&request, &number)
                        }
                    }
                }
            }
        }
        guard status == 0 else { throw SystemError(status) }
        do throws(SystemError) {
            let exit = try Descriptor(errand_pidfd_open(number))
            return ChildProcess(number: number, exit: exit, output: output.ours, errors: errors.ours, result: channel?.ours ?? result)
        } catch {
            // Out of descriptors just now: a process that cannot be watched must not run on.
            kill(-number, SIGKILL)
            _ = reap(number)
            throw error
        }
    }

    /// Takes the ended process's status; its number is free afterwards.
    func reap() -> End { ChildProcess.reap(number) }

    /// What is left of an ended process.
    struct End {
        /// How it ended.
        var status: ExitStatus
        /// The processor time that it has used, with all children that it has waited for.
        var cpu: Duration
    }

    private static func reap(_ number: pid_t) -> End {
        var status: Int32 = 0
        var usage = rusage()
        while wait4(number, &status, 0, &usage) < 0 {
            // Somebody else in this process waited for all children: the status is lost, and must not look like success.
            guard errno == EINTR else { return End(status: .unknown, cpu: .zero) }
        }
        let signal = status & 0x7F
        return End(
            status: signal == 0 ? .exited((status >> 8) & 0xFF) : .signaled(signal),
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime))
    }

    private static func duration(_ time: timeval) -> Duration {
        .seconds(Int64(time.tv_sec)) + .microseconds(Int64(time.tv_usec))
    }
}

/// How a process ended.
enum ExitStatus: Hashable, Sendable {
    /// By itself, with this status.
    case exited(Int32)
    /// By this signal.
    case signaled(Int32)
    /// Unknown: another part of the program has taken the status.
    case unknown
}

/// The process's limit of open files: commands need three each, so the soft limit is raised once and children get the original.
private enum FileLimit {
    /// The soft limit before it was raised; `nil` when it was not.
    static let original: UInt64? = {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return nil }
        let original = limit.rlim_cur
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        guard limit.rlim_cur > original, setrlimit(resource, &limit) == 0 else { return nil }
        return UInt64(original)
    }()
}

private func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}

/// Calls `body` with `texts` as a null-terminated array of C strings.
private func withCStrings<Result>(_ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
    let copies: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return (copies + [nil]).withUnsafeBufferPointer { body($0.baseAddress!) }
}
