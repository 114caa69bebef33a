// The rows of SwiftNIO: callbacks of futures, which run on the loop as nobody or as whoever fulfils the promise there.

#if Web
import ErrandContextNIO
import ErrandTesting
import NIOCore

/// A way to hear of a future's end.
private struct Callback: Sendable {
    typealias Register = @Sendable (EventLoopFuture<Void>, Player) -> Void

    var name: String
    /// Whether it hears of errors only.
    var fails = false
    var plain: Register
    var bound: Register
}

private let callbacks = [
    Callback(
        name: "map",
        plain: { future, player in _ = future.map { _ in player.say() } },
        bound: { future, player in _ = future.mapBound { _ in player.say() } }),
    Callback(
        name: "flatMap",
        plain: { future, player in _ = future.flatMap { _ in player.said() } },
        bound: { future, player in _ = future.flatMapBound { _ in player.said() } }),
    Callback(
        name: "flatMapThrowing",
        plain: { future, player in _ = future.flatMapThrowing { _ in player.say() } },
        bound: { future, player in _ = future.flatMapThrowingBound { _ in player.say() } }),
    Callback(
        name: "flatMapError", fails: true,
        plain: { future, player in _ = future.flatMapError { _ in player.said() } },
        bound: { future, player in _ = future.flatMapErrorBound { _ in player.said() } }),
    Callback(
        name: "recover", fails: true,
        plain: { future, player in _ = future.recover { _ in player.say() } },
        bound: { future, player in _ = future.recoverBound { _ in player.say() } }),
    Callback(
        name: "whenComplete",
        plain: { future, player in future.whenComplete { _ in player.say() } },
        bound: { future, player in future.whenCompleteBound { _ in player.say() } }),
    Callback(
        name: "whenSuccess",
        plain: { future, player in future.whenSuccess { _ in player.say() } },
        bound: { future, player in future.whenSuccessBound { _ in player.say() } }),
    Callback(
        name: "whenFailure", fails: true,
        plain: { future, player in future.whenFailure { _ in player.say() } },
        bound: { future, player in future.whenFailureBound { _ in player.say() } }),
    Callback(
        name: "always",
        plain: { future, player in _ = future.always { _ in player.say() } },
        bound: { future, player in _ = future.alwaysBound { _ in player.say() } }),
]

/// Callbacks of futures, each fulfilled from outside of the loop, and on the loop by another job.
let futureMechanisms = callbacks.flatMap { callback in
    [
        Mechanism(
            "\(callback.name), fulfilled off the loop", unbound: .nobody,
            plain: { player in
                let promise = loop.makePromise(of: Void.self)
                callback.plain(promise.futureResult, player)
                promise.end(callback.fails)
            },
            bound: { player in
                let promise = loop.makePromise(of: Void.self)
                callback.bound(promise.futureResult, player)
                promise.end(callback.fails)
            }),
        Mechanism(
            "\(callback.name), fulfilled on the loop by another job", unbound: .neighbours,
            sharing: { _ in Lockers<EventLoopPromise<Void>>() },
            plain: { player, promises in
                let promise = loop.makePromise(of: Void.self)
                callback.plain(promise.futureResult, player)
                await fulfilNeighbours(of: player, promises, leaving: promise, callback.fails)
            },
            bound: { player, promises in
                let promise = loop.makePromise(of: Void.self)
                callback.bound(promise.futureResult, player)
                await fulfilNeighbours(of: player, promises, leaving: promise, callback.fails)
            }),
    ]
}

private func fulfilNeighbours(
    of player: Player, _ promises: Lockers<EventLoopPromise<Void>>, leaving promise: EventLoopPromise<Void>, _ fails: Bool
) async {
    promises.leave(promise, under: player.number)
    await player.meet()
    // The other job's own work on the loop, in its own scope: its callbacks run right inside of it.
    loop.executeBound { promises.take(player.neighbour)?.end(fails) }
}

private struct Oops: Error {}

extension EventLoopPromise<Void> {
    /// Ends the promise, with an error if it is to fail.
    fileprivate func end(_ fails: Bool) { if fails { fail(Oops()) } else { succeed() } }
}

extension Player {
    /// Says it, for callbacks that give a future.
    fileprivate func said(file: String = #fileID, line: UInt = #line) -> EventLoopFuture<Void> {
        say(file: file, line: line)
        return loop.makeSucceededVoidFuture()
    }
}
#endif
