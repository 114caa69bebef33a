// The rows that find nobody: code that leaves the task, on queues, threads and detached tasks.

import Dispatch
import ErrandContext
import ErrandTesting

/// What has no execution unless it is bound.
let escapingMechanisms = [
    Mechanism(
        "Task.detached", unbound: .nobody,
        plain: { player in _ = Task.detached { player.say() } },
        bound: { player in Task.detachedBound { player.say() } }),
    Mechanism(
        "DispatchQueue.async", unbound: .nobody,
        plain: { player in DispatchQueue.global().async { player.say() } },
        bound: { player in DispatchQueue.global().asyncBound { player.say() } }),
    Mechanism(
        "DispatchQueue.asyncAfter", unbound: .nobody,
        plain: { player in DispatchQueue.global().asyncAfter(deadline: .now()) { player.say() } },
        bound: { player in DispatchQueue.global().asyncAfterBound(deadline: .now()) { player.say() } }),
    Mechanism(
        "DispatchQueue.asyncAfter, by the wall clock", unbound: .nobody,
        plain: { player in DispatchQueue.global().asyncAfter(wallDeadline: .now()) { player.say() } },
        bound: { player in DispatchQueue.global().asyncAfterBound(wallDeadline: .now()) { player.say() } }),
    Mechanism(
        "DispatchWorkItem", unbound: .nobody, says: 2,
        plain: { player in
            let item = DispatchWorkItem { player.say() }
            item.notify(queue: .global()) { player.say() }
            DispatchQueue.global().async(execute: item)
        },
        bound: { player in
            let item = DispatchWorkItem.bound { player.say() }
            item.notifyBound(queue: .global()) { player.say() }
            DispatchQueue.global().async(execute: item)
        }),
    Mechanism(
        "DispatchGroup.notify, left last by another job", unbound: .nobody, sharing: { _ in Lockers<DispatchGroup>() },
        plain: { player, lockers in
            let group = DispatchGroup()
            group.enter()
            lockers.leave(group, under: player.number)
            group.notify(queue: .global()) { player.say() }
            await player.meet()
            lockers.take(player.neighbour)?.leave()
        },
        bound: { player, lockers in
            let group = DispatchGroup()
            group.enter()
            lockers.leave(group, under: player.number)
            group.notifyBound(queue: .global()) { player.say() }
            await player.meet()
            lockers.take(player.neighbour)?.leave()
        }),
    Mechanism(
        "DispatchSource timer", unbound: .nobody, says: 2,
        plain: { player in
            let timer = DispatchSource.makeTimerSource()
            timer.setEventHandler { player.say() }
            timer.setCancelHandler { player.say() }
            timer.schedule(deadline: .now())
            timer.activate()
            await player.hasSpoken(1)
            timer.cancel()
        },
        bound: { player in
            let timer = DispatchSource.makeTimerSource()
            timer.setEventHandlerBound { player.say() }
            timer.setCancelHandlerBound { player.say() }
            timer.schedule(deadline: .now())
            timer.activate()
            await player.hasSpoken(1)
            timer.cancel()
        }),
    Mechanism(
        "pthread", unbound: .nobody,
        plain: { player in await onNewThread { player.say() } },
        bound: { player in await onNewThread(ExecutionContext.bind { player.say() }) }),
    Mechanism(
        "DispatchQueue.concurrentPerform", unbound: .mixed, says: 8,
        plain: { player in DispatchQueue.concurrentPerform(iterations: 8) { _ in player.say() } },
        bound: { player in DispatchQueue.concurrentPerformBound(iterations: 8) { _ in player.say() } }),
]
