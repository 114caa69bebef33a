// Commands as executions, over real programs.

import ErrandContext
import Foundation
import Testing

@testable import Errand
@testable import ErrandHandlers

struct CommandRunnerTests {
    @Test func `lines of both streams are filed, the last one without a newline too`() async throws {
        let room = CommandRoom()
        let result = try await room.shell("echo one; echo two >&2; printf three")
        #expect(result == nil)
        #expect(room.collector.messages(on: "stdout") == ["one", "three"])
        #expect(room.collector.messages(on: "stderr") == ["two"])
        #expect(room.collector.records.allSatisfy { $0.level == "info" && $0.flags.isEmpty })
        #expect(room.collector.records.map(\.seq) == [1, 2, 3])
    }

    @Test func `a line is filed while the command still runs`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "errand-live-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let gate = directory + "/gate"
        #expect(mkfifo(gate, 0o600) == 0)
        let room = CommandRoom()
        async let end = room.shell("echo before; read answer < \(gate); echo $answer")
        // The command cannot end before somebody writes into its gate, and that happens after its line has come.
        #expect(await room.collector.line("before") != nil)
        try Data("after\n".utf8).write(to: URL(filePath: gate), options: [])
        _ = try await end
        #expect(room.collector.messages == ["before", "after"])
    }

    @Test func `bytes that are not UTF-8 are shown as replacement characters`() async throws {
        let room = CommandRoom()
        _ = try await room.shell(#"printf 'a\377b\n\303\n'"#)
        #expect(room.collector.messages == ["a\u{FFFD}b", "\u{FFFD}"])
    }

    @Test func `a line past the limit is cut and flagged`() async throws {
        let room = CommandRoom()
        _ = try await room.run(["python3", "-c", "print('x' * 16384); print('y' * 16385); print('z' * 3000000); print('end')"])
        let records = room.collector.records
        #expect(records.map(\.message.utf8.count) == [16384, 16384, 16384, 3])
        #expect(records.map(\.flags) == [[], ["truncated"], ["truncated"], []])
    }

    @Test func `a line of JSON keeps its level and fields`() async throws {
        let room = CommandRoom()
        _ = try await room.shell(
            """
            echo '{"level":"warn","message":"disk","free":3,"path":"/x"}'
            echo '{"level":50,"msg":"pino","deep":{"a":[1]}}'
            echo '{"level":"loud","message":"no such level"}'
            echo '{"level":"info","level":"error","message":"twice"}'
            echo '{"level":"info"}'
            """)
        let records = room.collector.records
        #expect(records.map(\.level) == ["warning", "error", "info", "info", "info"])
        #expect(records.prefix(2).map(\.message) == ["disk", "pino"])
        #expect(records[0].metadata == ["free": "3", "path": "/x"])
        #expect(records[1].metadata == ["deep": .other])
        #expect(records[2].message == #"{"level":"loud","message":"no such level"}"#)
    }

    @Test(.timeLimit(.minutes(5))) func `output of any size passes through bounded memory, without losing a line`() async throws {
        let room = CommandRoom(isCounting: true)
        // 50 MB in lines of 500 bytes, and a part that is nothing but newlines: the most records per byte.
        let script = "import sys\nfor _ in range(1000): sys.stdout.write(('x' * 499 + chr(10)) * 100)\nsys.stdout.write(chr(10) * 200000)"
        _ = try await room.run(["python3", "-c", script])
        #expect(room.collector.lines == 300_000)
        #expect(room.collector.largestBody < 4 << 20)
    }

    @Test func `a log without room stops a command's output instead of dropping it`() async throws {
        let sink = StuckSink()
        let room = CommandRoom()
        let context = ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: 99), 1), attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil,
            trace: nil, meta: [:], sink: sink, now: { SystemClock.shared.now() })
        // Newlines only: what one read brings makes more records than the log may hold.
        let command = Command(
            argv: ["python3", "-c", "import sys; sys.stdout.write(chr(10) * 100000)"], directory: nil, environment: [:], input: nil)
        async let end = {
            defer { sink.finish() }
            return try await room.runner.run(command, for: context)
        }()
        var lines = 0
        // A taker that comes only once nobody is filing: without a brake it would come too late for the lines of one read.
        while let pending = await sink.next(context.log) {
            #expect(pending.body.count <= ExecutionLog.pendingLimit)
            lines += pending.lines
        }
        _ = try await end
        lines += context.log.takePending()?.lines ?? 0
        #expect(lines == 100_000)
    }

    @Test(arguments: [
        ("exit 3", "CommandFailed", "exit status 3", 3),
        ("echo 'it broke' >&2; exit 1", "CommandFailed", "exit status 1: it broke", 1),
        ("no-such-program-at-all 2>/dev/null", "CommandNotFound", "exit status 127", 127),
        ("kill -9 $$", "CommandFailed", "killed by signal 9 (SIGKILL)", 137),
        ("kill -TERM $$", "CommandFailed", "killed by signal 15 (SIGTERM)", 143),
    ])
    func `how a command ends is what its error says`(script: String, type: String, message: String, code: Int) async throws {
        let room = CommandRoom()
        await #expect(throws: StoredError(type: type, message: message, code: code)) { try await room.shell(script) }
    }

    @Test func `status 75 asks to run again later`() async throws {
        let room = CommandRoom { $0.snoozeDelay = .seconds(7) }
        await #expect(throws: Snooze(for: .seconds(7))) { try await room.shell("exit 75") }
    }

    @Test func `a program that is not on PATH fails with 127 and names the PATH`() async throws {
        let room = CommandRoom { $0.workerEnvironment = ["PATH": "/nowhere:/bin"] }
        let message = "no-such-program is not on the worker's PATH (/nowhere:/bin)"
        await #expect(throws: StoredError(type: "CommandNotFound", message: message, code: 127)) {
            try await room.run(["no-such-program"])
        }
        let own = "no-such-program is not on the job's PATH, taken when it was enqueued (/mine:/bin)"
        await #expect(throws: StoredError(type: "CommandNotFound", message: own, code: 127)) {
            try await room.run(["no-such-program"], environment: ["PATH": "/mine:/bin"])
        }
    }

    @Test func `a file that is no program fails with 126`() async throws {
        let room = CommandRoom()
        let message = "/etc/passwd is not an executable file"
        await #expect(throws: StoredError(type: "CommandNotExecutable", message: message, code: 126)) {
            try await room.run(["/etc/passwd"])
        }
    }

    @Test func `what stands on descriptor 3 is the result`() async throws {
        #expect(try await CommandRoom().shell(#"echo '{"sum": 42}' >&3; echo log"#) == Array(#"{"sum": 42}"#.utf8))
        let wrong = await #expect(throws: StoredError.self) { try await CommandRoom().shell("echo nonsense >&3") }
        #expect(wrong?.type == "ResultNotJSON")
        let large = await #expect(throws: StoredError.self) {
            try await CommandRoom().run(["python3", "-c", "import os; os.write(3, b'\"' + b'x' * 262144 + b'\"')"])
        }
        #expect(large?.type == "ResultTooLarge")
    }

    @Test func `the payload is on standard input, and nobody minds when it is not read`() async throws {
        let room = CommandRoom()
        let payload = [UInt8](repeating: UInt8(ascii: "x"), count: Limits.payloadBytes)
        _ = try await room.shell("wc -c", input: payload)
        #expect(room.collector.messages == ["1048576"])
        _ = try await CommandRoom().shell("exec <&-; exit 0", input: payload)
        let empty = CommandRoom()
        _ = try await empty.shell("wc -c; readlink /proc/self/fd/0")
        #expect(empty.collector.messages == ["0", "/dev/null"])
    }

    @Test func `a command sees the documented variables and nothing else of the worker`() async throws {
        let trace = TraceContext(
            traceID: String(repeating: "a", count: 32), spanID: String(repeating: "b", count: 16), isSampled: true, traceState: "v=1",
            baggage: "user=7")
        let room = CommandRoom(meta: ["request": "r\"1"], trace: trace) {
            $0.workerEnvironment = ["PATH": "/usr/bin:/bin", "HOME": "/h", "USER": "u", "LANG": "C.UTF-8", "TZ": "UTC", "SECRET": "s"]
            $0.store = "/var/lib/errand"
        }
        _ = try await room.run(["env"], environment: ["A": "1", "ERRAND_JOB_ID": "forged", "HOME": "/mine"])
        let id = room.context.executionID
        #expect(
            Set(room.collector.messages) == [
                "PATH=/usr/bin:/bin", "HOME=/mine", "USER=u", "LANG=C.UTF-8", "TZ=UTC", "A=1", "ERRAND_STORE=/var/lib/errand",
                "ERRAND_EXECUTION_ID=\(id)", "ERRAND_JOB_ID=\(id.job)", "ERRAND_ATTEMPT=2", "ERRAND_LEASE_TOKEN=3",
                "ERRAND_QUEUE=default", "ERRAND_KIND=command", "ERRAND_META={\"request\":\"r\\\"1\"}", "ERRAND_RESULT_FD=3",
                "TRACEPARENT=00-\(room.context.traceID)-\(room.context.spanID)-01", "TRACESTATE=v=1", "BAGGAGE=user=7",
            ])
    }

    @Test func `a command inherits no descriptor, blocked signal or ignored signal, and leads its session`() async throws {
        signal(SIGPIPE, SIG_IGN)
        let leaked = open("/dev/null", O_RDONLY)  // without close-on-exec
        defer { close(leaked) }
        let room = CommandRoom()
        _ = try await room.shell("ls /proc/$$/fd | tr '\\n' ' '; grep -E 'Sig(Blk|Ign)' /proc/self/status; ps -o sid= -p $$; echo $$")
        let lines = room.collector.messages.map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(lines[0].hasPrefix("0 1 2 3"))
        #expect(lines[0].contains("\(leaked)") == (leaked < 4))
        let masks = try lines.filter { $0.contains("Sig") }
            .map { try #require(UInt64($0.suffix(16), radix: 16)) & 0x7FFF_FFFF }  // 32 and up belong to the C library
        #expect(masks == [0, 0])
        #expect(lines[lines.count - 2] == lines[lines.count - 1])
    }

    @Test(.timeLimit(.minutes(5))) func `a process left behind cannot keep an ended command open`() async throws {
        let room = CommandRoom { $0.lingerLimit = .milliseconds(50) }
        _ = try await room.shell("echo started; sleep 600 & echo $!")
        let process = try #require(pid_t(room.collector.messages[1]))
        defer { kill(process, SIGKILL) }
        #expect(isAlive(process))
        let last = try #require(room.collector.records.last)
        #expect(last.stream == "system")
        #expect(last.message.hasPrefix("the command has ended, but a process that it started still holds its output open"))
    }

    @Test func `commands leave no descriptor and no zombie`() async {
        // In a process of its own: other tests' commands come and go in this one.
        await #expect(processExitsWith: .success) {
            func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
            _ = try await CommandRoom().shell("true")
            let before = try descriptors()
            for _ in 0..<3 {
                await withTaskGroup(of: Void.self) { group in
                    for index in 0..<50 {
                        group.addTask {
                            // Failures and programs that do not start leak no less easily; their errors are other tests' concern.
                            let argv = [["true"], ["sh", "-c", "exit 1"], ["/etc/passwd"], ["no-such-program"]][index % 4]
                            _ = try? await CommandRoom().run(argv)
                        }
                    }
                }
            }
            #expect(try descriptors() == before)
            #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
        }
    }
}

