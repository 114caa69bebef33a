// Why a step could not be looked up, run or recorded.

/// Why a step could not be done as such. Thrown out of a handler it fails the execution, as every error does.
@nonexhaustive public enum StepError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another step or cursor of this execution has the name already.
    case usedTwice(name: String)
    /// A step cannot have such a name.
    case invalidName(reason: String)
    /// An earlier execution has recorded a cursor under the name of a step, or a step under that of a cursor.
    case otherKind(name: String, wasCursor: Bool)
    /// The result has too many bytes of JSON.
    case tooLarge(name: String, bytes: Int)
    /// The result cannot be written as JSON.
    case notEncodable(name: String, reason: String)
    /// What an earlier execution has recorded cannot be read as what this one expects.
    case notDecodable(name: String, execution: ExecutionID, reason: String)
    /// The job has too many steps, or their results are too large together.
    case refused(reason: String)
    /// This execution has lost its lease: another worker may run the job, and nothing is recorded for this one any more.
    case leaseLost(name: String)
    /// The store could not be read or written.
    case store(JobStoreError)
    /// This context does not come from a worker that keeps steps.
    case noWorker

    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .usedTwice(let name):
            "the step \"\(name)\" is used twice in one execution: give each its own name, in a loop one with the element's ID"
        case .invalidName(let reason): reason
        case .otherKind(let name, let wasCursor):
            "\"\(name)\" was recorded as a \(wasCursor ? "cursor" : "step") by an earlier execution, and is now used as a \(wasCursor ? "step" : "cursor"): give one of them another name"
        case .tooLarge(let name, let bytes):
            "the result of the step \"\(name)\" has \(bytes) bytes, and at most \(StepRules.resultBytes) (256 KiB) are kept: store it elsewhere and return a reference"
        case .notEncodable(let name, let reason): "the result of the step \"\(name)\" cannot be written as JSON: \(reason)"
        case .notDecodable(let name, let execution, let reason):
            "what the execution \(execution) recorded for the step \"\(name)\" does not decode as what the handler expects: \(reason); give the step a new name when its result changes, or forget the steps (`errand retry --forget-steps`)"
        case .refused(let reason): reason
        case .leaseLost(let name): "the step \"\(name)\" was not recorded: the lease is lost, and another worker may run the job"
        case .store(let error): "a step could not be looked up or recorded: \(error)"
        case .noWorker: "steps are kept by a worker, and this context comes from none"
        }
    }
}
