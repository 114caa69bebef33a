// The rows where `bind` is all that is needed: completion handlers, delegates and the end of a child process.

import ErrandContextFoundation
import ErrandTesting
import Foundation
import FoundationNetworking
import Synchronization

/// Callbacks that come back with a result, on a queue of the library's own.
let completionMechanisms = [
    Mechanism(
        "URLSession completion handler", unbound: .nobody, sharing: { _ in Session() },
        plain: { player, session in
            session.plain.dataTask(with: Session.address) { data, response, error in player.say() }.resume()
        },
        bound: { player, session in
            session.plain.dataTask(
                with: Session.address, completionHandler: ExecutionContext.bind { data, response, error in player.say() }
            )
            .resume()
        }),
    Mechanism(
        "URLSession delegate", unbound: .nobody, sharing: { _ in Session() },
        plain: { player, session in
            session.start { player.say() }
        },
        bound: { player, session in
            session.start(completed: ExecutionContext.bind { player.say() })
        }),
]

/// The end of a child process.
let processMechanism =
    Mechanism(
        "Process.terminationHandler", unbound: .nobody, sharing: { _ in Nursery() },
        plain: { player, nursery in
            try await nursery.run(for: player) { _ in player.say() }
        },
        bound: { player, nursery in
            try await nursery.run(for: player, terminationHandler: ExecutionContext.bind { _ in player.say() })
        })

/// A session whose delegate tells each task's owner of its end.
private final class Session: Sendable {
    /// Answered without a network.
    static let address = URL(string: "data:text/plain,hello")!

    let plain = URLSession(configuration: .ephemeral)
    private let delegating: URLSession
    private let delegate = Delegate()

    init() { delegating = URLSession(configuration: .ephemeral, delegate: delegate, delegateQueue: nil) }

    deinit {
        plain.finishTasksAndInvalidate()
        delegating.finishTasksAndInvalidate()
    }

    /// Starts a task of the session with a delegate; `completed` is called when it has ended.
    func start(completed: @escaping @Sendable () -> Void) {
        let task = delegating.dataTask(with: Session.address)
        delegate.expect(task.taskIdentifier, completed)
        task.resume()
    }

    private final class Delegate: NSObject, URLSessionDataDelegate {
        private let callbacks = Mutex<[Int: @Sendable () -> Void]>([:])

        func expect(_ task: Int, _ callback: @escaping @Sendable () -> Void) { callbacks.withLock { $0[task] = callback } }

        func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
            callbacks.withLock { $0.removeValue(forKey: task.taskIdentifier) }?()
        }
    }
}

/// Starts child processes, 16 at a time: a thousand at once would need a thousand times its descriptors.
private actor Nursery {
    private var free = 16
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Runs a child until `player` has heard of its end.
    func run(for player: Player, terminationHandler: @escaping @Sendable (Process) -> Void) async throws {
        if free == 0 { await withCheckedContinuation { waiting.append($0) } } else { free -= 1 }
        defer { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/true")
        process.terminationHandler = terminationHandler
        try process.run()
        await player.hasSpoken(1)
    }
}
