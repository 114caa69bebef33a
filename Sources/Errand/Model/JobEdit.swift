// What an operator changes about a job that has not begun its next execution.

/// A change of a job's input; what is `nil` stays as it is.
public struct JobEdit: Sendable, Hashable {
    /// The new input: JSON, at most 1 MiB. The job's idempotency key keeps standing for the enqueue that made it.
    public var payload: [UInt8]?
    /// The new priority, −100 … 100.
    public var priority: Int?
    /// The line that it waits in from now on.
    public var queue: String?
    /// The key that it is unique by from now on, at most 512 bytes; in the same scope and with the same consequences as before, or as in
    /// ``Uniqueness/init(key:scope:until:onConflict:period:)`` for a job that was not unique. Refused when another job has it.
    public var uniqueKey: String?
    /// When it may start. A time that has passed means at once.
    public var runAt: Timestamp?
    /// Forgets what executions have recorded as steps: the next one begins anew. Goes with a new payload, of which recorded steps know
    /// nothing; `false` by default.
    public var forgetsSteps = false

    /// Changes nothing.
    public init() {}

    /// Changes nothing but what `change` says.
    public init(_ change: (inout JobEdit) -> Void) {
        self.init()
        change(&self)
    }

    /// Whether it changes nothing.
    public var isEmpty: Bool { self == JobEdit() }
}

extension JobRules {
    /// What is wrong with `edit`, or `nil` when it may be made.
    public static func problem(with edit: JobEdit) -> String? {
        var job = NewJob(kind: "edited", payload: edit.payload ?? Array("{}".utf8))
        if let priority = edit.priority { job.priority = priority }
        if let queue = edit.queue { job.queue = queue }
        job.runAt = edit.runAt
        job.terms.uniqueness = edit.uniqueKey.map { Uniqueness(key: $0) }
        return problem(with: job)
    }
}
