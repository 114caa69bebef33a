// The rows of Foundation: threads, timers, operations, notifications, URL sessions and child processes.

import ErrandContextFoundation
import ErrandTesting
import Foundation

/// What has no execution, or the poster's, unless it is bound.
let foundationMechanisms = [
    Mechanism(
        "Thread", unbound: .nobody,
        plain: { player in Thread { player.say() }.start() },
        bound: { player in Thread.bound { player.say() }.start() }),
    Mechanism(
        "Thread.detachNewThread", unbound: .nobody,
        plain: { player in Thread.detachNewThread { player.say() } },
        bound: { player in Thread.detachNewThreadBound { player.say() } }),
    Mechanism(
        "Timer", unbound: .nobody, sharing: { RunLoopThread(jobs: $0) },
        plain: { player, thread in
            await thread.serve(player) { $0.add(Timer(timeInterval: 0, repeats: false) { _ in player.say() }, forMode: .default) }
        },
        bound: { player, thread in
            await thread.serve(player) { $0.add(Timer.bound(timeInterval: 0, repeats: false) { _ in player.say() }, forMode: .default) }
        }),
    Mechanism(
        "RunLoop.perform", unbound: .nobody, sharing: { RunLoopThread(jobs: $0) },
        plain: { player, thread in await thread.serve(player) { $0.perform { player.say() } } },
        bound: { player, thread in await thread.serve(player) { $0.performBound { player.say() } } }),
    Mechanism(
        "OperationQueue", unbound: .nobody, sharing: { _ in OperationQueue() },
        plain: { player, queue in queue.addOperation { player.say() } },
        bound: { player, queue in queue.addOperationBound { player.say() } }),
    // A queue for each job: a barrier waits for everything before it, and a thousand in one queue make a million dependencies.
    Mechanism(
        "OperationQueue barrier", unbound: .nobody,
        plain: { player in OperationQueue().addBarrierBlock { player.say() } },
        bound: { player in OperationQueue().addBarrierBlockBound { player.say() } }),
    Mechanism(
        "BlockOperation and its completion", unbound: .nobody, says: 3, sharing: { _ in OperationQueue() },
        plain: { player, queue in
            let operation = BlockOperation { player.say() }
            operation.addExecutionBlock { player.say() }
            operation.completionBlock = { player.say() }
            queue.addOperation(operation)
        },
        bound: { player, queue in
            let operation = BlockOperation.bound { player.say() }
            operation.addExecutionBlockBound { player.say() }
            operation.completionBlockBound { player.say() }
            queue.addOperation(operation)
        }),
    Mechanism(
        "NotificationCenter observer, posted by another job", unbound: .neighbours, sharing: { _ in NotificationCenter() },
        plain: { player, center in
            let token = center.addObserver(forName: name(player.number), object: nil, queue: nil) { _ in player.say() }
            await post(to: center, by: player, observedWith: token)
        },
        bound: { player, center in
            let token = center.addObserverBound(forName: name(player.number), object: nil, queue: nil) { _ in player.say() }
            await post(to: center, by: player, observedWith: token)
        }),
]

private func name(_ number: Int) -> Notification.Name { Notification.Name("scene.\(number)") }

private func post(to center: NotificationCenter, by player: Player, observedWith token: any NSObjectProtocol) async {
    await player.meet()
    center.post(name: name(player.neighbour), object: nil)
    await player.hasSpoken(1)
    center.removeObserver(token)
}
