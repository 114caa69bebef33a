// How much a commit must survive.

/// What a commit survives. One `full` commit makes every earlier commit of its file as durable as itself.
enum Durability: Int, Comparable, Sendable {
    /// The process's death, not a power cut (`synchronous=NORMAL`: no fsync in WAL mode).
    case normal = 1
    /// A power cut too (`synchronous=FULL`: fsync before the commit returns).
    case full = 2

    static func < (lhs: Durability, rhs: Durability) -> Bool { lhs.rawValue < rhs.rawValue }
}
