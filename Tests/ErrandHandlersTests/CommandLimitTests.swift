// Runaway commands: every limit holds, from the first instruction, for the whole tree, and the error names it.

import ErrandContext
import Foundation
import Testing

@testable import Errand
@testable import ErrandHandlers

@Suite(.timeLimit(.minutes(5))) struct CommandLimitTests {
    private func room(_ change: (inout CommandLimits) -> Void) -> CommandRoom {
        CommandRoom { change(&$0.limits) }
    }

    private func failure(_ work: () async throws -> [UInt8]?) async -> StoredError? {
        do {
            _ = try await work()
            return nil
        } catch {
            return error as? StoredError
        }
    }

    // MARK: From the first instruction

    @Test func `a command finds its limits in force when it begins, every time`() async throws {
        let room = room {
            $0.cpu = .seconds(7)
            $0.memoryBytes = 64 << 20
            $0.openFiles = 33
            $0.fileBytes = 5 << 20
        }
        // The program itself, without a shell before it: what it reads first is what it began under.
        for _ in 0..<50 { _ = try await room.run(["/bin/cat", "/proc/self/limits"]) }
        let messages = room.collector.messages(on: "stdout")
        func values(_ name: String) -> Set<[String]> {
            Set(
                messages.filter { $0.hasPrefix(name) }.map { line in
                    line.dropFirst(name.count).split(separator: " ").prefix(2).map(String.init)
                })
        }
        #expect(messages.count { $0.hasPrefix("Max cpu time") } == 50)
        #expect(values("Max cpu time") == [["7", "8"]])
        #expect(values("Max address space") == [["67108864", "67108864"]])
        #expect(values("Max open files") == [["33", "33"]])
        #expect(values("Max file size") == [["5242880", "5242880"]])
    }

    @Test func `a command without limits finds those that the worker was started with`() async throws {
        let room = CommandRoom()
        // The first one fixes what "started with" means in this process.
        _ = try await room.run(["/bin/cat", "/proc/self/limits"])
        let lines = room.collector.messages(on: "stdout")
        for name in ["Max cpu time", "Max address space", "Max file size"] {
            let line = try #require(lines.first { $0.hasPrefix(name) })
            #expect(line.contains("unlimited"), "\(line)")
        }
    }

    @Test func `a limit above what this process may give is the highest that it may give`() async throws {
        var hard = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &hard)
        let room = room { $0.openFiles = 1 << 40 }
        _ = try await room.run(["/bin/cat", "/proc/self/limits"])
        let line = try #require(room.collector.messages(on: "stdout").first { $0.hasPrefix("Max open files") })
        #expect(line.split(separator: " ").contains("\(hard.rlim_max)"), "\(line)")
    }

    // MARK: Runaways

    @Test func `a processor spinner is ended at its limit, and the error says so`() async {
        let room = room { $0.cpu = .seconds(1) }
        let error = await failure { try await room.shell("while :; do :; done") }
        #expect(error?.type == "CommandLimitExceeded")
        #expect(error?.message == "it used more processor time than its limit of 1.0s (cpu) and was ended")
        #expect(error?.code == 152)
    }

    @Test func `a spinner that ignores the first signal is killed a second later, and the error says so`() async {
        let room = room { $0.cpu = .seconds(1) }
        let spinner = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
        let error = await failure { try await room.run(["python3", "-c", spinner]) }
        #expect(error?.type == "CommandLimitExceeded", "\(String(describing: error))")
    }

    @Test func `a spinner that a shell has started is ended, and the shell's status names the limit`() async {
        let room = room { $0.cpu = .seconds(1) }
        let error = await failure { try await room.shell("sh -c 'while :; do :; done'; exit $?") }
        #expect(error?.type == "CommandLimitExceeded", "\(String(describing: error))")
    }

    @Test func `a memory eater fails by itself, and the error names the limit that it ran under`() async throws {
        let room = room { $0.memoryBytes = 256 << 20 }
        let eater = "held = []\nwhile True: held.append(bytes(1 << 20))"
        let error = await failure { try await room.run(["python3", "-c", eater]) }
        let message = try #require(error?.message)
        #expect(message.hasPrefix("exit status 1: MemoryError"), "\(message)")
        #expect(message.hasSuffix("(it ran under these limits: memory 256MiB)"), "\(message)")
    }

    @Test func `a descriptor leaker is refused at its limit, and so are its children`() async throws {
        let room = room { $0.openFiles = 32 }
        let leaker = """
            import os, sys
            def leak():
                held = []
                try:
                    while True: held.append(os.open('/dev/null', os.O_RDONLY))
                except OSError as error:
                    return (len(held), error.errno)
            print(leak(), flush=True)
            if os.fork() == 0:
                os.setsid()
                print(leak(), flush=True)
                os._exit(0)
            os.wait()
            sys.exit(3)
            """
        let error = await failure { try await room.run(["python3", "-c", leaker]) }
        #expect(room.collector.messages(on: "stdout").map { $0.contains("24)") } == [true, true])
        #expect(error?.message == "exit status 3 (it ran under these limits: open files 32)")
    }

    @Test func `a file that grows past its limit ends its writer, the result descriptor too`() async {
        let room = room { $0.fileBytes = 64 << 10 }
        let error = await failure { try await room.run(["dd", "if=/dev/zero", "of=/dev/fd/3", "bs=4096", "status=none"]) }
        #expect(error?.type == "CommandLimitExceeded", "\(String(describing: error))")
        #expect(error?.message == "it wrote a file larger than its limit of 64KiB (file_size) and was ended")
    }

    @Test func `an output flood is ended at its limit with all of its processes`() async throws {
        let room = room { $0.outputBytes = 100_000 }
        // The flood comes from a grandchild in a session of its own; the shell only waits.
        let error = await failure { try await room.shell("setsid sh -c 'echo pid $$; exec yes aaaaaaaaa' & wait") }
        #expect(error?.type == "CommandLimitExceeded")
        #expect(error?.message == "it printed more than its limit of 100000B (output) and was ended")
        let lines = room.collector.messages(on: "stdout")
        let bytes = lines.reduce(0) { $0 + $1.utf8.count + 1 }
        // What was within the limit is in the log, and nothing more; the line that was cut may have lost its newline.
        #expect((100_000...100_001).contains(bytes), "\(bytes)")
        let grandchild = try #require(lines.first.flatMap { pid_t($0.dropFirst(4)) })
        #expect(!isAlive(grandchild))
    }

    @Test func `exactly as much as the limit may be printed, on both streams together`() async {
        let fits = room { $0.outputBytes = 8 }
        #expect(await failure { try await fits.shell("printf 'abc\\n'; printf 'def\\n' >&2") } == nil)
        let over = room { $0.outputBytes = 7 }
        #expect(await failure { try await over.shell("printf 'abc\\n'; printf 'def\\n' >&2") }?.type == "CommandLimitExceeded")
    }

    @Test func `a kind's own limits come before those of the worker, one by one`() async throws {
        let room = room {
            $0.openFiles = 40
            $0.outputBytes = 1 << 20
        }
        var command = Command(argv: ["/bin/cat", "/proc/self/limits"], directory: nil, environment: [:], input: nil)
        command.limits.openFiles = 50
        _ = try await room.runner.run(command, for: room.context)
        let line = try #require(room.collector.messages(on: "stdout").first { $0.hasPrefix("Max open files") })
        #expect(line.split(separator: " ").contains("50"))
        #expect(command.limits.filled(from: room.runner.options.limits).outputBytes == 1 << 20)
    }
}

@Suite struct ByteTextTests {
    @Test(arguments: [
        ("1B", 1), ("64KiB", 65_536), ("512MiB", 536_870_912), ("2GiB", 2_147_483_648), ("1TiB", 1_099_511_627_776), ("10KB", 10_000),
        ("1MB", 1_000_000), ("3GB", 3_000_000_000), ("0B", 0),
    ])
    func `a size with a unit is read`(_ text: String, _ bytes: Int) throws {
        #expect(try ByteText.parse(text) == bytes)
    }

    @Test(arguments: ["", "5", "MiB", "-1MiB", "1.5GiB", "1 MiB", "1mib", "9223372036854775807KiB", "99999999999999999999B", "١MiB"])
    func `what is no size is refused with an example`(_ text: String) {
        #expect(throws: ByteText.Problem.self) { try ByteText.parse(text) }
    }

    @Test(arguments: [0, 1, 1023, 1024, 65_536, 100_000, 1 << 30, (1 << 30) + 1])
    func `what is written is read back`(_ bytes: Int) throws {
        #expect(try ByteText.parse(ByteText.format(bytes)) == bytes)
    }
}
