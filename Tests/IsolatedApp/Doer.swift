// The deeds that a job can ask for.

import Errand
import ErrandContext
import ErrandSQLite
@preconcurrency import Glibc
import Logging
import Synchronization

/// Performs deeds in the name of one execution.
struct Doer {
    let context: ExecutionContext

    func perform(_ deed: String) async throws {
        switch deed {
        case "log":
            Logger(label: "app").warning("logged", metadata: ["pid": "\(getpid())"])
            context.logger.info("own")
        case "print": print("printed")
        case "write": _ = write(STDERR_FILENO, "written\n", 8)
        case "many": for number in 0..<2000 { context.logger.info("line \(number)") }
        case "late":
            // A logger that is used outside of its execution.
            let logger = context.logger
            ExecutionContext.none { logger.info("taken along") }
        case "say":
            let names = ["ERRAND_EXECUTION_ID", "ERRAND_LEASE_TOKEN", "ERRAND_ATTEMPT", "ERRAND_META", "TRACEPARENT", "NOTIFY_SOCKET"]
            for name in names { print("\(name)=\(getenv(name).map { String(cString: $0) } ?? "")") }
            let current = ExecutionContext.current
            print("current \(current?.description ?? "none") \(current?.meta ?? [:]) \(current?.trace.traceParent ?? "")")
            print("pid \(getpid()) session \(getsid(0)) arguments \(CommandLine.arguments.count)")
        case "throw": throw Trouble()
        case "throw once": if context.attempt == 1 { throw Trouble() }
        case "step":
            let number = try await context.step("number") {
                print("drawn by \(context.executionID)")
                return 42
            }
            print("number \(number)")
        case "rows":
            var cursor = try await context.cursor("rows", startingAt: 0)
            print("rows from \(cursor.value)")
            try await cursor.save(cursor.value + 10)
        case "step twice":
            try await context.step("again") {}
            try await context.step("again") {}
        case "snooze": if context.leaseToken == 1 { throw Snooze(for: .milliseconds(10)) }
        case "enqueue":
            let queue = try JobQueue.open(String(cString: getenv("ERRAND_STORE")))
            _ = try await queue.enqueue(kind: "raw", payload: Array("7".utf8))
        case "unrecoverable": throw Unrecoverable(Trouble())
        case "cancel": throw CancelJob(reason: "not wanted")
        case "progress": for step in 0...100 { context.progress(Double(step) / 100, "step \(step)") }
        case "trap":
            context.logger.info("about to trap")
            fatalError("as the job asked for")
        case "index":
            let number = Int(getpid())
            print([1, 2, 3][number])
        // Holds its process, and its descriptors in the worker, while others are to be started.
        case "nap": try await Task.sleep(for: .milliseconds(200))
        case "kill": kill(getpid(), SIGKILL)
        case "exit": exit(3)
        case let text where text.hasPrefix("take "):
            let found = try await context.result(of: String(text.dropFirst(5)), as: [String: Int].self)
            context.logger.notice("took {\(found.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ","))}")
        case "scribble":
            _ = write(3, "this is nobody's channel", 24)
            while true { pause() }
        case "wait":
            // Ends when it is cancelled, and says so.
            print("waiting \(getpid())")
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                print("cancelled")
                throw error
            }
        case "ignore":
            print("ignoring \(getpid())")
            while true { pause() }
        default: throw Trouble()
        }
    }
}
