// The rows that find another job: callbacks that somebody else fires, and is current while doing so.

import ErrandContext
import ErrandTesting
import Observation

/// What runs as whoever fires it unless it is bound.
let crossingMechanisms = [
    Mechanism(
        "callback that another job fires", unbound: .neighbours, sharing: { _ in Lockers<@Sendable () -> Void>() },
        plain: { player, emitters in
            emitters.leave({ player.say() }, under: player.number)
            await player.meet()
            emitters.take(player.neighbour)?()
        },
        bound: { player, emitters in
            emitters.leave(ExecutionContext.bind { player.say() }, under: player.number)
            await player.meet()
            emitters.take(player.neighbour)?()
        }),
    Mechanism(
        "AsyncStream element made by A, handled in B", unbound: .neighbours, sharing: { Mailboxes<Player>($0) },
        plain: { player, mailboxes in
            mailboxes.continuation(player.neighbour).yield(player)
            for await sender in mailboxes.stream(player.number) {
                sender.say()
                break
            }
        }),
    Mechanism(
        "AsyncStream element that carries a snapshot", unbound: .right, sharing: { Mailboxes<Carried<Player>>($0) },
        plain: { player, mailboxes in
            mailboxes.continuation(player.neighbour).yieldBound(player)
            for await sender in mailboxes.stream(player.number) {
                sender.run { $0.say() }
                break
            }
        }),
    Mechanism(
        "AsyncStream onTermination", unbound: .neighbours, sharing: { Mailboxes<Int>($0) },
        plain: { player, streams in
            streams.continuation(player.number).onTermination = { _ in player.say() }
            await player.meet()
            streams.continuation(player.neighbour).finish()
        },
        bound: { player, streams in
            streams.continuation(player.number).onTerminationBound { _ in player.say() }
            await player.meet()
            streams.continuation(player.neighbour).finish()
        }),
    Mechanism(
        "onCancel run by the canceller", unbound: .neighbours, sharing: { _ in Lockers<Task<Void, Never>>() },
        plain: { player, tasks in
            let (isReady, gate) = (Gate(), Gate())
            let task = Task {
                await withTaskCancellationHandler {
                    isReady.open()
                    await gate.wait()
                } onCancel: {
                    player.say()
                    gate.open()
                }
            }
            await cancelNeighbour(of: player, tasks, leaving: task, once: isReady)
        },
        bound: { player, tasks in
            let (isReady, gate) = (Gate(), Gate())
            let task = Task {
                await withTaskCancellationHandlerBound {
                    isReady.open()
                    await gate.wait()
                } onCancel: {
                    player.say()
                    gate.open()
                }
            }
            await cancelNeighbour(of: player, tasks, leaving: task, once: isReady)
        }),
    Mechanism(
        "observation onChange", unbound: .neighbours, sharing: { _ in Lockers<Watched>() },
        plain: { player, lockers in
            let watched = Watched()
            withObservationTracking {
                watched.read()
            } onChange: {
                player.say()
            }
            lockers.leave(watched, under: player.number)
            await player.meet()
            lockers.take(player.neighbour)?.change()
        },
        bound: { player, lockers in
            let watched = Watched()
            withObservationTracking({ watched.read() }, onChange: ExecutionContext.bind { player.say() })
            lockers.leave(watched, under: player.number)
            await player.meet()
            lockers.take(player.neighbour)?.change()
        }),
    Mechanism(
        "deinit by the last releaser", unbound: .neighbours, sharing: { _ in Lockers<Farewell>() },
        plain: { player, lockers in
            lockers.leave(Farewell { player.say() }, under: player.number)
            await player.meet()
            _ = lockers.take(player.neighbour)
        },
        bound: { player, lockers in
            lockers.leave(Farewell(ExecutionContext.bind { player.say() }), under: player.number)
            await player.meet()
            _ = lockers.take(player.neighbour)
        }),
]

private func cancelNeighbour(of player: Player, _ tasks: Lockers<Task<Void, Never>>, leaving task: Task<Void, Never>, once ready: Gate)
    async
{
    await ready.wait()
    tasks.leave(task, under: player.number)
    await player.meet()
    tasks.take(player.neighbour)?.cancel()
    await task.value
}

/// A stream for each player.
private final class Mailboxes<Element: Sendable>: Sendable {
    private let streams: [(stream: AsyncStream<Element>, continuation: AsyncStream<Element>.Continuation)]

    init(_ count: Int) { streams = (0..<count).map { _ in AsyncStream<Element>.makeStream() } }

    func stream(_ number: Int) -> AsyncStream<Element> { streams[number].stream }
    func continuation(_ number: Int) -> AsyncStream<Element>.Continuation { streams[number].continuation }
}

/// Something that can be observed, written out: `@Observable` makes the same.
private final class Watched: Observable, Sendable {
    private let registrar = ObservationRegistrar()
    private var value: Int { 0 }

    func read() { registrar.access(self, keyPath: \.value) }
    func change() { registrar.willSet(self, keyPath: \.value) }
}

/// Says something when it goes.
private final class Farewell: Sendable {
    private let say: @Sendable () -> Void

    init(_ say: @escaping @Sendable () -> Void) { self.say = say }

    deinit { say() }
}
