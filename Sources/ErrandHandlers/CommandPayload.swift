// The input of the reserved kind `command`: what to run, where, and with what in its environment.

public import Errand
import ErrandContext
import FoundationEssentials

/// A command line of one's own as a job's payload: `{"argv": ["ls", "-l"], "cwd": "/tmp", "env": {"A": "1"}}`.
public struct CommandPayload: Codable, Hashable, Sendable {
    /// The kind that ``commandHandler(_:)`` runs; no configuration may define it.
    public static let kind = "command"

    /// The program and its arguments, as they are: no shell reads them. 1 to 4,096 texts.
    public var argv: [String]
    /// Where it runs; `nil` is the worker's own directory.
    public var cwd: String?
    /// Variables of its own, at most 256; `ERRAND_…` ones that say who is running, and `TRACEPARENT`, cannot be replaced.
    public var env: [String: String]?

    /// Describes a command.
    public init(argv: [String], cwd: String? = nil, env: [String: String]? = nil) {
        self.argv = argv
        self.cwd = cwd
        self.env = env
    }

    /// Whether `name` is a program that a command with this `PATH` would find.
    package static func isProgram(_ name: String, path: String?) -> Bool {
        do throws(ProgramPath.Problem) {
            _ = try ProgramPath.resolve(name, path: path, directory: nil)
            return true
        } catch {
            return false
        }
    }

    /// The payload as it is stored.
    package var json: [UInt8] {
        var bytes = Array("{\"argv\":[".utf8)
        for (index, argument) in argv.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(argument, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
        if let cwd {
            JSONText.append(raw: ",\"cwd\":", to: &bytes)
            JSONText.append(cwd, to: &bytes)
        }
        if let env {
            JSONText.append(raw: ",\"env\":{", to: &bytes)
            for (index, (name, value)) in env.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                JSONText.append(value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// What is wrong with it, for a person, or `nil` when it may run.
    public var problem: String? { argumentProblem ?? directoryProblem ?? variableProblem }

    /// Reads and checks a payload.
    /// - Throws: `StoredError` of type `PayloadNotDecodable` that says what is wrong.
    public init(payload: [UInt8]) throws(StoredError) {
        do {
            self = try JSONDecoder().decode(CommandPayload.self, from: Data(payload))
        } catch {
            throw StoredError(
                type: "PayloadNotDecodable",
                message: "the payload is no command ({\"argv\": [\"program\", \"argument\"], \"cwd\": …, \"env\": {…}}): \(error)")
        }
        if let problem { throw StoredError(type: "PayloadNotDecodable", message: problem) }
    }

    private var argumentProblem: String? {
        guard let program = argv.first else { return "the command is empty: give at least a program" }
        if program.isEmpty { return "the command's program is an empty text: give a name or a path" }
        if argv.count > 4096 { return "the command has \(argv.count) arguments, and at most 4096 are allowed" }
        if let index = argv.firstIndex(where: { $0.utf8.contains(0) }) {
            return "argument \(index) of the command holds a NUL byte, which no program can receive"
        }
        // The kernel's own limit for one argument, MAX_ARG_STRLEN.
        if let index = argv.firstIndex(where: { $0.utf8.count >= 128 << 10 }) {
            return
                "argument \(index) of the command has \(argv[index].utf8.count) bytes, and less than 131072 are allowed: pass long input in a file"
        }
        return nil
    }

    private var directoryProblem: String? {
        guard let cwd else { return nil }
        if cwd.isEmpty { return "the command's directory is an empty text: leave it out, or give a path" }
        return cwd.utf8.contains(0) ? "the command's directory holds a NUL byte" : nil
    }

    private var variableProblem: String? { env.flatMap(CommandEnvironment.problem(with:)) }
}
