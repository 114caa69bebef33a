// What is known about a worker's death: its crash file, and who ran alone. Pure.

/// The judgement on a death: who did it, and what is said to the others.
struct Inquest: Sendable, Hashable {
    /// What convicts an execution.
    enum Crash: Sendable, Hashable {
        /// The crash file names it.
        case recorded(CrashRecord)
        /// It was a suspect, ran alone, and its worker died without a word.
        case diedAlone

        /// What is kept with the convicted execution.
        func error(kind: String) -> StoredError {
            switch self {
            case .recorded(let record):
                StoredError(type: "Crash", message: "\(record.description) in a handler of kind \(kind)", code: Int(record.signal))
            case .diedAlone:
                StoredError(type: "DiedAlone", message: "a suspect of kind \(kind) ran alone, and its worker died without a crash file")
            }
        }
    }

    /// Executions that the worker held and that took it down, each with what is known.
    var culprits: [ExecutionID: Crash] = [:]
    /// What is kept with the interruption of all others; `nil` when nobody is known to have done it.
    var neighbourError: StoredError?

    /// Judges by the records of a crash file; none is the usual case of a death by SIGKILL or power. When they name nobody, a suspect
    /// that ran alone has done it.
    init(records: [CrashRecord], held: [ExecutionID], suspects: Set<ExecutionID> = []) {
        let all = Set(held)
        for record in records {
            guard let execution = record.execution else { continue }
            if all.contains(execution), culprits[execution] == nil { culprits[execution] = .recorded(record) }
            // Also one that this worker does not hold: another worker's of the same process, or one that had ended before its code crashed.
            guard neighbourError == nil else { continue }
            neighbourError = StoredError(
                type: "NeighbourCrashed", message: "\(execution) crashed (\(record.description)) and took the worker down")
        }
        if neighbourError == nil, held.count == 1, suspects.contains(held[0]) { culprits[held[0]] = .diedAlone }
    }
}
