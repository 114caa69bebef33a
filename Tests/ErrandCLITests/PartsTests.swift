// The smaller parts: times, durations, queues, the doctor's judgement, the process log, the service manager.

import ArgumentParser
import Errand
import ErrandTesting
import Glibc
import Synchronization
import Testing

@testable import ErrandCLI

@Suite struct PartsTests {
    private static let noon = Timestamp("2026-06-15T12:00:00Z")!

    @Test func `times are read as people write them`() throws {
        let times = TimeReading(now: PartsTests.noon)
        #expect(try times.past("10m", option: "--since") == PartsTests.noon + .seconds(-600))
        #expect(try times.past("now", option: "--since") == PartsTests.noon)
        #expect(try times.past("2026-01-01T00:00:00+01:00", option: "--since") == Timestamp("2025-12-31T23:00:00Z"))
        let today = try times.past("today", option: "--since")
        let yesterday = try times.past("yesterday", option: "--since")
        #expect(today <= PartsTests.noon && PartsTests.noon - today < .seconds(86_400))
        #expect((.seconds(82_800)...(.seconds(90_000))).contains(today - yesterday))
        #expect(try times.future("2026-07-01 18:30", option: "--at") == LocalTime.date("2026-07-01 18:30:00"))
        #expect(LocalTime.text(try times.future("2026-07-01", option: "--at"), utc: false) == "2026-07-01 00:00:00")
    }

    @Test func `a time of day is the next one for --at`() throws {
        let times = TimeReading(now: PartsTests.noon)
        for text in ["00:00", "06:30", "12:00:01", "23:59"] {
            let time = try times.future(text, option: "--at")
            #expect(time >= PartsTests.noon && time - PartsTests.noon <= .seconds(90_000))
            #expect(LocalTime.text(time, utc: false).dropFirst(11).hasPrefix(text))
        }
    }

    @Test(arguments: ["", "soon", "25:00", "12:60", "2026-02-30", "2026-13-01", "1:30", "2026-1-1", "-5m"])
    func `what is no time is refused`(text: String) {
        let times = TimeReading(now: PartsTests.noon)
        #expect(throws: Failure.self) { try times.future(text, option: "--at") }
        #expect(throws: Failure.self) { try times.past(text, option: "--since") }
    }

    @Test func `queues are read with their caps`() throws {
        let queues = try WorkOptions.parse(queues: "a:4,b")
        #expect(queues.map(\.name) == ["a", "b"] && queues.map(\.concurrency) == [4, nil])
        for text in ["", "a,", "a:x", "a:0", "a:1:2", "a,a", "A"] {
            #expect(throws: ValidationError.self, "\(text)") { try WorkOptions.parse(queues: text) }
        }
    }

    @Test func `flags of a worker win over the file, and the file over the defaults`() throws {
        let session = World().session(World.Memory(), World.Memory())
        let plain = try WorkPlan(session: session, directory: "/store", file: nil, options: try WorkOptions.parse([]))
        #expect(plain.handlers.map(\.kind) == ["command"] && plain.configuration.concurrency == 10)
        #expect(plain.configuration.queues.map(\.name) == ["default"] && plain.configuration.until == .stopped)
        #expect(plain.configuration.requiresLogCapture)
        let options = try WorkOptions.parse([
            "-c", "3", "--queues", "x:2", "--until-empty", "--idle-timeout", "0", "--grace", "0", "--lease", "2s",
        ])
        let given = try WorkPlan(session: session, directory: "/store", file: nil, options: options).configuration
        #expect(given.concurrency == 3 && given.queues.map(\.name) == ["x"] && given.until == .empty(idleTimeout: .zero))
        #expect(given.grace == .zero && given.lease == .seconds(2))
    }

    @Test func `the doctor warns about running jobs that no live worker holds, and about clocks`() {
        let running = StoreStats.Count(queue: "default", kind: "mail", state: .running, jobs: 2)
        let orphaned = StoreChecks.workers(StoreStats(counts: [running], workers: [], oldestAvailable: [], lastHour: []))
        #expect(orphaned.level == .warning && orphaned.message.hasPrefix("2 running jobs are held by workers that are dead or overdue"))
        #expect(StoreChecks.clock(now: Timestamp(microseconds: 0), newest: nil).level == .failure)
        #expect(StoreChecks.clock(now: PartsTests.noon, newest: PartsTests.noon + .seconds(3600)).level == .warning)
        #expect(StoreChecks.clock(now: PartsTests.noon, newest: PartsTests.noon).level == .ok)
        #expect(StoreChecks.library(version: "3.40.1", number: 3_040_001).message.contains("WAL-reset defect"))
        #expect(StoreChecks.library(version: "3.51.3", number: 3_051_003).message == "SQLite 3.51.3")
    }

