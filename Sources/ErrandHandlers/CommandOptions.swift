// What an operator may say about all commands of a worker.

/// How a worker runs commands; everything has a default.
public struct CommandOptions: Sendable, Hashable {
    /// When a command that ends with status 75 (`EX_TEMPFAIL`, "try again later") runs again, its attempt refunded; 60 seconds.
    public var snoozeDelay: Duration = .seconds(60)
    /// When a command that could not be started because the machine or the worker was out of files, processes or memory is tried
    /// again, its attempt refunded; 1 second.
    public var shortageDelay: Duration = .seconds(1)
    /// How long a command that is being ended has between SIGTERM and SIGKILL; 500 milliseconds.
    public var terminationGrace: Duration = .milliseconds(500)
    /// How long output is still read after a command has ended while processes it left behind hold its pipes open; 1 second.
    public var lingerLimit: Duration = .seconds(1)
    /// What each command may use where its kind does not say; no limits by default.
    public var limits = CommandLimits()
    /// The store's directory, given to commands as `ERRAND_STORE` so that they can enqueue; `nil`, the default, is none.
    public var store: String?
    /// Where `PATH`, `HOME`, `USER`, `LANG` and `TZ` come from; by default this process. Other names are ignored.
    public var workerEnvironment: [String: String] = CommandEnvironment.ofThisProcess()

    /// The defaults.
    public init() {}
}
