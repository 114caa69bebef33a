// One worker process of a simulation: the real state machine, and a shell that does what it says when the agenda says so.

import Errand
import ErrandContext

/// What a process of a simulation consists of.
struct SimulatedWorker {
    /// What the worker waits for.
    enum Call {
        case join
        case exchange(ExchangeRequest)
        case leave
    }

    /// What the store gave, or did not.
    enum Reply {
        case joined(WorkerID)
        case exchanged(ExchangeReply)
        case left
        case failed(JobStoreError)
    }

    /// A handler that runs.
    struct Handler {
        var job: ClaimedJob
        var cause: CancelCause?
        var ignoresCancel: Bool
    }

    let process: any SimulatedProcess
    let lease: Duration
    let concurrency: Int
    /// The most slots that it was ever told to have.
    var mostSlots: Int
    /// Whether an operator has told it to leave.
    var isStopping = false
    let caps: [String: Int]
    var state: WorkerState
    /// Under which ID it knows itself; the last one while it has none.
    var id: WorkerID?
    var isRegistered = false
    var call: Call?
    var sentAt = Duration.zero
    var reply: Reply?
    var isBackingOff = false
    var wakeAt: Duration?
    var handlers: [ExecutionID: Handler] = [:]
    /// Stuck handlers that run beside the slots.
    var freed: Set<ExecutionID> = []
    /// What it knows to be on record.
    var accepted: [ExecutionReport] = []
    /// How often in a row it was woken only to be woken again at once.
    var circles = 0
    var rescue: (rescuer: SteppedRescuer, call: SteppedRescuer.Call)?
    var isAlive = true
    var isStopped = false
    /// What would have happened to it while it was stopped.
    var missed: [Simulation.Event] = []
    /// When it was told to leave.
    var toldToLeaveAt: Duration?
    var end: Worker.End?

    init(process: any SimulatedProcess, mutation: Simulation.Mutation?, using generator: inout SeededGenerator) {
        self.process = process
        lease = .seconds(Int.random(in: 3...10, using: &generator))
        concurrency = Int.random(in: 1...6, using: &generator)
        mostSlots = concurrency
        caps = ["a": Int.random(in: 1...3, using: &generator), "b": Int.random(in: 1...6, using: &generator)]
        let extra = mutation == .overfillsSlots ? 1 : 0
        state = WorkerState(
            settings: .init(
                concurrency: concurrency + extra,
                queues: caps.sorted { $0.key < $1.key }.map { .init(queue: $0.key, limit: $0.value + extra) },
                kinds: Simulation.Kind.allCases.map(\.rawValue), lease: mutation == .renewsLate ? lease * 4 : lease,
                grace: .seconds(Int.random(in: 0...5, using: &generator)),
                order: Bool.random(using: &generator) ? .weighted : .strict,
                spare: concurrency > 2 && Bool.random(using: &generator) ? SpareSlots(1, priority: -1) : nil))
    }

    /// What it tells the store about itself.
    func description(at now: Timestamp) -> WorkerDescription {
        WorkerDescription(
            kinds: Simulation.Kind.allCases.map(\.rawValue), queues: caps, concurrency: concurrency, host: "simulation", pid: 1,
            version: ErrandVersion.current, startedAt: now, lease: lease)
    }

    /// Whether it could do something now.
    var isFree: Bool { isAlive && !isStopped && call == nil && !isBackingOff && end == nil }
}
