// A command as a job: the reserved kind `command`, and what of this environment it keeps.

import Errand
import ErrandHandlers

/// A command line that becomes a job.
struct PlainCommand {
    let argv: [String]
    let directory: String
    let environment: [String: String]

    /// What a command keeps of the environment that it was enqueued from.
    static let inherited = ["PATH", "HOME", "USER", "LANG", "TZ"]

    init(argv: [String], session: Session, extra: [NameValue]) {
        self.argv = argv
        directory = session.directory
        var environment: [String: String] = [:]
        for name in PlainCommand.inherited { environment[name] = session.environment[name] }
        for pair in extra { environment[pair.name] = pair.value }
        self.environment = environment
    }

    /// The job, with one attempt and the command line as its label.
    /// - Throws: ``Failure`` with status 2 for a command that no worker could run.
    func job() throws -> NewJob {
        if let problem = CommandPayload(argv: argv, cwd: directory, env: environment).problem { throw Failure(.usage, problem) }
        let payload = JSONWriter.object { writer in
            writer.member("argv", raw: JSONWriter.array(argv.map(JSONWriter.string)))
            writer.member("cwd", directory)
            writer.member("env", environment)
        }
        var job = NewJob(kind: CommandPayload.kind, payload: payload)
        job.maxAttempts = 1
        job.label = PlainCommand.label(of: argv)
        return job
    }

    /// A command line, as far as it fits into a label.
    static func label(of argv: [String]) -> String {
        var text = ""
        for character in argv.joined(separator: " ") {
            guard text.utf8.count + String(character).utf8.count <= Limits.labelBytes - 3 else { return text + "…" }
            text.append(character)
        }
        return text
    }
}
