// What the command tests share: a context whose lines can be awaited, and a runner.

import ErrandContext
import Foundation
import Logging
import Synchronization

@testable import Errand
@testable import ErrandHandlers

/// One record of a log, as far as tests look at it.
struct LogRecord: Decodable, Sendable {
    var level: String
    var message: String
    var seq: Int64
    var stream: String
    var flags: [String]
    var metadata: [String: JSONText]

    /// Metadata is text, or JSON that tests compare as text.
    enum JSONText: Decodable, Hashable, Sendable, ExpressibleByStringLiteral {
        case text(String)
        case other

        init(stringLiteral value: String) { self = .text(value) }
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = (try? container.decode(String.self)).map(JSONText.text) ?? .other
        }
    }
}

/// Takes lines as they are filed and hands them to whoever waits.
final class LogCollector: LogSink {
    private let stream: AsyncStream<LogRecord>
    private let continuation: AsyncStream<LogRecord>.Continuation
    private let state = Mutex(State())
    private let isCounting: Bool

    private struct State {
        var records: [LogRecord] = []
        var lines = 0
        var largestBody = 0
    }

    /// With `isCounting`, lines are only counted.
    init(isCounting: Bool = false) {
        self.isCounting = isCounting
        (stream, continuation) = AsyncStream.makeStream()
    }

    func hasLines(_ log: ExecutionLog, isUrgent: Bool) {
        guard let pending = log.takePending() else { return }
        state.withLock { state in
            state.lines += pending.lines
            state.largestBody = max(state.largestBody, pending.body.count)
        }
        guard !isCounting else { return }
        for line in pending.body.split(separator: UInt8(ascii: "\n")) {
            do {
                let record = try JSONDecoder().decode(LogRecord.self, from: Data("{".utf8) + Data(line) + Data("}".utf8))
                state.withLock { $0.records.append(record) }
                continuation.yield(record)
            } catch {
                preconditionFailure("a log line is JSON: \(error): \(String(decoding: line, as: UTF8.self))")
            }
        }
    }

    var records: [LogRecord] { state.withLock { $0.records } }
    var messages: [String] { records.map(\.message) }
    var lines: Int { state.withLock { $0.lines } }
    var largestBody: Int { state.withLock { $0.largestBody } }

    func messages(on stream: String) -> [String] { records.filter { $0.stream == stream }.map(\.message) }

    /// Waits until a line with this message has been filed.
    func line(_ message: String) async -> LogRecord? { await stream.first { $0.message == message } }
    /// Waits for the first line that begins so.
    func line(startingWith prefix: String) async -> LogRecord? { await stream.first { $0.message.hasPrefix(prefix) } }
}

private let lastJob = Atomic<Int64>(Int64(getpid()) << 24)

/// One execution: its context, and the claimed job that a handler gets.
struct CommandRoom: Sendable {
    let collector: LogCollector
    let context: ExecutionContext
    let runner: CommandRunner

    init(
        isCounting: Bool = false, kind: String = "command", meta: [String: String] = [:], trace: TraceContext? = nil,
        _ change: (inout CommandOptions) -> Void = { _ in }
    ) {
        let collector = LogCollector(isCounting: isCounting)
        let job = JobID(rawValue: lastJob.add(1, ordering: .relaxed).newValue)
        self.collector = collector
        context = ExecutionContext(
            executionID: ExecutionID(job, 3), attempt: 2, maxAttempts: 5, queue: "default", kind: kind, parent: nil, root: nil,
            trace: trace, meta: meta, sink: collector, now: { SystemClock.shared.now() })
        var options = CommandOptions()
        change(&options)
        runner = CommandRunner(options: options)
    }

    /// The job in a handler's hands.
    func job(payload: String) -> ClaimedJob {
        ClaimedJob(
            execution: context.executionID, attempt: context.attempt, maxAttempts: context.maxAttempts, queue: context.queue,
            kind: context.kind, payload: Array(payload.utf8), meta: context.meta, startedAt: SystemClock.shared.now())
    }

    /// Runs a shell script.
    func shell(_ script: String, input: [UInt8]? = nil, environment: [String: String] = [:]) async throws -> [UInt8]? {
        try await run(["/bin/sh", "-c", script], input: input, environment: environment)
    }

    /// Runs a command.
    func run(_ argv: [String], input: [UInt8]? = nil, environment: [String: String] = [:]) async throws -> [UInt8]? {
        try await runner.run(Command(argv: argv, directory: nil, environment: environment, input: input), for: context)
    }
}

/// Whether a process exists and is not a zombie.
func isAlive(_ process: pid_t) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
    return !status.contains(") Z ")
}
