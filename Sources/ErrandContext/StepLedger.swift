// Where an execution looks up and records its steps; the worker or an isolated process's channel stands behind it.

/// What earlier executions of the job have completed, and the place for more.
package protocol StepLedger: Sendable {
    /// Everything that earlier executions have recorded.
    func recorded() async throws -> [RecordedStep]

    /// Takes a name for this execution, in which no other step may have it; what was recorded under it before, if anything was.
    func begin(_ name: String, isCursor: Bool) async throws -> RecordedStep?

    /// A step has failed: its name may be used again in this execution.
    func abandon(_ name: String)

    /// Records a step; it is durable when this returns.
    func record(_ step: RecordedStep) async throws
}

/// A step as it is recorded.
package struct RecordedStep: Sendable, Hashable {
    package var name: String
    package var isCursor: Bool
    /// JSON.
    package var result: [UInt8]
    /// Which execution has recorded it.
    package var execution: ExecutionID

    package init(name: String, isCursor: Bool, result: [UInt8], execution: ExecutionID) {
        self.name = name
        self.isCursor = isCursor
        self.result = result
        self.execution = execution
    }
}
