// The rows of SwiftNIO: tasks of event loops.

#if Web
import ErrandContextNIO
import ErrandTesting
import NIOCore
import NIOPosix

/// The loop of all scenes.
let loop = MultiThreadedEventLoopGroup.singleton.next()

/// Work that is handed to a loop.
let eventLoopMechanisms = [
    Mechanism(
        "EventLoop.execute", unbound: .nobody,
        plain: { player in loop.execute { player.say() } },
        bound: { player in loop.executeBound { player.say() } }),
    Mechanism(
        "EventLoop.submit", unbound: .nobody, says: 2,
        plain: { player in
            try await loop.submit { player.say() }.get()
            try await loop.flatSubmit {
                player.say()
                return loop.makeSucceededVoidFuture()
            }.get()
        },
        bound: { player in
            try await loop.submitBound { player.say() }.get()
            try await loop.flatSubmitBound {
                player.say()
                return loop.makeSucceededVoidFuture()
            }.get()
        }),
    Mechanism(
        "EventLoop.scheduleTask", unbound: .nobody, says: 2,
        plain: { player in
            loop.scheduleTask(in: .zero) { player.say() }
            loop.scheduleTask(deadline: .now()) { player.say() }
        },
        bound: { player in
            loop.scheduleTaskBound(in: .zero) { player.say() }
            loop.scheduleTaskBound(deadline: .now()) { player.say() }
        }),
    Mechanism(
        "EventLoop.scheduleRepeatedTask", unbound: .nobody, says: 3,
        plain: { player in
            let runs = Tally()
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: .nanoseconds(1)) { task in
                runs.add()
                if runs.count == 3 { task.cancel() }
                player.say()
            }
        },
        bound: { player in
            let runs = Tally()
            loop.scheduleRepeatedTaskBound(initialDelay: .zero, delay: .nanoseconds(1)) { task in
                runs.add()
                if runs.count == 3 { task.cancel() }
                player.say()
            }
        }),
    Mechanism("EventLoopFuture.get()", unbound: .right) { player in
        try await loop.submit {}.get()
        player.say()
    },
]
#endif
