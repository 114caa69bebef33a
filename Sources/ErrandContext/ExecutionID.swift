// Which run of a job: the identity that every log line, error report and child process carries.

/// One execution of one job, `<job>.<ordinal>`, such as `06h3k9x8q4p2a.2`.
///
/// The ordinal grows at every claim and is never reset or reused, so it is also the lease token: a write about an execution names
/// it, and is refused once another claim has happened. Ordinals may skip.
public struct ExecutionID: Hashable, Sendable {
    /// The job that runs.
    public let job: JobID
    /// Which claim of the job this is: 1 or more, growing, with gaps allowed.
    public let ordinal: Int64

    /// Names the execution `ordinal` of `job`.
    public init(_ job: JobID, _ ordinal: Int64) {
        self.job = job
        self.ordinal = ordinal
    }
}

extension ExecutionID: Comparable {
    /// By job, then by ordinal: the order in which claims happened within a job.
    public static func < (lhs: ExecutionID, rhs: ExecutionID) -> Bool {
        (lhs.job, lhs.ordinal) < (rhs.job, rhs.ordinal)
    }
}

extension ExecutionID: CustomStringConvertible, LosslessStringConvertible {
    /// `<job>.<ordinal>`.
    public var description: String { "\(job).\(ordinal)" }

    /// Reads `<job>.<ordinal>` as ``description`` writes it, or gives `nil`.
    public init?(_ description: String) {
        let parts = description.split(separator: ".", omittingEmptySubsequences: false)
        // One text for one execution: `+1` and `01` are numbers to `Int64`, but nothing that ``description`` writes.
        guard parts.count == 2, let job = JobID(parts[0]), let ordinal = Int64(parts[1]), ordinal > 0, "\(ordinal)" == parts[1]
        else { return nil }
        self.init(job, ordinal)
    }
}

extension ExecutionID: Codable {
    /// Reads the text form.
    /// - Throws: `DecodingError.dataCorrupted` when the text is not an execution ID.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = ExecutionID(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an execution ID: \(text)")
        }
        self = id
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
