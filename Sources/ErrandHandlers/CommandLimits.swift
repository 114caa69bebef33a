// What a command may use at most, and how the system is told.

import CErrand
import Errand
import Glibc

/// What a command may use at most; `nil` is no limit. The limits hold from its first instruction on.
///
/// Processor time, memory, open files and file sizes are limits of the kernel (setrlimit(2)): *each* process that the command starts
/// has them anew. Output is counted over all of them.
public struct CommandLimits: Sendable, Hashable {
    /// Processor time, in whole seconds, 1 second or more. Past it a process is ended by SIGXCPU, one that ignores that a second later
    /// by SIGKILL.
    public var cpu: Duration?
    /// Address space in bytes, 16 MiB or more: past it allocations fail, and most programs give up. It counts what is mapped, not
    /// only what is used; a runtime that reserves much (Java, Go, Node) needs far more than it uses.
    public var memoryBytes: Int?
    /// Open files, 8 or more, the 4 that every command begins with among them: past it `open` fails.
    public var openFiles: Int?
    /// The size of any file that it writes, in bytes: past it a process is ended by SIGXFSZ, or its write fails. Counts for the result
    /// descriptor too.
    public var fileBytes: Int?
    /// How many bytes it may print, standard output and standard error together. Past it all of its processes are ended.
    public var outputBytes: Int?

    /// No limits.
    public init() {}

    /// The limits with those of `other` where these are `nil`.
    public func filled(from other: CommandLimits) -> CommandLimits {
        var limits = self
        limits.cpu = cpu ?? other.cpu
        limits.memoryBytes = memoryBytes ?? other.memoryBytes
        limits.openFiles = openFiles ?? other.openFiles
        limits.fileBytes = fileBytes ?? other.fileBytes
        limits.outputBytes = outputBytes ?? other.outputBytes
        return limits
    }

    /// The smallest memory limit: less does not hold a program and its libraries.
    static let leastMemory = 16 << 20
    /// The smallest limit of open files: what a command begins with, and what loading its libraries takes.
    static let leastFiles = 8

    /// For the new process. `usualFiles` is the soft limit that commands without one of their own shall find.
    func systemLimits(usualFiles: UInt64?) -> [errand_limit] {
        var limits: [errand_limit] = []
        func add(_ resource: Int32, _ soft: UInt64, hard: UInt64? = nil) {
            limits.append(errand_limit(resource: resource, soft: soft, hard: hard ?? soft))
        }
        if let cpu {
            let seconds = UInt64(cpu.components.seconds)
            add(Int32(RLIMIT_CPU.rawValue), seconds, hard: seconds + 1)
        }
        if let memoryBytes { add(Int32(RLIMIT_AS.rawValue), UInt64(memoryBytes)) }
        if let fileBytes { add(Int32(RLIMIT_FSIZE.rawValue), UInt64(fileBytes)) }
        if let openFiles {
            add(Int32(RLIMIT_NOFILE.rawValue), UInt64(openFiles))
        } else if let usualFiles {
            // A courtesy to programs that use select: this process has raised its own.
            add(Int32(RLIMIT_NOFILE.rawValue), usualFiles, hard: .max)
        }
        return limits
    }

    /// The limits that may have made a command fail without saying so, for an error's message; `nil` when there are none.
    var hint: String? {
        var parts: [String] = []
        if let memoryBytes { parts.append("memory \(ByteText.format(memoryBytes))") }
        if let openFiles { parts.append("open files \(openFiles)") }
        if let fileBytes { parts.append("file size \(ByteText.format(fileBytes))") }
        return parts.isEmpty ? nil : "it ran under these limits: " + parts.joined(separator: ", ")
    }
}

/// What an ended command has met, where that can be known.
enum MetLimit: Hashable {
    case cpu(Duration)
    case fileSize(Int)
    case output(Int)

    /// Judges the end of a command.
    init?(_ end: ChildProcess.End, under limits: CommandLimits, outputWasExceeded: Bool) {
        if outputWasExceeded, let bytes = limits.outputBytes {
            self = .output(bytes)
        } else if let cpu = limits.cpu, MetLimit.isEnded(end, by: SIGXCPU) || (end.status == .signaled(SIGKILL) && end.cpu >= cpu) {
            self = .cpu(cpu)
        } else if let bytes = limits.fileBytes, MetLimit.isEnded(end, by: SIGXFSZ) {
            self = .fileSize(bytes)
        } else {
            return nil
        }
    }

    /// Whether it was ended by the signal, or is a shell that says so of its child (128 and the signal's number).
    private static func isEnded(_ end: ChildProcess.End, by signal: Int32) -> Bool {
        end.status == .signaled(signal) || end.status == .exited(128 + signal)
    }

    /// What is kept with the execution.
    var error: StoredError {
        let text =
            switch self {
            case .cpu(let cpu): "it used more processor time than its limit of \(DurationText.format(cpu)) (cpu) and was ended"
            case .fileSize(let bytes):
                "it wrote a file larger than its limit of \(ByteText.format(bytes)) (file_size) and was ended"
            case .output(let bytes): "it printed more than its limit of \(ByteText.format(bytes)) (output) and was ended"
            }
        return StoredError(type: "CommandLimitExceeded", message: text, code: code)
    }

    private var code: Int? {
        switch self {
        case .cpu: Int(128 + SIGXCPU)
        case .fileSize: Int(128 + SIGXFSZ)
        case .output: nil
        }
    }
}
