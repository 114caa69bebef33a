// What the context costs: binding an execution, a log line with its identity, a captured print, each beside the same without.

import ErrandContext
@preconcurrency import Glibc
import Logging
import Synchronization

/// `ContextCost` measures in rounds; in each round every case and its baseline run one after the other, so that they share the machine's mood.
@main enum ContextCost {
    private static let rounds = 200
    private static let operations = 2000

    private struct Case {
        var name: String
        var baseline: String
        var mark: String
        var measured: () async -> Void
        var paired: () async -> Void
    }

    static func main() async throws {
        // On the pool, where executions run.
        try await measureAll()
    }

    @concurrent private static func measureAll() async throws {
        LoggingSystem.bootstrap { ExecutionLogHandler(label: $0, outside: SwiftLogNoOpLogHandler()) }
        let context = makeContext(1)
        let identified = Logger(label: "cost")
        let bare = Logger(label: "cost", factory: { _ in BareLogHandler() })
        let plain = try descriptor("/dev/null", O_WRONLY)
        let cases = [
            Case(name: "root scope: context made, bound, left", baseline: "an empty async call", mark: "≤ 3 µs") {
                for number in 0..<operations { await makeContext(Int64(number)).run { await nothing() } }
            } paired: {
                for _ in 0..<operations { await nothing() }
            },
            Case(name: "bind: captured and called", baseline: "a closure made and called", mark: "≤ 3 µs") {
                await context.run {
                    for _ in 0..<operations { consume(ExecutionContext.bind { @Sendable () -> Void in tick() }) }
                }
            } paired: {
                for _ in 0..<operations { consume { tick() } }
            },
            Case(name: "a log line with identity", baseline: "a bare log line", mark: "≤ 3 × the baseline") {
                await context.run { for number in 0..<operations { identified.info("a line of the job, number \(number)") } }
                _ = context.log.takePending()
            } paired: {
                for number in 0..<operations { bare.info("a line of the job, number \(number)") }
                BareLogHandler.clear()
            },
            Case(name: "a captured print line", baseline: "print to /dev/null", mark: "≤ 2 µs") {
                await context.run { for number in 0..<operations { print("a line of the job, number \(number)") } }
                _ = context.log.takePending()
            } paired: {
                withOutput(plain) { for number in 0..<operations { print("a line of the job, number \(number)") } }
            },
        ]
        // The streams as they were, for the baseline.
        original = stdout
        OutputCapture.install()
        captured = stdout
        for item in cases { await measure(item) }
        close(plain)
    }

    private static func measure(_ item: Case) async {
        await item.measured()
        await item.paired()
        var (measured, paired, ratios) = (Sample(), Sample(), Sample())
        for round in 0..<rounds {
            // The order alternates: whoever comes second finds warmer caches.
            let isFirst = round.isMultiple(of: 2)
            var times = (0.0, 0.0)
            if isFirst { times.0 = await time(item.measured) }
            times.1 = await time(item.paired)
            if !isFirst { times.0 = await time(item.measured) }
            measured.add(times.0)
            paired.add(times.1)
            ratios.add(times.0 / times.1)
        }
        say("\(item.name)  [\(item.mark)]")
        say("  it        \(measured.line(unit: "µs", scale: 1e6 / Double(operations)))")
        say("  baseline  \(paired.line(unit: "µs", scale: 1e6 / Double(operations)))  (\(item.baseline))")
        say("  ratio     \(ratios.line(unit: "×", scale: 1))")
    }

    private static func time(_ body: () async -> Void) async -> Double {
        let start = seconds(CLOCK_PROCESS_CPUTIME_ID)
        await body()
        return seconds(CLOCK_PROCESS_CPUTIME_ID) - start
    }

    // MARK: Parts

    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    private static func makeContext(_ job: Int64) -> ExecutionContext {
        ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: job), 1), attempt: 1, maxAttempts: 5, queue: "default", kind: "cost", parent: nil,
            root: nil, trace: nil, meta: [:], sink: NoSink(), now: now)
    }

    @Sendable private static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    @inline(never) private static func nothing() async {}
    private static let ticks = Atomic<Int>(0)
    @inline(never) private static func tick() { ticks.add(1, ordering: .relaxed) }
    @inline(never) private static func consume(_ body: @Sendable () -> Void) { body() }

    nonisolated(unsafe) private static var original: UnsafeMutablePointer<FILE>?
    nonisolated(unsafe) private static var captured: UnsafeMutablePointer<FILE>?

    /// Runs `body` with the C library's own standard output, which goes to `descriptor` meanwhile.
    private static func withOutput(_ descriptor: Int32, _ body: () -> Void) {
        let kept = dup(1)
        dup2(descriptor, 1)
        stdout = original
        body()
        fflush(stdout)
        stdout = captured
        dup2(kept, 1)
        close(kept)
    }

    private static func descriptor(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { fatalError("cannot open \(path): \(String(cString: strerror(errno)))") }
        return descriptor
    }
}

/// What a line costs without any identity: time, level and message, rendered into memory under a lock.
struct BareLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private static let bytes = Mutex<[UInt8]>([])

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = event.message.description
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        BareLogHandler.bytes.withLock { bytes in
            JSONText.append(raw: "{\"ts\":", to: &bytes)
            JSONText.append(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000, to: &bytes)
            JSONText.append(raw: ",\"level\":\"", to: &bytes)
            bytes.append(contentsOf: event.level.rawValue.utf8)
            JSONText.append(raw: "\",\"message\":", to: &bytes)
            JSONText.append(text, to: &bytes)
            JSONText.append(raw: "}\n", to: &bytes)
        }
    }

    static func clear() { bytes.withLock { $0.removeAll(keepingCapacity: true) } }
}
