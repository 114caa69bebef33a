// How much an acknowledgement must survive.

/// What a commit survives that acknowledges a job, or records how one ended.
///
/// One transaction carries the operations of many callers, and is as durable as the most demanding of them asks; a ``full`` one makes
/// every earlier commit durable as well.
public enum Durability: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The death of every process (`kill -9`, out of memory, a crash), but not a power cut or a kernel crash: those may take back what
    /// was acknowledged in the last moments, about a second while a worker runs, and as long as the kernel keeps written pages in
    /// memory (some 30 seconds) while none does. A job whose outcome is taken back runs again. Execution IDs stay unique all the same:
    /// the number of the machine's boot is part of them. Saves an fsync for each commit.
    case normal
    /// A power cut too: fsync before the acknowledgement. The default.
    case full

    /// ``normal`` is less than ``full``.
    public static func < (lhs: Durability, rhs: Durability) -> Bool { lhs == .normal && rhs == .full }
}