/// What a host process may have done to itself before it runs commands; each in a process of its own.
struct CommandHostTests {
    @Test func `a low limit of open files is raised for the worker, and not for commands`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 100, rlim_max: 0)
            var current = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &current)
            limit.rlim_max = current.rlim_max
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            let rooms = (0..<100).map { _ in CommandRoom() }
            let tasks = rooms.map { room in Task { try await room.shell("echo $$; exec sleep 600") } }
            for room in rooms {
                let process = try #require(await room.collector.line(startingWith: "")).message
                let limits = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
                let files = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
                #expect(files.split(separator: " ")[3] == "100")
            }
            for task in tasks { task.cancel() }
            for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        }
    }

    @Test func `a command that the worker has no descriptors left to start is tried again, its attempt refunded`() async {
        await #expect(processExitsWith: .success) {
            let room = CommandRoom()
            _ = try await room.shell("true")
            let lowest = rlim_t(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count)
            var limit = rlimit(rlim_cur: lowest, rlim_max: lowest)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            // What the first command had is perhaps only now being closed.
            while Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 {}
            let snooze = await #expect(throws: Snooze.self) { _ = try await room.shell("true") }
            #expect(snooze?.duration == .seconds(1))
            let last = try #require(room.collector.records.last)
            #expect((last.stream, last.level) == ("system", "warning"))
            #expect(last.message.contains("Too many open files"))
        }
    }

    @Test func `closed standard descriptors of the worker do not end up in commands`() async {
        await #expect(processExitsWith: .success) {
            for descriptor in [0, 1, 2] as [Int32] { close(descriptor) }
            let room = CommandRoom()
            let result = try await room.shell("cat; echo out; echo err >&2; echo 1 >&3", input: Array("in\n".utf8))
            #expect(room.collector.messages(on: "stdout") == ["in", "out"])
            #expect(room.collector.messages(on: "stderr") == ["err"])
            #expect(result == [UInt8(ascii: "1")])
        }
    }

    @Test func `a worker that was started with SIGCHLD ignored still learns how commands end`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGCHLD, SIG_IGN)
            await #expect(throws: StoredError(type: "CommandFailed", message: "exit status 4", code: 4)) {
                try await CommandRoom().shell("exit 4")
            }
        }
    }
}

/// A sink that only notes that there is something; the test takes it.
final class StuckSink: LogSink {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func hasLines(_ log: ExecutionLog, isUrgent: Bool) { continuation.yield() }

    func finish() { continuation.finish() }

    func next(_ log: ExecutionLog) async -> PendingLines? {
        for await _ in stream {
            await withTaskExecutorPreference(EventLoop.output) { await Task.yield() }
            if let pending = log.takePending() { return pending }
        }
        return nil
    }
}
