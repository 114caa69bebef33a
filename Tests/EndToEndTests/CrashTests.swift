// The promise: whoever takes the worker down is named, and nobody else pays for it.

import Foundation
import Testing

@Suite struct CrashTests {
    /// 63 jobs that wait for a party of 64; copied for each crash, since enqueueing them takes longer than all else.
    private static let template = Result { () throws -> Sandbox in
        let sandbox = try Sandbox(program: Sandbox.crashing)
        for _ in 1..<party { #expect(try sandbox.run("enqueue", "crash", "{\"party\":\(party)}").status == 0) }
        return sandbox
    }

    private static let party = 64
    // A sanitizer's allocator answers a double free in its own way.
    private static let kinds =
        ["fatal_error", "index", "unwrap", "overflow", "null", "abort", "stack"] + (isSanitized ? [] : ["double_free"])
    private static let isSanitized = !Set(ProcessInfo.processInfo.environment.keys).isDisjoint(with: ["ASAN_OPTIONS", "TSAN_OPTIONS"])
    private static let signals = ["null": SIGSEGV, "stack": SIGSEGV, "abort": SIGABRT, "double_free": SIGABRT]

    #if arch(x86_64)
    private static let trap = SIGILL
    #else
    private static let trap = SIGTRAP
    #endif

    /// A store with 63 jobs and one that crashes as `kind` in `place`; its ID.
    private func room(_ kind: String, _ place: String) throws -> (sandbox: Sandbox, culprit: String) {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        try FileManager.default.copyItem(atPath: CrashTests.template.get().store, toPath: sandbox.store)
        let payload = "{\"party\":\(CrashTests.party),\"how\":\"\(kind)\",\"place\":\"\(place)\"}"
        return (sandbox, try sandbox.run("enqueue", "crash", payload).text)
    }

    /// Runs a worker until it has crashed, without the seconds that a backtrace takes.
    private func crash(_ sandbox: Sandbox, environment: [String: String] = ["SWIFT_BACKTRACE": "enable=no"]) throws -> Sandbox.Output {
        let options = ["work", "-c", "\(CrashTests.party)", "--log-level", "error"]
        return try sandbox.run(options, environment: environment)
    }

    private func finish(_ sandbox: Sandbox) throws -> Sandbox.Output {
        let last = try sandbox.run("work", "-c", "\(CrashTests.party)", "--until-empty", "--idle-timeout", "60s")
        #expect(last.status == 0, "\(last.err.suffix(2000))")
        return last
    }

    private func outcomes(_ sandbox: Sandbox, _ id: String) throws -> [String] {
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        return try #require(job["executions"] as? [[String: Any]]).compactMap { $0["outcome"] as? String }
    }

    @Test func `one job that gets its worker killed among 50 good ones dies as poison, and the good ones complete in their first attempt`()
        throws
    {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        var good: [String] = []
        for _ in 0..<50 { good.append(try sandbox.run("enqueue", "crash", #"{"party":51}"#).text) }
        let bad = try sandbox.run("enqueue", "crash", #"{"party":51,"how":"killed","always":true}"#).text
        var deaths = 0
        while deaths < 20 {
            let run = try sandbox.run("work", "-c", "51", "--until-empty", "--idle-timeout", "60s", "--log-level", "error")
            guard run.status == 128 + SIGKILL else {
                #expect(run.status == 0, "\(run.err.suffix(2000))")
                break
            }
            deaths += 1
        }
        // Three make it a suspect, and three times it dies alone.
        #expect(deaths == 6)
        let jobs = try sandbox.run("jobs", "--limit", "0", "--json").objects()
        for job in jobs {
            let isBad = job["id"] as? String == bad
            #expect(job["state"] as? String == (isBad ? "dead" : "completed"), "\(job)")
            #expect(job["attempt"] as? Int == (isBad ? 0 : 1), "\(job)")
            #expect(job["crashes"] as? Int == (isBad ? 3 : 0), "\(job)")
            #expect(job["suspect"] as? Bool == false, "\(job)")
        }
        #expect(jobs.count == 51)
        #expect(try outcomes(sandbox, bad) == Array(repeating: "interrupted", count: 3) + Array(repeating: "crashed", count: 3))
        #expect(try sandbox.run("show", bad).text.contains("poison"))
    }

    /// Every way to crash in a handler and in a child task, some in bound blocks; `Scripts/measure-crash` does all of them 20 times.
    private static let crashes =
        kinds.flatMap { [($0, "handler"), ($0, "child")] } + ["overflow", "abort", "stack"].map { ($0, "bound") }

    @Test(arguments: crashes)
    func `of 64 jobs in flight exactly the one that crashes is convicted, and the others complete in their first attempt`(
        kind: String, place: String
    ) throws {
        let (sandbox, culprit) = try room(kind, place)
        #expect(try crash(sandbox).status == 128 + CrashTests.signals[kind, default: CrashTests.trap])
        _ = try finish(sandbox)
        let jobs = try sandbox.run("jobs", "--limit", "0", "--json").objects()
        #expect(jobs.count == CrashTests.party)
        for job in jobs {
            #expect(job["state"] as? String == "completed", "\(job)")
            #expect(job["attempt"] as? Int == 1, "\(job)")
            #expect(job["crashes"] as? Int == (job["id"] as? String == culprit ? 1 : 0), "\(job)")
        }
        #expect(try outcomes(sandbox, culprit) == ["crashed", "completed"])
        let neighbour = try #require(jobs.compactMap { $0["id"] as? String }.first { $0 != culprit })
        #expect(try outcomes(sandbox, neighbour) == ["interrupted", "completed"])
        // Both logs say so, visibly, and nothing is left behind.
        let lines = try sandbox.run("logs", "--json").objects()
        let marks = lines.filter { $0["stream"] as? String == "system" }
        #expect(marks.count == CrashTests.party)
        let mark = try #require(marks.first { $0["execution_id"] as? String == culprit + ".1" })
        #expect(mark["level"] as? String == "critical")
        let text = try #require(mark["message"] as? String)
        #expect(text.hasPrefix("crashed: SIG") && text.contains("in a handler of kind crash"), "\(text)")
        #expect(text.contains("stack overflow") == (kind == "stack"), "\(text)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.store + "/crash") == [])
    }

    @Test(arguments: ["overflow", "stack"], ["unbound", "outside"])
    func `a crash of nobody's code convicts nobody`(kind: String, place: String) throws {
        let (sandbox, culprit) = try room(kind, place)
        #expect(try crash(sandbox).status == 128 + CrashTests.signals[kind, default: CrashTests.trap])
        _ = try finish(sandbox)
        for job in try sandbox.run("jobs", "--limit", "0", "--json").objects() {
            #expect(job["state"] as? String == "completed" && job["attempt"] as? Int == 1 && job["crashes"] as? Int == 0, "\(job)")
        }
        #expect(try outcomes(sandbox, culprit) == ["interrupted", "completed"])
    }

    @Test func `a signal from outside convicts nobody, whoever's code it interrupts`() throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        let ids = try (0..<3).map { _ in try sandbox.run("enqueue", "crash", #"{"party":4}"#).text }
        let worker = try sandbox.start(["work"], environment: ["SWIFT_BACKTRACE": "enable=no"])
        #expect(
            try eventually {
                try sandbox.run("jobs", "--json").objects().allSatisfy { $0["state"] as? String == "running" }
            })
        worker.signal(SIGABRT)
        #expect(worker.waitForEnd().status == 128 + SIGABRT)
        let files = try FileManager.default.contentsOfDirectory(atPath: sandbox.store + "/crash")
        let record = try String(contentsOfFile: sandbox.store + "/crash/" + (try #require(files.first)), encoding: .utf8)
        #expect(record.hasSuffix("job=0 ordinal=0 end\n"), "\(record)")
        _ = try finish(sandbox)
        for id in ids { #expect(try outcomes(sandbox, id) == ["interrupted", "completed"]) }
    }

    @Test func `a signal from another thread of the process convicts nobody either`() throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        let id = try sandbox.run("enqueue", "crash", #"{"party":1,"how":"shot"}"#).text
        #expect(try crash(sandbox).status == 128 + SIGSEGV)
        _ = try finish(sandbox)
        #expect(try outcomes(sandbox, id) == ["interrupted", "completed"])
    }

    @Test(arguments: [("fatal_error", "Fatal error: as the job asked for"), ("assertion", "crash.c:7: Assertion `false' failed.")])
    func `what the code says on standard error when it crashes is still seen there`(kind: String, words: String) throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        _ = try sandbox.run("enqueue", "crash", #"{"party":1,"how":"\#(kind)"}"#)
        let died = try crash(sandbox)
        #expect(died.err.components(separatedBy: words).count == 2, "\(died.err)")
    }

    @Test func `a job that crashes every time dies of poison after three convictions, its attempts untouched`() throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        let culprit = try sandbox.run(
            "enqueue", "crash", #"{"party":1,"how":"index","always":true}"#, "--max-attempts", "1"
        ).text
        for _ in 0..<3 {
            let died = try sandbox.run("work", "--until-empty", environment: ["SWIFT_BACKTRACE": "enable=no"])
            #expect(died.status == 128 + CrashTests.trap)
        }
        let last = try finish(sandbox)
        #expect(last.err.contains("an execution took its worker down"), "\(last.err)")
        #expect(last.err.contains("outcome=crashed"), "\(last.err)")
        let job = try #require(try sandbox.run("show", culprit, "--json").objects().first)
        #expect(job["state"] as? String == "dead")
        #expect(job["reason"] as? String == "poison")
        #expect(job["attempt"] as? Int == 0)
        #expect(job["crashes"] as? Int == 3)
        #expect(try outcomes(sandbox, culprit) == ["crashed", "crashed", "crashed"])
    }

    @Test func `Swift's own backtrace still prints, once, and names the trap`() throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        let culprit = try sandbox.run("enqueue", "crash", #"{"party":1,"how":"overflow"}"#).text
        let died = try crash(sandbox, environment: ["SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no,timeout=60s"])
        #expect(died.status == 128 + CrashTests.trap)
        #expect(died.err.components(separatedBy: "Backtracing from").count == 2, "\(died.err.suffix(3000))")
        #expect(died.err.contains("arithmetic overflow"), "\(died.err.suffix(3000))")
        #expect(died.err.contains("Trap.spring() + "), "\(died.err.suffix(3000))")
        _ = try finish(sandbox)
        #expect(try outcomes(sandbox, culprit) == ["crashed", "completed"])
    }

    @Test(arguments: ["cut", "foreign", "directory", "unreadable"])
    func `a crash file that says nothing sensible convicts nobody, and the rescue goes on`(_ damage: String) throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        let culprit = try sandbox.run("enqueue", "crash", #"{"party":1,"how":"index"}"#).text
        #expect(try crash(sandbox).status == 128 + CrashTests.trap)
        let files = try FileManager.default.contentsOfDirectory(atPath: sandbox.store + "/crash")
        let file = sandbox.store + "/crash/" + (try #require(files.first))
        let record = try String(contentsOfFile: file, encoding: .utf8)
        switch damage {
        case "cut": try String(record.dropLast(5)).write(toFile: file, atomically: false, encoding: .utf8)
        case "foreign":
            let foreign = record.replacingOccurrences(of: "ordinal=1", with: "ordinal=7")
            try foreign.write(toFile: file, atomically: false, encoding: .utf8)
        case "directory":
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        default:
            // A link to itself cannot be opened, by root neither.
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: file)
        }
        let last = try finish(sandbox)
        #expect(try outcomes(sandbox, culprit) == ["interrupted", "completed"])
        if damage == "directory" || damage == "unreadable" { #expect(last.err.contains("nobody is convicted"), "\(last.err)") }
    }

    @Test func `a worker starts where it can make no crash file, and says so`() throws {
        let sandbox = try Sandbox(program: Sandbox.crashing)
        #expect(try sandbox.run("work", "--once").status == 0)
        let place = sandbox.store + "/crash"
        try FileManager.default.removeItem(atPath: place)
        try Data().write(to: URL(fileURLWithPath: place))
        let worker = try sandbox.run("work", "--once")
        #expect(worker.status == 0)
        #expect(worker.err.contains("a crash of this worker could not be told"), "\(worker.err)")
    }
}
