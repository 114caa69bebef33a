// Why a job could not be enqueued.

/// Why a job could not be enqueued; nothing was added.
@nonexhaustive public enum EnqueueError: Error, Hashable, Sendable {
    /// A value is outside of what Errand accepts; the text says which, what is allowed and what to do.
    case invalid(reason: String)
    /// The idempotency key belongs to this job, whose kind or payload is another.
    case keyConflict(key: String, existing: JobID)
    /// The unique key belongs to this job, which may not be replaced (any more).
    case uniqueConflict(key: String, existing: JobID)
    /// The store could not take it.
    case store(JobStoreError)
}

extension EnqueueError: CustomStringConvertible {
    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .invalid(let reason): reason
        case .keyConflict(let key, let existing):
            "key \"\(key)\" belongs to job \(existing), which has another kind or payload: use another key, or look at it with `errand show \(existing)`"
        case .uniqueConflict(let key, let existing):
            "unique key \"\(key)\" belongs to job \(existing): nothing was added; look at it with `errand show \(existing)`"
        case .store(let error): error.description
        }
    }
}
