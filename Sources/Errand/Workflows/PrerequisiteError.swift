// Why what a job has waited for could not be read.

/// Why the result of a prerequisite could not be given. Thrown out of a handler it fails the execution, as every error does.
@nonexhaustive public enum PrerequisiteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The job does not wait for anything of this name; these are the names that it knows.
    case unknown(name: String, known: [String])
    /// The job has waited for several of this name: ask by ID.
    case ambiguous(name: String, ids: [JobID])
    /// The prerequisite has not completed, and is ignored: it has no result.
    case notCompleted(job: JobID, state: JobState?)
    /// The prerequisite has completed and gave nothing.
    case noResult(job: JobID)
    /// Its result cannot be read as what the handler expects.
    case notDecodable(job: JobID, reason: String)
    /// Its result is encrypted with a key that this worker does not have.
    case encrypted(job: JobID, keyID: String)
    /// The store could not be read.
    case store(JobStoreError)
    /// This context does not come from a worker.
    case noWorker

    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "the job has not waited for \"\(name)\": \(known.isEmpty ? "it has waited for nothing" : "it has waited for \(known.joined(separator: ", "))")"
        case .ambiguous(let name, let ids):
            "the job has waited for \(ids.count) jobs called \"\(name)\": ask by ID, \(ids.prefix(3).map(\.description).joined(separator: ", "))"
        case .notCompleted(let job, let state):
            "the job \(job) has no result: it is \(state?.rawValue ?? "not on record any more"), which this job ignores"
        case .noResult(let job): "the job \(job) has completed without a result: let its handler return one"
        case .notDecodable(let job, let reason): "the result of the job \(job) is not what the handler expects: \(reason)"
        case .encrypted(let job, let keyID):
            "the result of the job \(job) is encrypted with the key \(keyID), which is not here: name it under \"encryption\""
        case .store(let error): error.description
        case .noWorker: "this context does not come from a worker: there is nothing that its job has waited for"
        }
    }
}
