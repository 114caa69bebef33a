// A machine in memory: every process on it has the same ModelStore open.

import Errand
import Synchronization

/// A ``SimulatedMachine`` whose store is a ``ModelStore``.
public struct ModelMachine: SimulatedMachine {
    /// The machine's clocks.
    public let clock: ManualClock
    private let model: ModelStore

    /// A machine with an empty store.
    public init() { self.init(faults: []) }

    /// A machine whose store breaks the rules in `faults`, to show that a simulation notices.
    package init(faults: ModelStore.Fault) {
        clock = ManualClock()
        model = ModelStore(clock: clock, faults: faults)
    }

    /// Starts a process.
    public func start() async throws -> any SimulatedProcess { Process(model: model) }

    /// Does nothing: memory goes by itself.
    public func close() async {}

    /// Knows which workers die with it.
    private final class Process: SimulatedProcess, JobStore {
        private let model: ModelStore
        private let workers = Mutex<[WorkerID]>([])

        init(model: ModelStore) { self.model = model }

        var store: Store {
            var store = model.store
            store.jobs = self
            return store
        }

        func kill() async {
            for worker in workers.withLock({ $0 }) { model.kill(worker) }
        }

        func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID {
            let id = try await model.join(worker)
            workers.withLock { $0.append(id) }
            return id
        }

        func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] { try await model.enqueue(jobs) }
        func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply { try await model.exchange(request) }
        func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] { try await model.casualties(seenBy: worker) }
        func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? { try await model.condemn(casualty) }
        func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] { try await model.rescue(request) }
        func leave(_ worker: WorkerID) async throws(JobStoreError) { try await model.leave(worker) }
    }
}
