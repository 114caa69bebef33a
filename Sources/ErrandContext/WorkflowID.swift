// Who a workflow is: a number from the same series as the jobs', shown with a letter in front.

/// A workflow's identity in one store: unique among workflows and jobs, never reused.
///
/// Its text is the letter `w` and the 13 characters of a job ID: `w06h3k9x8q4p2a`. No job ID begins with that letter.
public struct WorkflowID: Hashable, Comparable, Sendable {
    /// The row key: 0 or more.
    public let rawValue: Int64

    /// Wraps a row key.
    /// - Precondition: `rawValue` is not negative.
    public init(rawValue: Int64) {
        precondition(rawValue >= 0, "a workflow ID is never negative: \(rawValue)")
        self.rawValue = rawValue
    }

    /// How many characters a workflow ID has.
    public static let length = 1 + JobID.length

    /// The order in which workflows were started.
    public static func < (lhs: WorkflowID, rhs: WorkflowID) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension WorkflowID: CustomStringConvertible, LosslessStringConvertible {
    /// `w` and 13 lower-case Crockford base32 characters.
    public var description: String { "w" + Base32.encode(rawValue) }

    /// Reads the 14 characters of ``description``, in upper case too, or gives `nil`.
    public init?(_ description: String) {
        guard description.utf8.count == WorkflowID.length, description.first == "w" || description.first == "W",
            let value = Base32.decode(description.utf8.dropFirst())
        else { return nil }
        rawValue = value
    }
}

extension WorkflowID: Codable {
    /// Reads the text form.
    /// - Throws: `DecodingError.dataCorrupted` when the text is not a workflow ID.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = WorkflowID(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a workflow ID: \(text)")
        }
        self = id
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
