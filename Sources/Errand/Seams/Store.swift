// One place that keeps everything: the seams of one database, together.

/// The seams of one database. `ErrandSQLite` opens one on a directory, `ErrandTesting` makes one in memory.
public struct Store: Sendable {
    /// Jobs, as workers and enqueuers use them.
    public var jobs: any JobStore
    /// Jobs, as someone who looks sees them.
    public var inspection: any JobInspection
    /// Jobs, as an operator changes them.
    public var control: any JobControl
    /// Queues and kinds, as an operator limits and pauses them.
    public var queues: any QueueControl
    /// Periodic jobs.
    public var periodic: any PeriodicStore
    /// What executions have completed so far.
    public var steps: any StepStore
    /// Workflows, and what waits for what.
    public var workflows: any WorkflowStore
    /// Logs.
    public var logs: any LogStore
    /// Wake-ups.
    public var doorbell: any Doorbell
    /// What happened; `nil` for a store that keeps no events.
    public var events: (any EventStore)?

    /// What crashing workers leave behind; `nil` for a store without a place for it: no execution is ever convicted there.
    public var crashes: (any CrashLedger)?
    /// Jobs as they leave for another store, and come from one; `nil` for a store that can neither be exported nor imported.
    public var transfer: (any TransferStore)?
    /// Jobs that are taken in inside the application's own transactions; `nil` for a store that takes part in none.
    public var transactions: (any TransactionalStore)?

    /// Puts together a store from its seams.
    public init(
        jobs: any JobStore, inspection: any JobInspection, control: any JobControl, queues: any QueueControl,
        periodic: any PeriodicStore, steps: any StepStore, workflows: any WorkflowStore, logs: any LogStore,
        doorbell: any Doorbell, crashes: (any CrashLedger)? = nil, events: (any EventStore)? = nil,
        transfer: (any TransferStore)? = nil, transactions: (any TransactionalStore)? = nil
    ) {
        self.transactions = transactions
        self.events = events
        self.transfer = transfer
        self.jobs = jobs
        self.inspection = inspection
        self.control = control
        self.queues = queues
        self.periodic = periodic
        self.steps = steps
        self.workflows = workflows
        self.logs = logs
        self.doorbell = doorbell
        self.crashes = crashes
    }
}
