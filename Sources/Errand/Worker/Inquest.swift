// What the crash file of a dead worker says about its executions. Pure.

/// The judgement on a death: who did it, and what is said to the others.
struct Inquest: Sendable, Hashable {
    /// Executions that the worker held and whose code crashed, each with its first record.
    var culprits: [ExecutionID: CrashRecord] = [:]
    /// What is kept with the interruption of all others; `nil` when nobody is known to have done it.
    var neighbourError: StoredError?

    /// Judges by the records of a crash file; none is the usual case of a death by SIGKILL or power.
    init(records: [CrashRecord], held: [ExecutionID]) {
        let held = Set(held)
        for record in records {
            guard let execution = record.execution else { continue }
            if held.contains(execution), culprits[execution] == nil { culprits[execution] = record }
            // Also one that this worker does not hold: another worker's of the same process, or one that had ended before its code crashed.
            guard neighbourError == nil else { continue }
            neighbourError = StoredError(
                type: "NeighbourCrashed", message: "\(execution) crashed (\(record.description)) and took the worker down")
        }
    }

    /// What is kept with a convicted execution.
    static func error(of record: CrashRecord, kind: String) -> StoredError {
        StoredError(type: "Crash", message: "\(record.description) in a handler of kind \(kind)", code: Int(record.signal))
    }
}
