// The real rescuer, one store call at a time: it stands still before each, until the simulation has answered.

import Errand
import ErrandContext
import Logging
import Synchronization

/// One look of a worker after the others, in the hands of a simulation: between two of its calls anything may happen, its own death
/// included.
final class SteppedRescuer: Sendable {
    /// What the rescuer asks for.
    enum Call: Sendable {
        case casualties(WorkerID)
        case condemn(Casualty)
        case endOrphans([ExecutionID])
        case rescue(RescueRequest)
    }

    /// What it is told.
    enum Answer: Sendable {
        case casualties([Casualty])
        case condemned(Casualty?)
        case orphansEnded
        case rescued([ExecutionID])
        case failed(JobStoreError)
    }

    private struct State {
        var call: (Call, CheckedContinuation<Answer, Never>)?
        var onlooker: CheckedContinuation<Call?, Never>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Begins a look of `worker`; it goes on whenever ``next()`` or ``answer(_:)`` is awaited.
    init(
        as worker: WorkerID, store: Store, clock: any ErrandClock, backoffs: [String: Backoff],
        change: (inout Worker.Configuration) -> Void
    ) {
        var stepped = store
        stepped.jobs = SteppedJobs(rescuer: self)
        var configuration = Worker.Configuration { $0.logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() } }
        change(&configuration)
        configuration.endOrphans = { [self] executions in _ = await ask(.endOrphans(executions)) }
        let rescuer = Rescuer(store: stepped, configuration: configuration, backoffs: backoffs, clock: clock)
        // Its end is awaited like a call: by whoever plays the simulation.
        Task {
            do throws(JobStoreError) {
                try await rescuer.look(as: worker)
            } catch {
                // As in a worker: the next look finds what this one has left.
            }
            end()
        }
    }

    /// The call before which the rescuer stands; `nil` when the look is over.
    func next() async -> Call? {
        await withCheckedContinuation { onlooker in
            let known: Call?? = state.withLock { state in
                if let (call, _) = state.call { return .some(call) }
                if state.isOver { return .some(nil) }
                state.onlooker = onlooker
                return nil
            }
            if let known { onlooker.resume(returning: known) }
        }
    }

    /// Answers the call and lets the rescuer go on to its next one.
    func answer(_ answer: Answer) async -> Call? {
        let asker = state.withLock { state in
            defer { state.call = nil }
            return state.call?.1
        }
        asker?.resume(returning: answer)
        return await next()
    }

    /// Its process is dead: nothing more comes of it.
    func abandon() async {
        var call = await next()
        while call != nil { call = await answer(.failed(.unavailable(reason: "the process is dead"))) }
    }

    fileprivate func ask(_ call: Call) async -> Answer {
        await withCheckedContinuation { asker in
            let onlooker = state.withLock { state in
                state.call = (call, asker)
                defer { state.onlooker = nil }
                return state.onlooker
            }
            onlooker?.resume(returning: call)
        }
    }

    private func end() {
        let onlooker = state.withLock { state in
            state.isOver = true
            defer { state.onlooker = nil }
            return state.onlooker
        }
        onlooker?.resume(returning: nil)
    }
}

/// The store as the stepped rescuer sees it.
private struct SteppedJobs: JobStore {
    let rescuer: SteppedRescuer

    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] {
        switch await rescuer.ask(.casualties(worker)) {
        case .casualties(let found): return found
        case let other: throw failure(other)
        }
    }

    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? {
        switch await rescuer.ask(.condemn(casualty)) {
        case .condemned(let condemned): return condemned
        case let other: throw failure(other)
        }
    }

    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] {
        switch await rescuer.ask(.rescue(request)) {
        case .rescued(let cut): return cut
        case let other: throw failure(other)
        }
    }

    private func failure(_ answer: SteppedRescuer.Answer) -> JobStoreError {
        guard case .failed(let error) = answer else { preconditionFailure("an answer to another call: \(answer)") }
        return error
    }

    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] { throw notARescuersCall }
    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID { throw notARescuersCall }
    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply { throw notARescuersCall }
    func leave(_ worker: WorkerID) async throws(JobStoreError) { throw notARescuersCall }

    private var notARescuersCall: JobStoreError { .refused(reason: "a rescuer has no such call") }
}
