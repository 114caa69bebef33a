// The rows that need nothing: what structured concurrency and its tasks carry along by themselves.

import Dispatch
import ErrandTesting

/// What survives by itself.
let survivingMechanisms = [
    Mechanism("await", unbound: .right) { player in
        await Task.yield()
        await player.meet()
        player.say()
    },
    Mechanism("async let", unbound: .right) { player in
        async let branch: Void = sayAfterMeeting(player)
        await branch
    },
    Mechanism("task group", unbound: .right, says: 2) { player in
        await withTaskGroup { group in
            group.addTask { await sayAfterMeeting(player) }
            group.addTask { player.say() }
        }
    },
    Mechanism("Task {}", unbound: .right) { player in
        await Task { await sayAfterMeeting(player) }.value
    },
    Mechanism("actor", unbound: .right, sharing: { _ in Office() }) { player, office in
        await office.visit(player)
    },
    Mechanism("actor with an executor of its own", unbound: .right, sharing: { _ in OfficeOnQueue() }) { player, office in
        await office.visit(player)
    },
    Mechanism("task executor", unbound: .right, sharing: { _ in QueueTaskExecutor() }) { player, executor in
        await withTaskExecutorPreference(executor) { await sayAfterMeeting(player) }
    },
    Mechanism("continuation resumed by another job", unbound: .right, sharing: { _ in Lockers<CheckedContinuation<Void, Never>>() }) {
        player, lockers in
        async let resumed: Void = withCheckedContinuation { lockers.leave($0, under: player.number) }
        await resumeNeighbour(of: player, from: lockers)
        await resumed
        player.say()
    },
    Mechanism("continuation resumed on a thread", unbound: .right) { player in
        await onNewThread {}
        player.say()
    },
    Mechanism("defer", unbound: .right) { player in
        defer { player.say() }
        await player.meet()
    },
    Mechanism("escaped Task {} that outlives the job", unbound: .right, isLate: true) { player in
        _ = Task {
            await player.hasEnded()
            player.say()
        }
    },
]

private func sayAfterMeeting(_ player: Player) async {
    await player.meet()
    await Task.yield()
    player.say()
}

private func resumeNeighbour(of player: Player, from lockers: Lockers<CheckedContinuation<Void, Never>>) async {
    while true {
        if let continuation = lockers.take(player.neighbour) { return continuation.resume() }
        await Task.yield()
    }
}

/// An actor that all jobs visit.
private actor Office {
    private var visits = 0

    func visit(_ player: Player) async {
        await player.meet()
        visits += 1
        player.say()
    }
}

/// An actor that runs on a queue.
private actor OfficeOnQueue {
    private let executor = QueueExecutor()
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func visit(_ player: Player) async {
        await player.meet()
        player.say()
    }
}

/// Runs an actor on a queue.
private final class QueueExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "actor")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Runs tasks on a queue.
final class QueueTaskExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "tasks")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
