// A workflow as a file: YAML or JSON that names jobs, what they wait for, and what comes after all of them.

package import Errand

/// What stands in the file of a workflow; what its jobs are is for the reader of a batch's lines to find out.
package struct WorkflowFile: Sendable, Hashable {
    /// One job.
    package struct Entry: Sendable, Hashable {
        /// What others call it by; what follows the workflow has its key's name.
        package var name: String
        /// What must end before it: names of the file, and IDs of jobs and workflows that are in the store.
        package var after: [String] = []
        /// What becomes of it when one of those fails.
        package var ifFailed: DependencyPolicy = .cascade
        /// The command that it is, if it is one.
        package var command: CommandPayload?
        /// All else that is said of it: a JSON object with the members of a batch's line.
        package var line: [UInt8] = []
        /// Where it stands, `file:line:column`.
        package var place: String
    }

    /// A line for people.
    package var name: String?
    /// The idempotency key.
    package var key: String?
    /// Its jobs, in the order of the file.
    package var jobs: [Entry] = []
    /// Runs when all have completed.
    package var onSuccess: [Entry] = []
    /// Runs when all have ended.
    package var onCompleted: [Entry] = []

    /// A file may have so many bytes: 16 MiB.
    package static let sizeLimit = 16 << 20

    /// Reads a file's contents; `file` is its path, for messages and as the place that relative directories start from. `keys` are the
    /// members that a batch's line may have.
    /// - Throws: ``ConfigurationError`` with everything that is wrong in it.
    package static func read(_ text: [UInt8], file: String, keys: [String]) throws(ConfigurationError) -> WorkflowFile {
        let root: YAMLNode?
        do throws(YAMLReader.Problem) {
            root = try YAMLReader.read(text)
        } catch {
            throw ConfigurationError(problems: [
                ConfigurationProblem(file: file, line: error.line, column: error.column, message: error.message)
            ])
        }
        guard let root, !root.isNull else {
            throw ConfigurationError(problems: [
                ConfigurationProblem(file: file, line: 0, column: 0, message: "is empty: write `jobs:` and a job below it")
            ])
        }
        var reader = ConfigurationReader(file: file)
        let workflow = reader.workflow(root, keys: keys)
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.problems) }
        return workflow
    }
}

extension ConfigurationReader {
    fileprivate mutating func workflow(_ root: YAMLNode, keys: [String]) -> WorkflowFile {
        var workflow = WorkflowFile()
        for member in members(root, of: "a workflow", keys: ["name", "key", "jobs", "on_success", "on_completed"]) {
            switch member.name {
            case "name": workflow.name = text(member.value, what: "\"name\"")
            case "key": workflow.key = text(member.value, what: "\"key\"")
            case "jobs":
                for job in members(member.value, of: "\"jobs\"", keys: nil) {
                    if let problem = JobRules.nameProblem(job.name, what: "job") { report(job.key, problem) }
                    workflow.jobs.append(entry(job, keys: keys, isFollower: false))
                }
                if workflow.jobs.isEmpty { report(member.key, "\"jobs\" has no job: write a name, a colon, and what the job is below it") }
            case "on_success": workflow.onSuccess = [entry(member, keys: keys, isFollower: true)]
            default: workflow.onCompleted = [entry(member, keys: keys, isFollower: true)]
            }
        }
        if case .mapping(let all) = root.content, !all.contains(where: { $0.name == "jobs" }) {
            report(root, "there are no \"jobs\": write `jobs:` and a job below it")
        }
        return workflow
    }

    private mutating func entry(_ member: YAMLNode.Member, keys: [String], isFollower: Bool) -> WorkflowFile.Entry {
        let own = ["run", "cwd", "env"] + (isFollower ? [] : ["after", "if_failed"])
        let others = keys.filter { !["name", "key", "after", "if_failed"].contains($0) }
        let known = own + others
        let members = members(member.value, of: isFollower ? "\"\(member.name)\"" : "a job", keys: known)
        var entry = WorkflowFile.Entry(name: member.name, place: "\(file):\(member.key.line):\(member.key.column)")
        entry.command = commandOf(members)
        var line: [YAMLNode.Member] = []
        for part in members {
            switch part.name {
            case "after":
                if case .scalar = part.value.content, !part.value.isNull {
                    entry.after = text(part.value, what: "\"after\"").map { [$0] } ?? []
                } else {
                    entry.after = texts(part, example: "[fetch, parse]") ?? []
                }
            case "if_failed":
                entry.ifFailed =
                    word(part, Dictionary(uniqueKeysWithValues: DependencyPolicy.allCases.map { ($0.rawValue, $0) })) ?? .cascade
            case "run", "cwd", "env": break
            default: line.append(part)
            }
        }
        if entry.after.isEmpty, let policy = members.first(where: { $0.name == "if_failed" }) {
            report(policy.key, "\"if_failed\" says more about \"after\": give that too")
        }
        let kind = members.first { $0.name == "kind" }
        let run = members.first { $0.name == "run" }
        if kind == nil, run == nil { report(member.key, "\"\(member.name)\" has no \"kind\" and no \"run\": say what shall run") }
        if let kind, run != nil { report(kind.key, "a job is a \"kind\" or a command to \"run\", not both") }
        if let payload = members.first(where: { $0.name == "payload" }), run != nil {
            report(payload.key, "\"payload\" goes with \"kind\": a command has its arguments")
        }
        entry.line = YAMLNode(content: .mapping(line), line: member.value.line, column: member.value.column).json
        return entry
    }
}
