// How a store is opened.

public import Errand

/// How to open a SQLite store.
public struct SQLiteStoreOptions: Sendable {
    /// Whether a missing or empty directory becomes a store; `true` by default. Otherwise opening it fails.
    public var createIfMissing = true
    /// How long to wait for the write lock while another process holds it: 5 seconds by default, and then
    /// ``JobStoreError/unavailable(reason:)`` names the holder. `nil` waits as long as it takes, as a worker does.
    public var lockWait: Duration? = .seconds(5)
    /// What an acknowledged job survives: ``SQLiteDurability/full`` by default.
    public var durability = SQLiteDurability.full
    /// Where the time comes from; `nil`, the default, is the machine's own clocks.
    public var clock: (any ErrandClock)?
    /// Which boot of the machine this is, for tests that simulate a reboot; `nil`, the default, asks the machine.
    package var bootID: String?
    /// Tells on what file system a path lies, for tests; the machine's own answer by default.
    package var fileSystem: FileSystem.Probe = FileSystem.machine

    /// The defaults.
    public init() {}
}

/// What a commit that acknowledges something survives.
public enum SQLiteDurability: Sendable {
    /// A power cut: fsync before every acknowledgement. The default.
    case full
    /// The process's death, but not a power cut: jobs and outcomes of about the last second may be lost in one, and an execution
    /// may happen again. Several times faster on slow disks.
    case normal
}
