// Why a store could not do what was asked.

/// Why a store could not do what was asked; the world's doing, since misuse traps.
@nonexhaustive public enum JobStoreError: Error, Hashable, Sendable {
    /// The store did not answer in time or refused for a passing reason; the call may be repeated. Says who stands in the way.
    case unavailable(reason: String)
    /// The file system is full or almost full; nothing was acknowledged.
    case full(reason: String)
    /// What is there is not a store, or is damaged; nothing was touched.
    case damaged(reason: String)
    /// The store was made by a newer Errand whose tables this one must not write.
    case newerSchema(found: Int, supported: Int)
    /// A rule of the store was broken by the input; the text says which and what to do.
    case refused(reason: String)
}

extension JobStoreError: CustomStringConvertible {
    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .unavailable(let reason): "the store is not available: \(reason)"
        case .full(let reason): "the disk is full: \(reason)"
        case .damaged(let reason): "the store is damaged or not a store: \(reason)"
        case .newerSchema(let found, let supported):
            "the store has schema \(found), and this Errand knows schemas up to \(supported): upgrade Errand on this machine"
        case .refused(let reason): reason
        }
    }
}
