// Cancelled commands and orphans: everything ends, in time, and nobody else is hurt.

import CErrand
import ErrandContext
import Foundation
import Synchronization
import Testing

@testable import Errand
@testable import ErrandHandlers

@Suite(.timeLimit(.minutes(1))) struct EndingCommandsTests {
    /// A tree that ignores SIGTERM at every level, with a grandchild in a session of its own that has closed its output as well.
    private static let stubbornTree = """
        import os, signal, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                    print('pid', os.getpid(), flush=True)
                    devnull = os.open('/dev/null', os.O_RDWR)
                    for fd in (0, 1, 2): os.dup2(devnull, fd)
                    os.write(3, b'x')
                else:
                    print('pid', os.getpid(), flush=True)
            else:
                print('pid', os.getpid(), flush=True)
        else:
            print('pid', os.getpid(), flush=True)
        while True: time.sleep(60)
        """

    private func processes(of room: CommandRoom, count: Int) async -> [pid_t] {
        for _ in 0..<count { _ = await room.collector.line(startingWith: "pid ") }
        return room.collector.messages.compactMap { pid_t($0.dropFirst(4)) }
    }

    @Test func `cancelling ends a tree that ignores SIGTERM and has left the session, soon after its grace`() async throws {
        let room = CommandRoom()
        let task = Task { try await room.run(["python3", "-c", Self.stubbornTree]) }
        let tree = await processes(of: room, count: 4)
        #expect(tree.count == 4 && tree.allSatisfy(isAlive))
        let duration = await ContinuousClock().measure {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(duration > .milliseconds(450))
        #expect(tree.filter(isAlive) == [])
    }

    @Test func `a command that ends on SIGTERM says goodbye in its log and is not waited for any longer`() async throws {
        let room = CommandRoom { $0.terminationGrace = .seconds(600) }
        let task = Task { try await room.shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 600 & wait; done") }
        _ = await room.collector.line("ready")
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(room.collector.messages == ["ready", "bye"])
    }

    @Test func `one SIGTERM reaches each process once`() async throws {
        let room = CommandRoom { $0.terminationGrace = .milliseconds(300) }
        let task = Task { try await room.shell("trap 'echo TERM' TERM; echo ready; while :; do read line < /proc/sys/kernel/ostype; done") }
        _ = await room.collector.line("ready")
        task.cancel()
        _ = try? await task.value
        #expect(room.collector.messages == ["ready", "TERM"])
    }

    @Test func `a command that is cancelled before it starts does not start`() async throws {
        let room = CommandRoom()
        let gate = AsyncStream<Void>.makeStream()
        let task = Task {
            for await _ in gate.stream { break }
            return try await room.shell("echo started")
        }
        task.cancel()
        gate.continuation.finish()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(room.collector.messages == [])
    }

    @Test func `two hundred commands cancelled at once end together`() async throws {
        let rooms = (0..<200).map { _ in CommandRoom() }
        let tasks = rooms.map { room in Task { try await room.shell("trap '' TERM; echo ready; sleep 600") } }
        for room in rooms { _ = await room.collector.line("ready") }
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
    }

    @Test func `output is filed and a cancelled command ends while every pool thread is blocked`() async throws {
        let room = CommandRoom()
        let task = Task { try await room.shell("trap '' TERM; echo ready; exec <&-; read line; sleep 600") }
        _ = await room.collector.line("ready")
        let pid = try #require(room.processes().first)
        // Blocks the pool's threads until the process is gone, which must not need them.
        let results = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    if index == 0 { task.cancel() }
                    return Descriptor.waitForExit(of: pid, within: 20_000)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.allSatisfy { $0 })
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a sweep ends what carries the execution ID, and nothing else`() async throws {
        let dead = CommandRoom()
        let other = CommandRoom()
        let prefix = "ERRAND_EXECUTION_ID=\(dead.context.executionID)"
        let orphan = try start(["setsid", "sh", "-c", "trap '' TERM; sleep 600 & wait"], environment: [prefix])
        let neighbour = try start(["sleep", "600"], environment: ["ERRAND_EXECUTION_ID=\(other.context.executionID)"])
        let lookalike = try start(["sleep", "600"], environment: ["X\(prefix)", "\(prefix)1", "A=\(prefix)"])
        // Each is collected: a child that nobody waits for would keep the test runner's own wait for exit tests busy for ever.
        defer { [orphan, neighbour, lookalike].forEach(end) }

        #expect(OrphanSweep.end([dead.context.executionID]) >= 1)
        #expect(!isAlive(orphan))
        #expect(isAlive(neighbour) && isAlive(lookalike))
        #expect(dead.processes() == [])
        #expect(OrphanSweep.end([dead.context.executionID]) == 0)
        #expect(OrphanSweep.end([]) == 0)
    }

    @Test func `a process is found from the moment that it was started, however busy the machine is`() throws {
        let room = CommandRoom()
        // As many as are ready to run at once: the new process waits for its turn, perhaps in the middle of its exec.
        let hogs = try (0..<4).map { _ in try start(["sh", "-c", "while :; do :; done"], environment: []) }
        defer { hogs.forEach(end) }
        for round in 0..<150 {
            // One exec after the other, so that some are met in the middle.
            let process = try start(
                Array(repeating: "env", count: 30) + ["sleep", "600"],
                environment: ["ERRAND_EXECUTION_ID=\(room.context.executionID)"])
            defer { end(process) }
            #expect(room.processes() == [process], "round \(round)")
        }
    }

    @Test func `a process in the middle of an exec is told from one without an environment`() throws {
        func length(_ start: Int, _ end: Int) -> Int? {
            let fields = "1 (a) b) " + Array(repeating: "7", count: 47).joined(separator: " ")
            return ProcessCensus.environmentLength(inStatus: Array("\(fields) \(start) \(end) 0\n".utf8))
        }
        let own = try Array(Data(contentsOf: URL(fileURLWithPath: "/proc/self/stat")))
        #expect(try #require(ProcessCensus.environmentLength(inStatus: own)) > 0)
        #expect(length(0, 0) == nil)
        #expect(length(140, 140) == 0)
        #expect(length(100, 140) == 40)
        #expect(ProcessCensus.environmentLength(inStatus: Array("cut".utf8)) == 0)
    }

    private func end(_ process: pid_t) {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    private func start(_ argv: [String], environment: [String]) throws -> pid_t {
        var process = pid_t()
        var arguments: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = (environment + ["PATH=/usr/bin:/bin"]).map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        try #require(posix_spawnp(&process, argv[0], nil, nil, &arguments, &variables) == 0)
        return process
    }
}

extension CommandRoom {
    /// The living processes of this room's execution.
    func processes() -> [pid_t] {
        ProcessCensus([ProcessCensus.Wanted(execution: context.executionID.description)]).take().values.joined().map(\.number)
    }
}

extension Descriptor {
    /// Blocks the thread until the process has ended.
    static func waitForExit(of process: pid_t, within milliseconds: Int32) -> Bool {
        guard let exit = try? Descriptor(errand_pidfd_open(process)) else { return true }  // gone already
        return exit.isReadable(within: milliseconds)
    }

}
