// 10,000 in-process jobs at concurrency 1,000 with barriers between their lines: every line must carry its own execution ID.

import Errand
import ErrandSQLite
import Glibc
import Logging
import Synchronization

enum Interleave {
    private struct Chatter: Job {
        static let kind = "chatter"
        static var maxAttempts: Int { 2 }
        var number: Int
    }

    private struct Planned: Error, CustomStringConvertible {
        let executionID: ExecutionID
        var description: String { "planned failure of \(executionID)" }
    }

    /// A logger that everything shares, made before any execution: the identity must be found when the line is written.
    private static let shared = Logger(label: "shared")

    /// Collects error reports, which must name the execution that failed.
    private final class Reports: ErrorReporter {
        let wrong = Atomic<Int>(0)
        let all = Atomic<Int>(0)

        func report(_ report: ErrorReport) async {
            all.add(1, ordering: .relaxed)
            let isRight = report.error.message.contains("\(report.executionID)") && ExecutionContext.current?.executionID == report.executionID
            if !isRight { wrong.add(1, ordering: .relaxed) }
        }
    }

    static func run() async throws {
        let directory = temporaryDirectory()
        defer { remove(directory) }
        let jobs = 10_000
        let lines = 5
        let queue = try JobQueue.open(directory + "/store")
        let begin = seconds(CLOCK_MONOTONIC)
        _ = try await queue.enqueue((0..<jobs).map(Chatter.init(number:)), options: EnqueueOptions())
        let barrier = Barrier(size: 1000)
        let reports = Reports()
        let handler = Handler(Chatter.self, backoff: Backoff(base: .milliseconds(100), maximum: .milliseconds(100))) { job, context in
            for line in 1...lines {
                shared.info("id=\(context.executionID) line=\(line)")
                await barrier.meet()
                guard ExecutionContext.current === context || ExecutionContext.current?.executionID == context.executionID else {
                    fatalError("crossed: \(context.executionID)")
                }
            }
            if job.number % 3 == 0, context.attempt == 1 { throw Planned(executionID: context.executionID) }
        }
        let configuration = Worker.Configuration {
            $0.concurrency = 1000
            $0.logger = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
        }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration, reporters: [reports]).runUntilEmpty()
        let elapsed = seconds(CLOCK_MONOTONIC) - begin

        var wrong = 0
        var total = 0
        var sequences: [ExecutionID: [Int64]] = [:]
        var cursor: Int64 = 0
        while true {
            let chunks = try await queue.store.logs.chunks(after: cursor, limit: 500)
            guard let last = chunks.last else { break }
            cursor = last.cursor
            for record in chunks.flatMap({ LogFraming.records(in: $0.chunk) }) {
                total += 1
                guard let id = record.identity.executionID else {
                    wrong += 1
                    continue
                }
                if !record.message.hasPrefix("id=\(id) ") { wrong += 1 }
                sequences[id, default: []].append(record.sequence)
            }
        }
        let executions = jobs + (jobs + 2) / 3
        let gaps = sequences.values.count { $0.sorted() != Array(1...Int64(lines)) }
        say("interleave: \(jobs) jobs, \(executions) executions at concurrency 1000 in \(fixed(elapsed)) s; most at once \(barrier.most)")
        say("  lines \(total) (expected \(executions * lines)), wrong \(wrong), executions with gaps \(gaps), logs \(sequences.count)")
        say("  error reports \(reports.all.load(ordering: .relaxed)) (expected \((jobs + 2) / 3)), wrong \(reports.wrong.load(ordering: .relaxed))")
        let isRight = total == executions * lines && wrong == 0 && gaps == 0 && sequences.count == executions
            && reports.wrong.load(ordering: .relaxed) == 0 && reports.all.load(ordering: .relaxed) == (jobs + 2) / 3
        say(isRight ? "  right" : "  WRONG")
        if !isRight { exit(1) }
    }
}

/// Lets executions go on only when many stand at the same line, or when no more are coming: forces them to interleave.
private final class Barrier: Sendable {
    private struct State {
        var waiting: [CheckedContinuation<Void, Never>] = []
        var generation = 0
        var most = 0

        mutating func release() -> [CheckedContinuation<Void, Never>] {
            defer {
                waiting = []
                generation += 1
            }
            return waiting
        }
    }

    private let size: Int
    private let state = Mutex(State())

    init(size: Int) { self.size = size }

    var most: Int { state.withLock { $0.most } }

    func meet() async {
        await withCheckedContinuation { continuation in
            let (released, generation, isFirst) = state.withLock { state -> ([CheckedContinuation<Void, Never>], Int, Bool) in
                state.waiting.append(continuation)
                state.most = max(state.most, state.waiting.count)
                guard state.waiting.count >= size else { return ([], state.generation, state.waiting.count == 1) }
                return (state.release(), state.generation, false)
            }
            for waiting in released { waiting.resume() }
            // The last few never fill the barrier: let them through after a while.
            if isFirst {
                _ = SystemClock.shared.schedule(at: SystemClock.shared.uptime() + .milliseconds(200)) { [self] in
                    let late = state.withLock { $0.generation == generation ? $0.release() : [] }
                    for waiting in late { waiting.resume() }
                }
            }
        }
    }
}
