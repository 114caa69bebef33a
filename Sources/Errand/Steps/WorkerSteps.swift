// The steps of one execution in its worker's process.

import Synchronization

/// Looks up and records steps in the store, for an execution that `worker` holds.
final class WorkerSteps: StepLedger {
    private struct State {
        var used: Set<String> = []
        /// What was recorded before this execution, once it was asked for.
        var known: [String: RecordedStep]?
    }

    private let execution: ExecutionID
    private let mayHaveSteps: Bool
    private let worker: WorkerID
    private let store: any StepStore
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    /// For `job`, which `worker` holds.
    init(of job: ClaimedJob, heldBy worker: WorkerID, in store: any StepStore, now: @escaping @Sendable () -> Timestamp) {
        execution = job.execution
        // Nobody else has recorded anything for a job's first execution: most never ask the store.
        mayHaveSteps = job.previous != nil
        self.worker = worker
        self.store = store
        self.now = now
    }

    func recorded() async throws -> [RecordedStep] {
        if let known = state.withLock({ $0.known }) { return Array(known.values) }
        guard mayHaveSteps else { return [] }
        var steps: [RecordedStep] = []
        do throws(JobStoreError) {
            for step in try await store.steps(of: execution.job) {
                guard let result = step.result else { continue }
                if let sealed = SealedBytes(result) {
                    throw JobStoreError.unavailable(
                        reason:
                            "the step \"\(step.name)\" is encrypted with the key \(sealed.keyID), which is not here: name it under \"encryption\""
                    )
                }
                steps.append(RecordedStep(name: step.name, isCursor: step.isCursor, result: result, execution: step.execution))
            }
        } catch {
            throw StepError.store(error)
        }
        let found = Dictionary(steps.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        state.withLock { $0.known = found }
        return steps
    }

    func begin(_ name: String, isCursor: Bool) async throws -> RecordedStep? {
        let isFirst = state.withLock { $0.used.insert(name).inserted }
        let known: RecordedStep?
        do {
            known = try await recorded().first { $0.name == name }
        } catch {
            if isFirst { abandon(name) }
            throw error
        }
        return try StepRules.begin(name, isCursor: isCursor, isFirst: isFirst, known: known)
    }

    func abandon(_ name: String) { _ = state.withLock { $0.used.remove(name) } }

    func record(_ step: RecordedStep) async throws {
        let result: StepRecordResult
        do throws(JobStoreError) {
            result = try await store.record(
                JobStep(
                    name: step.name, isCursor: step.isCursor, execution: execution, result: step.result, recordedAt: now()), by: worker)
        } catch {
            throw StepError.store(error)
        }
        switch result {
        case .recorded: return
        case .leaseLost: throw StepError.leaseLost(name: step.name)
        case .refused(let reason): throw StepError.refused(reason: reason)
        }
    }
}
