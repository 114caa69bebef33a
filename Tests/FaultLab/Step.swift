// The steps of a job's life that faults are put into: what is there before, and the calls that meet the fault.

import Errand
import ErrandContext
import ErrandSQLite

/// One step: it is prepared in peace, then performed call by call.
enum Step: String, CaseIterable {
    case create
    case enqueue
    case claim
    case heartbeat
    case completion
    case retry
    case rescue
    case boot
    case checkpoint
    case logs
    /// An enqueue behind claims; who meets the fault in it leaves, and another process goes on.
    case succession

    /// The kind of all jobs here.
    static let kind = "work"

    /// Brings the scene to the moment before the step.
    func prepare(_ scene: Scene) async throws(JobStoreError) {
        guard self != .create else { return }
        try scene.open()
        switch self {
        case .create, .enqueue: break
        case .claim:
            try await scene.enqueue(["a", "b", "c"])
            try await scene.join()
        case .heartbeat:
            try await scene.enqueue(["a"])
            try await scene.join()
            try await scene.exchange(claiming: 1)
        case .completion, .retry, .logs:
            try await scene.enqueue(["a", "b", "c"])
            try await scene.join()
            try await scene.exchange(claiming: 3)
        case .succession:
            try await scene.enqueue(["a", "b"])
            try await scene.join()
            try await scene.exchange(claiming: 2)
        case .rescue, .boot:
            try await scene.enqueue(["a", "b"])
            try await scene.join()
            try await scene.exchange(claiming: 2)
            scene.die()
            if self == .boot { scene.boot = "second" } else { try scene.open() }
        case .checkpoint:
            // Small commits fill more than 1 MiB of log, so that closing empties it.
            for number in 0..<80 { try await scene.enqueue(["early\(number)"]) }
        }
    }

    /// The calls of the step, in order.
    var calls: [Call] {
        switch self {
        case .create: [.open, .enqueue(["a"])]
        case .enqueue: [.enqueue(["a"]), .enqueue(["b"]), .enqueue(["c", "d", "e"])]
        case .claim: [.claim(2), .claim(1)]
        case .heartbeat: [.beat, .beat, .complete(1)]
        case .completion: [.complete(1), .complete(2)]
        case .retry: [.fail(.wait(until: Timestamp(microseconds: 1))), .fail(.bury(reason: "no")), .retryDead, .claim(2), .complete(3)]
        case .rescue, .boot: [.open, .join, .rescue, .claim(2), .complete(2)]
        case .checkpoint: [.close, .open, .enqueue(["a"])]
        case .logs: [.log, .log, .complete(3)]
        case .succession: [.enqueue(["c"]), .enqueue(["d"])]
        }
    }

    /// One call into the store; it may be repeated when it has failed.
    enum Call: Sendable {
        case open, close, join, beat, rescue, retryDead, log
        case enqueue([String])
        case claim(Int)
        case complete(Int)
        case fail(NextStep)

        func perform(in scene: Scene) async throws(JobStoreError) {
            switch self {
            case .open: try scene.open()
            case .close: scene.close()
            case .join: try await scene.join()
            case .beat: try await scene.exchange()
            case .rescue: try await scene.rescue()
            case .retryDead: try await scene.retryDead()
            case .log: try await scene.log()
            case .enqueue(let keys): try await scene.enqueue(keys)
            case .claim(let limit): try await scene.exchange(claiming: limit)
            case .complete(let count): try await scene.complete(count)
            case .fail(let next): try await scene.fail(next)
            }
        }
    }
}
