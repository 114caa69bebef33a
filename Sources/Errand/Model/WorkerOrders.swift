// What an operator wants of a live worker.

/// One wish about a worker. It holds for as long as the worker is registered under the same ID.
@nonexhaustive public enum WorkerDirective: Sendable, Hashable {
    /// It takes no new jobs, and goes on with those that it has.
    case quiet
    /// It takes jobs again.
    case resume
    /// It leaves once what runs has ended, or its grace is over.
    case stop
    /// It has this many slots, 1 … 10,000. Jobs that run in slots too many end as usual.
    case scale(slots: Int)
}

/// All that operators want of a worker at the moment; nothing by default.
public struct WorkerOrders: Sendable, Hashable {
    /// Whether it takes no new jobs.
    public var isQuiet = false
    /// Whether it leaves.
    public var mustStop = false
    /// How many slots it has; `nil` is its own number.
    public var slots: Int?

    /// None.
    public init() {}

    /// Whether a claim may be made under these.
    package var allowsClaims: Bool { !isQuiet && !mustStop }

    /// Adds a wish; a later one about the same thing takes the place of an earlier one.
    package mutating func apply(_ directive: WorkerDirective) {
        switch directive {
        case .quiet: isQuiet = true
        case .resume: isQuiet = false
        case .stop: mustStop = true
        case .scale(let slots): self.slots = slots
        }
    }
}
