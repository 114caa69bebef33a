// From what a person types to the job that they mean.

import Errand

/// Finds jobs by ID, unique prefix, suffix or `key:K`.
struct JobResolver {
    let inspection: any JobInspection

    /// A job or one of its executions.
    struct Target: Hashable {
        var job: JobID
        /// The execution, when the text named one.
        var ordinal: Int64?
    }

    /// The jobs that `texts` mean, each once, in the order in which they were named; `-` reads more from standard input.
    /// - Throws: ``Failure``: 3 when one is not found, 2 when one is ambiguous; `JobStoreError`.
    func jobs(_ texts: [String]) async throws -> [JobID] {
        var jobs: [JobID] = []
        var seen: Set<JobID> = []
        for text in try expanded(texts) {
            let job = try await target(text).job
            if seen.insert(job).inserted { jobs.append(job) }
        }
        return jobs
    }

    /// The job or execution that `text` means: an execution is written `<job>.<ordinal>`.
    /// - Throws: ``Failure``: 3 when there is none, 2 when there are several; `JobStoreError`.
    func target(_ text: String) async throws -> Target {
        guard !text.isEmpty else { throw Failure(.usage, "an empty text names no job") }
        var name = text
        var ordinal: Int64?
        if !text.hasPrefix("key:"), let dot = text.lastIndex(of: ".") {
            guard let number = Int64(text[text.index(after: dot)...]), number > 0 else {
                throw Failure(.usage, "\"\(shown(text))\" is neither a job nor an execution: an execution is written <job>.<number>")
            }
            name = String(text[..<dot])
            ordinal = number
        }
        let found = try await inspection.jobs(meantBy: name)
        switch found.count {
        case 0 where WorkflowID(name) != nil:
            throw Failure(
                .notFound,
                "there is no job \"\(shown(name))\": an ID that begins with w is a workflow's, for `\(Session.program) workflow` and `\(Session.program) trace`"
            )
        case 0: throw Failure(.notFound, "there is no job \"\(shown(name))\": `\(Session.program) jobs` lists them")
        case 1: return Target(job: found[0], ordinal: ordinal)
        default:
            let candidates = found.map(\.description).joined(separator: ", ")
            throw Failure(.usage, "\"\(shown(name))\" may mean several jobs: \(candidates); write more of the ID")
        }
    }

    private func expanded(_ texts: [String]) throws -> [String] {
        guard texts.contains("-") else { return texts }
        let input = Session.current.readInput(JobResolver.inputLimit + 1)
        guard input.count <= JobResolver.inputLimit else { throw Failure(.usage, "more than 64 MiB of IDs on standard input") }
        let words = String(decoding: input, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
        return texts.flatMap { $0 == "-" ? words : [$0] }
    }

    private static let inputLimit = 64 << 20

    private func shown(_ text: String) -> String { TerminalText.escaped(TerminalText.cut(text, to: 80)) }
}
