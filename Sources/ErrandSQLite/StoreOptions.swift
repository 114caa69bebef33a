// How a store is opened.

public import Errand

/// How to open a SQLite store.
public struct SQLiteStoreOptions: Sendable {
    /// Whether a missing or empty directory becomes a store; `true` by default. Otherwise opening it fails.
    public var createIfMissing = true
    /// How long to wait for the write lock while another process holds it: 5 seconds by default, and then
    /// ``JobStoreError/unavailable(reason:)`` names the holder. `nil` waits as long as it takes, as a worker does.
    public var lockWait: Duration? = .seconds(5)
    /// What acknowledged jobs, outcomes and operators' commands survive: `full` by default. A job may ask for another
    /// (`NewJob.durability`). Claims and heartbeats are never more than `normal`: what they said becomes true again by itself.
    public var durability = Durability.full
    /// How many bytes of the file system are left alone: with less than this free nothing is enqueued or claimed, while outcomes,
    /// heartbeats, rescues, cancellations and pruning go on. `nil`, the default, is a sixteenth of the file system and 64 MiB at most;
    /// 0 keeps nothing back. Logs stop at twice this. All processes on a store should agree on it.
    public var reserveBytes: Int?
    /// The size of the ballast, a file that is deleted when an outcome meets a full disk all the same. `nil`, the default, is a
    /// sixty-fourth of the file system and 8 MiB at most; 0 makes none.
    public var ballastBytes: Int?
    /// Whether what this opened store does is told in the event stream; `true` by default. A worker, an enqueuer or an operator that opens
    /// the store otherwise leaves gaps in it for everybody.
    public var recordsEvents = true
    /// Where the time comes from; `nil`, the default, is the machine's own clocks.
    public var clock: (any ErrandClock)?
    /// Which boot of the machine this is, for tests that simulate a reboot; `nil`, the default, asks the machine.
    package var bootID: String?
    /// Tells on what file system a path lies, for tests; the machine's own answer by default.
    package var fileSystem: FileSystem.Probe = FileSystem.machine
    /// The room on the file system, for tests that simulate a full one; `nil`, the default, asks it.
    package var space: (@Sendable () -> DiskSpace?)?

    /// The defaults.
    public init() {}
}
