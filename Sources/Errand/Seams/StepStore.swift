// The seam to the database, as an execution's steps use it: what is recorded is not run again.

/// Keeps what executions have completed so far, for the next execution of the same job.
///
/// Rules that every store keeps (the conformance suite in ErrandTesting checks them):
/// - A step is recorded only for an execution that its worker holds, and survives the worker's crash once the call has returned.
/// - The steps of a job are there for each of its later executions, unless an edit forgets them (``JobEdit/forgetsSteps``). Once it has
///   completed, their results are gone; with the job go the steps.
public protocol StepStore: Sendable {
    /// Records a step of an execution that `worker` holds, in one durable commit; a cursor of that name takes its new value.
    /// - Throws: ``JobStoreError``: nothing was recorded, as far as the store can tell; the same call may be repeated.
    func record(_ step: JobStep, by worker: WorkerID) async throws(JobStoreError) -> StepRecordResult

    /// What the executions of a job have recorded, in the order of time.
    /// - Throws: ``JobStoreError``.
    func steps(of job: JobID) async throws(JobStoreError) -> [JobStep]
}

/// A completed part of a job's work.
public struct JobStep: Sendable, Hashable {
    /// What it is known by within its job.
    public var name: String
    /// Whether it is a cursor, whose value changes as the work goes on.
    public var isCursor: Bool
    /// The execution that has recorded it.
    public var execution: ExecutionID
    /// Its result, or a cursor's value: JSON; `nil` once the job has completed.
    public var result: [UInt8]?
    /// When it was recorded.
    public var recordedAt: Timestamp

    /// Puts together a step.
    public init(name: String, isCursor: Bool = false, execution: ExecutionID, result: [UInt8]?, recordedAt: Timestamp) {
        self.name = name
        self.isCursor = isCursor
        self.execution = execution
        self.result = result
        self.recordedAt = recordedAt
    }
}

/// What a wish to record a step brought.
public enum StepRecordResult: Sendable, Hashable {
    /// It is recorded.
    case recorded
    /// The worker does not hold that execution: whatever it does counts no more.
    case leaseLost
    /// It would be one too many, or too large (``StepRules``).
    case refused(reason: String)
}

/// The rules for steps.
public enum StepRules {
    /// A step's name: 1 to 200 bytes.
    public static let nameBytes = 200
    /// The result of a step, or the value of a cursor: 256 KiB of JSON.
    public static let resultBytes = 256 << 10
    /// The steps of a job: 1,000.
    public static let count = 1000
    /// The results of a job's steps in all: 16 MiB.
    public static let totalBytes = 16 << 20

    /// What is wrong with a step's name.
    public static func nameProblem(_ name: String) -> String? {
        JobRules.textProblem(name, limit: nameBytes, what: "name of a step")
    }

    /// What a step begins with: what was recorded under its name, if that is allowed to be asked.
    /// - Throws: ``StepError``.
    package static func begin(
        _ name: String, isCursor: Bool, isFirst: Bool, known: RecordedStep?
    ) throws -> RecordedStep? {
        if let problem = nameProblem(name) { throw StepError.invalidName(reason: problem) }
        guard isFirst else { throw StepError.usedTwice(name: name) }
        guard let known else { return nil }
        guard known.isCursor == isCursor else { throw StepError.otherKind(name: name, wasCursor: known.isCursor) }
        return known
    }

    /// What is wrong with a further step of `bytes` beside `count` others that have `total` bytes together.
    package static func roomProblem(name: String, bytes: Int, beside count: Int, total: Int) -> String? {
        guard count < StepRules.count else {
            return
                "the job has \(count) steps already, and \"\(name)\" would be one more: do more in each step, or keep a position with `cursor`"
        }
        guard total + bytes <= totalBytes else {
            return
                "with \"\(name)\" the results of the job's steps would have \(total + bytes) bytes, and at most \(totalBytes) (16 MiB) are kept: store them elsewhere and return references"
        }
        return nil
    }
}
