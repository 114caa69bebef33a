// `doctor --context`: whether lines of many jobs at once land under their own executions here, and who has leaked in this store.

import Dispatch
import Errand
import ErrandContext
import ErrandHandlers
import ErrandSQLite
import FoundationEssentials
import Glibc
import Logging

/// Runs the worker of this program against itself on a store of its own, and reads what leaked in the store at hand.
struct ContextChecks {
    let session: Session

    /// How many executions at once are tried in this process.
    static let concurrencies = [3, 64, 1000]
    /// How many commands at once are tried.
    static let commandConcurrencies = [3, 64]
    /// How many chunks of flagged lines are looked at in the store at hand; further ones only make the counts larger.
    static let chunkLimit = 1000

    // MARK: The self-test

    /// One finding for each concurrency.
    /// - Throws: `JobStoreError`, `Worker.Failure`, `EnqueueError`.
    func selfTest() async throws -> [Finding] {
        var findings: [Finding] = []
        for concurrency in ContextChecks.concurrencies {
            let check = ContextCheck(of: [Handler(Canary.self) { _, context in await Canary.sing(context) }], concurrency: concurrency)
            findings.append(
                try await finding("handlers", of: check) { queue, _ in try await queue.enqueue(Canary()) })
        }
        for concurrency in ContextChecks.commandConcurrencies {
            let check = ContextCheck(of: [commandHandler()], concurrency: concurrency, rounds: 2)
            let command = #"echo "$ERRAND_EXECUTION_ID printed"; echo "$ERRAND_EXECUTION_ID complained" >&2"#
            let payload = Array(try JSONEncoder().encode(CommandPayload(argv: ["sh", "-c", command])))
            findings.append(
                try await finding("commands", of: check) { queue, _ in
                    try await queue.enqueue(kind: CommandPayload.kind, payload: payload).id
                })
        }
        return findings
    }

    private func finding(
        _ what: String, of check: ContextCheck, enqueue: (JobQueue, Int) async throws -> JobID
    ) async throws -> Finding {
        let store = try TemporaryStore()
        defer { store.remove() }
        let report = try await check.run(on: JobQueue(store: store.sqlite.store), enqueue: enqueue)
        return Finding(
            check: "context", level: report.isClean ? .ok : .failure, message: "\(what), \(check.concurrency) at once: \(report)")
    }

    // MARK: The store at hand

    /// One finding for each place in the code whose lines were flagged, as far as the logs reach back.
    /// - Throws: `JobStoreError`.
    func recorded(in logs: any LogStore) async throws(JobStoreError) -> [Finding] {
        let chunks = try await logs.leakyChunks(after: 0, limit: ContextChecks.chunkLimit)
        let records = chunks.flatMap { LogFraming.records(in: $0.chunk) }.filter { !$0.flags.isDisjoint(with: .leaks) }
        guard !records.isEmpty else { return [Finding(check: "leaks", level: .ok, message: "no line of this store is flagged")] }
        let report = ContextReport(of: records, executions: [], canaries: 0, label: "")
        return report.leaks.map { leak in
            Finding(
                check: "leaks", level: .warning,
                message: "\(leak): see `\(session.program) logs --flag \(leak.problem.name)`, and bind the callback there")
        }
    }
}

/// A job that logs and prints in every way that should work.
private struct Canary: Job {
    static let kind = "errand-canary"
    static let maxAttempts = 1

    private static let logger = Logger(label: "errand.doctor")

    static func sing(_ context: ExecutionContext) async {
        logger.critical("\(context) in line")
        context.logger.critical("\(context) through the execution's own logger")
        async let child: Void = logger.critical("\(context) in a child task")
        await child
        await Task { logger.critical("\(context) in a task") }.value
        await withCheckedContinuation { continuation in
            let bound = ExecutionContext.bind { @Sendable () -> Void in
                logger.critical("\(context) in a bound block")
                continuation.resume()
            }
            DispatchQueue.global().async(execute: bound)
        }
        // Without capture, as in a library user's own tests, the text would go to the terminal.
        guard OutputCapture.isInstalled else { return }
        print("\(context) printed ", terminator: "")
        await Task.yield()
        print("in two pieces")
    }
}

/// A store that lives as long as a check.
private struct TemporaryStore {
    let directory: String
    let sqlite: SQLiteStore

    init() throws(JobStoreError) {
        var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/errand-doctor-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else {
            throw .unavailable(reason: "cannot make a temporary directory: \(String(cString: strerror(errno)))")
        }
        directory = String(cString: path)
        do throws(JobStoreError) {
            sqlite = try SQLiteStore.open(directory: "\(directory)/store")
        } catch {
            TemporaryStore.remove(directory)
            throw error
        }
    }

    func remove() {
        sqlite.close()
        TemporaryStore.remove(directory)
    }

    private static func remove(_ directory: String) {
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            // A leftover in the temporary directory is the system's to sweep; the findings stand.
        }
    }
}
