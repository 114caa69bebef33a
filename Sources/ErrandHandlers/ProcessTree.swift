// Ends a command with everything that it has started, wherever in the process table that has gone.

import CErrand
import Errand
import Glibc
import Synchronization

/// All processes of one execution: the command's session, and whoever left it but still carries the execution ID.
struct ProcessTree {
    /// The command; it leads the session, and is not reaped before its tree has ended.
    let leader: ChildProcess
    /// The execution that the tree belongs to.
    let execution: ExecutionID

    /// SIGTERM to all at once, SIGKILL to those that are left after `grace`, and again until none is left. Runs on ``EventLoop/endings``.
    func end(grace: Duration) async {
        kill(-leader.number, SIGTERM)
        let strays = await processes()
        // Group members have had their signal; a second one means "at once" to many programs.
        for process in strays where process.group != leader.number { process.send(SIGTERM) }
        let deadline = EventLoop.now() + grace
        _ = await Watch(leader.exit, on: .endings).ready(until: deadline)
        for process in strays { _ = await Watch(process.exit, on: .endings).ready(until: deadline) }

        kill(-leader.number, SIGKILL)
        for _ in 0..<ProcessTree.passLimit {
            let survivors = await processes()
            guard !survivors.isEmpty else { break }
            for process in survivors { process.send(SIGKILL) }
            let deadline = EventLoop.now() + ProcessTree.passDuration
            for process in survivors { _ = await Watch(process.exit, on: .endings).ready(until: deadline) }
        }
        _ = await Watch(leader.exit, on: .endings).ready()
    }

    /// How often survivors are looked for; each pass finds what was being started during the one before.
    private static let passLimit = 10
    /// How long killed processes may take to go; those in an uninterruptible system call take longer.
    private static let passDuration = Duration.milliseconds(100)

    private func processes() async -> [ProcessCensus.Found] {
        await CensusDesk.shared.find(ProcessCensus.Wanted(execution: execution.description, session: leader.number))
    }
}

/// Takes one census for all trees that end in the same turn of the event loop: a shutdown ends a thousand of them.
private final class CensusDesk: Sendable {
    static let shared = CensusDesk()

    private let state = Mutex(State())

    private struct State {
        var requests: [(wanted: ProcessCensus.Wanted, answer: CheckedContinuation<[ProcessCensus.Found], Never>)] = []
    }

    func find(_ wanted: ProcessCensus.Wanted) async -> [ProcessCensus.Found] {
        await withCheckedContinuation { continuation in
            let isFirst = state.withLock { state in
                state.requests.append((wanted, continuation))
                return state.requests.count == 1
            }
            if isFirst { EventLoop.endings.atEndOfTurn { @Sendable [self] in answer() } }
        }
    }

    private func answer() {
        let requests = state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
        let found = ProcessCensus(requests.map(\.wanted)).take()
        for request in requests { request.answer.resume(returning: found[request.wanted] ?? []) }
    }
}
