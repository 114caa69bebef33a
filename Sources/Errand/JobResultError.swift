// Why there is no result to wait for.

/// Why there is no result of a job.
@nonexhaustive public enum JobResultError: Error, Hashable, Sendable {
    /// The job died; the error is that of its last failed execution, if it had one.
    case dead(JobID, reason: String?, StoredError?)
    /// The job was cancelled.
    case cancelled(JobID, reason: String?)
    /// There is no such job: there never was, or it was deleted after its end.
    case notFound(JobID)
    /// The job has not ended in this time; it goes on.
    case timedOut(JobID, after: Duration)
    /// The job completed without a result, and its type has no value for that.
    case noResult(JobID)
    /// The result is no value of the type; the text says where.
    case notDecodable(JobID, reason: String)
    /// The result is encrypted with a key that is not here.
    case sealed(JobID, keyID: String)
    /// The store could not be asked.
    case store(JobStoreError)
}

extension JobResultError: CustomStringConvertible {
    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .dead(let job, let reason, let error):
            "the job \(job) is dead (\(reason ?? "no reason given"))\(error.map { ": \($0)" } ?? ""): look at it with `errand show \(job)`"
        case .cancelled(let job, let reason): "the job \(job) was cancelled\(reason.map { ": \($0)" } ?? "")"
        case .notFound(let job):
            "there is no job \(job): it was pruned, or never was in this store; retention says how long results are kept"
        case .timedOut(let job, let limit):
            "the job \(job) has not ended within \(DurationText.format(limit)): it goes on, and can be waited for again"
        case .noResult(let job): "the job \(job) completed without a result: its handler returned nothing"
        case .notDecodable(let job, let reason): "the result of the job \(job) does not decode: \(reason)"
        case .sealed(let job, let keyID):
            "the result of the job \(job) is encrypted with the key \(keyID), which this store was not opened with"
        case .store(let error): error.description
        }
    }
}