    @Test func `the doctor fails on a directory that is not there`() async {
        let ended = await World().run("doctor", "--store", "/no/such/place")
        #expect(ended.code == 1)
        #expect(ended.out.contains("failure  directory    cannot look at /no/such/place: No such file or directory"))
    }

    @Test(arguments: ["64", "-1MiB", "lots"]) func `a reserve that is no amount of bytes is refused`(text: String) async {
        let flag = await World().run("enqueue", "greet", "--reserve=\(text)")
        #expect(flag.code == 2 && flag.err.contains("write a whole number and its unit"))
        var world = World()
        world.environment["ERRAND_RESERVE"] = text
        let variable = await world.run("enqueue", "greet")
        #expect(variable.code == 2 && variable.err.contains("ERRAND_RESERVE"))
    }

    @Test func `the doctor tells of dropped lines`() {
        #expect(StoreChecks.logs(dropped: 0).isEmpty)
        #expect(StoreChecks.logs(dropped: 1).first?.message.hasPrefix("1 line was dropped") == true)
        #expect(StoreChecks.logs(dropped: 7).first?.message.hasPrefix("7 lines were dropped") == true)
    }

    @Test func `a line of the process log is one write, in text and in JSON`() {
        let memory = World.Memory()
        var handler = ProcessLogHandler(label: "errand.worker", now: { PartsTests.noon }, put: memory.append)
        handler.metadata = ["worker": "a b"]
        handler.log(event: PartsTests.event("started\u{1B}[2J", ["execution_id": "06.1"]))
        #expect(memory.text.hasSuffix(" info started\\x1b[2J execution_id=06.1 worker=\"a b\"\n"))
        let json = String(
            decoding: handler.json(
                PartsTests.event("x", ["list": ["a", "b"]]),
                handler.metadata.merging(["list": ["a", "b"]]) { $1 }.sorted { $0.key < $1.key }), as: UTF8.self)
        #expect(
            json
                == #"{"v":1,"ts":"2026-06-15T12:00:00.000000Z","level":"info","message":"x","logger":"errand.worker","metadata":{"list":["a","b"],"worker":"a b"}}"#
                + "\n")
        let hostile = String(decoding: handler.json(PartsTests.event("\u{9B}2J\u{202E}é", [:]), []), as: UTF8.self)
        #expect(hostile.contains(#""message":"\u009b2J\u202eé""#))
    }

    private static func event(_ message: Logger.Message, _ metadata: Logger.Metadata) -> LogEvent {
        LogEvent(level: .info, message: message, metadata: metadata, source: nil, file: #fileID, function: #function, line: #line)
    }

    @Test func `a service manager gets its datagrams, and only one that asked`() throws {
        #expect(ServiceNotifier(environment: [:]) == nil)
        #expect(ServiceNotifier(environment: ["NOTIFY_SOCKET": "relative"]) == nil)
        let name = "errand-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(receiver) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array("\0\(name)".utf8)) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(receiver, $0, length) }
        }
        try #require(bound == 0)
        let environment = ["NOTIFY_SOCKET": "@\(name)", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "\(getpid())"]
        let notifier = try #require(ServiceNotifier(environment: environment))
        #expect(notifier.watchdogInterval == .milliseconds(1500))
        func next() -> String {
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = recv(receiver, &buffer, buffer.count, 0)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        notifier.send("READY=1")
        #expect(next() == "READY=1")
        let clock = ManualClock()
        let probes = Mutex<[@Sendable () -> Void]>([])
        let watchdog = try #require(
            WatchdogTimer(notifier: notifier, clock: clock) { answer in probes.withLock { $0.append(answer) } })
        func answer() { for probe in probes.withLock({ $0 }) { probe() } }
        #expect(next() == "WATCHDOG=1")
        answer()
        clock.advance(by: .milliseconds(1500))
        #expect(next() == "WATCHDOG=1")
        // A worker whose thread hangs gives no sign of life, however often the timer fires, until it turns again.
        for _ in 0..<3 { clock.advance(by: .milliseconds(1500)) }
        notifier.send("STATUS=hung")
        #expect(next() == "STATUS=hung")
        answer()
        clock.advance(by: .milliseconds(1500))
        #expect(next() == "WATCHDOG=1")
        watchdog.stop()
        #expect(clock.pendingTimers == 0)
        var other = environment
        other["WATCHDOG_PID"] = "1"
        #expect(ServiceNotifier(environment: other)?.watchdogInterval == nil)
    }
}
