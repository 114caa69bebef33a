// A world for one command: a store in memory, a clock turned by hand, streams that remember.

import Errand
import ErrandTesting
import Synchronization

@testable import ErrandCLI

/// Everything that a command touches, made for a test.
struct World {
    /// What a command left behind.
    struct Ended: Equatable {
        var code: Int32
        var out: String
        var err: String

        /// The lines of standard output.
        var lines: [String] { out.split(separator: "\n").map(String.init) }
    }

    /// Remembers what was written.
    final class Memory: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
        func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }
    }

    let clock = ManualClock()
    let model: ModelStore
    var input: [UInt8] = []
    var environment: [String: String] = ["HOME": "/home/ada", "PATH": "/bin", "ERRAND_STORE": "/store"]
    var columns: Int?
    var answer: String?
    var handlers: [Handler] = []
    /// What is on PATH.
    var programs: Set<String> = []
    var program = "errand"

    init() { model = ModelStore(clock: clock) }

    /// Runs a command line.
    func run(_ arguments: String...) async -> Ended { await run(arguments) }

    /// Runs a command line.
    func run(_ arguments: [String]) async -> Ended {
        let out = Memory()
        let err = Memory()
        return await run(arguments, out, err)
    }

    /// Runs a command line whose output can be watched meanwhile.
    func run(_ arguments: [String], _ out: Memory, _ err: Memory) async -> Ended {
        let code = await CommandLineTool.run(arguments, session: session(out, err))
        return Ended(code: code, out: out.text, err: err.text)
    }

    /// A session in this world.
    func session(_ out: Memory, _ err: Memory) -> Session {
        let store = model.store
        let isTerminal = columns != nil
        let answer = answer
        let input = input
        var session = Session(
            output: Output(isTerminal: isTerminal, columns: columns) { bytes in
                out.append(bytes)
                return 0
            },
            talk: Output(isTerminal: isTerminal) { bytes in
                err.append(bytes)
                return 0
            },
            readInput: { Array(input.prefix($0)) },
            readAnswer: { answer },
            openStore: { _ in OpenedStore(store) })
        session.openInput = { _ in
            // In small pieces, so that lines are cut anywhere.
            var rest = input[...]
            return ByteSource {
                defer { rest = rest.dropFirst(7) }
                return rest.isEmpty ? nil : Array(rest.prefix(7))
            }
        }
        session.clock = clock
        session.environment = environment
        session.environment["TERM"] = "dumb"
        session.directory = "/work"
        session.canAsk = answer != nil
        session.handlers = handlers
        session.program = program
        let programs = programs
        session.findProgram = { name, _ in programs.contains(name) }
        return session
    }

    // MARK: Life in the store

    /// Adds a job and gives its ID.
    func enqueue(_ kind: String = "mail", _ payload: String = "{}", change: (inout NewJob) -> Void = { _ in }) async throws -> JobID {
        var job = NewJob(kind: kind, payload: Array(payload.utf8))
        change(&job)
        return try await model.store.jobs.enqueue([job])[0].id
    }

    /// A live worker for the queue `default`.
    func join(kinds: [String] = ["mail"]) async throws -> WorkerID {
        try await model.store.jobs.join(
            WorkerDescription(
                kinds: kinds, queues: ["default": 10], concurrency: 10, host: "here", pid: 7, version: "0.1.0", startedAt: clock.now(),
                lease: .seconds(30)))
    }

    /// Starts what is available.
    func claim(_ worker: WorkerID, kinds: [String] = ["mail"]) async throws -> [ExecutionID] {
        let request = ExchangeRequest(
            worker: worker, claim: ClaimRequest(limit: 10, queues: [.init(queue: "default", limit: 10)], kinds: kinds))
        return try await model.store.jobs.exchange(request).claimed.map(\.execution)
    }

    /// Ends an execution.
    func end(
        _ execution: ExecutionID, _ worker: WorkerID, _ outcome: Outcome, next: NextStep, error: StoredError? = nil, result: String? = nil
    ) async throws {
        let report = ExecutionReport(
            execution: execution, outcome: outcome, next: next, error: error, result: result.map { Array($0.utf8) }, finishedAt: clock.now()
        )
        let reply = try await model.store.jobs.exchange(ExchangeRequest(worker: worker, reports: [report]))
        precondition(reply.results == [.accepted], "the model refused \(report)")
    }

    /// Appends lines to an execution's log, numbered from `first`.
    func log(_ execution: ExecutionID, from first: Int64 = 1, _ messages: String...) async throws {
        _ = try await model.store.logs.append([World.chunk(execution, from: first, messages, at: clock.now())], dropping: [])
    }

    /// A chunk of lines that a command printed.
    static func chunk(
        _ execution: ExecutionID, from first: Int64 = 1, _ messages: [String], at time: Timestamp, level: String = "info",
        stream: String = "stdout", flags: String = "", metadata: String = "{}"
    ) -> LogChunk {
        var body = ""
        for (index, message) in messages.enumerated() {
            let text = String(decoding: JSONWriter.string(message), as: UTF8.self)
            body += "\"ts\":\"\(time)\",\"level\":\"\(level)\",\"message\":\(text),\"seq\":\(first + Int64(index)),"
            body += "\"stream\":\"\(stream)\",\"flags\":[\(flags)],\"metadata\":\(metadata)\n"
        }
        let fragment =
            "\"v\":1,\"execution_id\":\"\(execution)\",\"job_id\":\"\(execution.job)\",\"ordinal\":\(execution.ordinal),\"attempt\":1,"
            + "\"queue\":\"default\",\"kind\":\"mail\",\"meta\":{}"
        return LogChunk(
            job: execution.job, ordinal: execution.ordinal, firstSequence: first, lines: messages.count, firstTime: time, lastTime: time,
            highestLevel: Logger.Level(rawValue: level) ?? .info, flags: [],
            body: LogFraming.frame(fragment: Array(fragment.utf8), lines: Array(body.utf8)))
    }

    /// Waits, by giving way to others, until `condition` holds.
    func until(_ condition: () -> Bool) async {
        while !condition() { await Task.yield() }
    }
}
