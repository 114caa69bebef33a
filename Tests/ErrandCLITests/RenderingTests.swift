// What people and scripts read, letter by letter.

import Errand
import Testing

@testable import ErrandCLI

@Suite struct RenderingTests {
    private static let now = Timestamp("2026-11-22T18:42:52Z")!
    private static let id = JobID(rawValue: 0x0123_4567_89AB_CDEF)

    private static func summary(_ change: (inout JobSummary) -> Void = { _ in }) -> JobSummary {
        var job = JobSummary(
            id: id, key: nil, kind: "mail", queue: "default", state: .completed, priority: 0, attempt: 1, maxAttempts: 5, crashes: 0,
            createdAt: now + .seconds(-125), runAt: now + .seconds(-125), finishedAt: now + .seconds(-60), reason: nil, meta: [:],
            label: nil)
        change(&job)
        return job
    }

    @Test func `a job in JSON has every field in snake case, times in UTC, and its ID as text`() {
        let job = RenderingTests.summary { job in
            job.key = "a\"b"
            job.meta = ["z": "1", "a": "é"]
            job.label = "two\nlines"
        }
        #expect(
            String(decoding: JobJSON.summary(job), as: UTF8.self)
                == #"{"v":1,"id":"\#(RenderingTests.id)","key":"a\"b","kind":"mail","queue":"default","state":"completed","priority":0,"#
                + #""attempt":1,"max_attempts":5,"crashes":0,"suspect":false,"stuck_at":null,"created_at":"2026-11-22T18:40:47.000000Z","run_at":"2026-11-22T18:40:47.000000Z","#
                + #""finished_at":"2026-11-22T18:41:52.000000Z","meta":{"a":"é","z":"1"},"tags":[],"label":"two\nlines","name":null,"workflow":null}"#
        )
    }

    @Test func `payload and result stay byte by byte in the JSON of a job`() {
        let payload = #"{"b":123456789012345678901234567890,  "a":1.10}"#
        let record = ExecutionRecord(
            execution: ExecutionID(RenderingTests.id, 3), attempt: 1, worker: WorkerID(rawValue: 1), startedAt: RenderingTests.now,
            finishedAt: nil, outcome: nil, error: nil)
        let detail = JobDetail(
            summary: RenderingTests.summary(), payload: Array(payload.utf8), result: Array("[1e5]".utf8),
            error: StoredError(type: "Oops", message: "no", code: 3), timeout: .seconds(90), parent: nil, root: nil, trace: nil,
            cancelRequestedAt: nil, executions: [record])
        let text = String(decoding: JobJSON.detail(detail), as: UTF8.self)
        #expect(
            text.hasSuffix(
                #""label":null,"name":null,"workflow":null,"reason":null,"expires_at":null,"deadline":null,"limit_key":null,"sequence":null,"unique":null,"timeout_ms":90000,"parent_execution_id":null,"root_execution_id":null,"trace_parent":null,"#
                    + #""cancel_requested_at":null,"progress":null,"payload":\#(payload),"result":[1e5],"error":{"type":"Oops","message":"no","code":3},"#
                    + #""executions":[{"execution_id":"\#(RenderingTests.id).3","ordinal":3,"attempt":1,"worker":"00000001","#
                    + #""started_at":"2026-11-22T18:42:52.000000Z","finished_at":null,"outcome":null,"error":null}],"steps":[],"after":[]}"#
            ))
    }

    @Test func `a table fits its terminal, and the free text gives way`() {
        let jobs = [
            RenderingTests.summary { $0.label = "a label that is rather long for such a narrow terminal" },
            RenderingTests.summary {
                $0.state = .scheduled
                $0.runAt = RenderingTests.now + .seconds(7800)
                $0.finishedAt = nil
                $0.label = "日本語 \u{1B}[31m"
            },
        ]
        let table = JobTable(style: TextStyle(), now: RenderingTests.now)
        #expect(
            table.terminal(jobs, columns: 100)
                == [
                    "ID             STATE      KIND  QUEUE    ATTEMPT  CREATED    WHEN              LABEL",
                    "\(RenderingTests.id)  completed  mail  default  1/5      2m 5s ago  ended 1m ago      a label that is rath…",
                    "\(RenderingTests.id)  scheduled  mail  default  1/5      2m 5s ago  starts in 2h 10m  日本語 \\x1b[31m",
                ])
        #expect(table.terminal(jobs, columns: 100).allSatisfy { TerminalText.width(of: $0) <= 100 })
    }

    @Test func `a piped list has one job a line, tab-separated, nothing cut`() {
        let job = RenderingTests.summary { $0.label = "tab\there" }
        let table = JobTable(style: TextStyle(), now: RenderingTests.now)
        #expect(
            table.plain(job)
                == "\(RenderingTests.id)\tcompleted\tmail\tdefault\t1/5\t2026-11-22T18:40:47.000000Z\t2026-11-22T18:40:47.000000Z\t2026-11-22T18:41:52.000000Z\ttab\\there"
        )
    }

    @Test func `one job in full says what happened and what to type next`() {
        var job = RenderingTests.summary {
            $0.state = .dead
            $0.reason = "max_attempts"
            $0.meta = ["user": "ada"]
        }
        job.attempt = 5
        let record = ExecutionRecord(
            execution: ExecutionID(RenderingTests.id, 5), attempt: 5, worker: WorkerID(rawValue: 1),
            startedAt: RenderingTests.now + .seconds(-61),
            finishedAt: RenderingTests.now + .seconds(-60), outcome: .failed,
            error: StoredError(type: "Oops", message: "first\nsecond \u{1B}[2J"))
        let detail = JobDetail(
            summary: job, payload: Array(#"{"a":1}"#.utf8), result: nil, error: record.error, timeout: nil, parent: nil, root: nil,
            trace: nil,
            cancelRequestedAt: nil, executions: [record])
        let lines = JobText(style: TextStyle(isUTC: true), now: RenderingTests.now).lines(detail, coverage: WorkerCoverage(workers: []))
        #expect(
            lines == [
                "job       \(RenderingTests.id)  dead",
                "kind      mail",
                "queue     default, priority 0",
                "meta      user=ada",
                "attempts  5 of 5",
                "created   2026-11-22 18:40:47Z (2m 5s ago)",
                "was due   2026-11-22 18:40:47Z (2m 5s ago)",
                "ended     2026-11-22 18:41:52Z (1m ago)",
                "reason    max_attempts",
                "payload   {\"a\":1}",
                "",
                "executions",
                "  \(RenderingTests.id).5  attempt 5  failed  2026-11-22 18:41:51Z, took 1.0s on worker 00000001: Oops: first\n          second \\x1b[2J",
                "",
                "error     Oops: first\n          second \\x1b[2J",
                "",
                "next: `errand logs \(RenderingTests.id).5`, then `errand retry \(RenderingTests.id)`",
            ])
    }

    @Test(arguments: [
        ("plain ünïcode 日本", "plain ünïcode 日本"), ("\u{1B}]0;title\u{07}", "\\x1b]0;title\\x07"), ("a\u{9B}31mb", "a\\x9b31mb"),
        ("abc\u{202E}fed", "abc\\u202efed"), ("x\u{2066}y\u{2069}", "x\\u2066y\\u2069"), ("one\rtwo\ttabs\0", "one\\rtwo\\ttabs\\x00"),
        ("line\u{2028}separator\u{7F}", "line\\u2028separator\\x7f"),
    ])
    func `what could move a terminal's cursor or reorder text is shown as an escape`(text: String, shown: String) {
        #expect(TerminalText.escaped(text) == shown)
    }

    @Test func `a log line shows its level, metadata and flags, and cannot pretend to be another`() throws {
        let execution = ExecutionID(RenderingTests.id, 1)
        let chunk = World.chunk(
            execution, ["hello\n06fake.1 [error] forged\u{1B}[2J"], at: RenderingTests.now, level: "warning", stream: "log",
            flags: "\"after_end\"", metadata: #"{"user":"ada","note":"two words","n":12345678901234567890}"#)
        let record = try #require(LogFraming.records(in: chunk).first)
        var text = LogText(style: TextStyle(isUTC: true), hasPrefix: true, hasTimestamps: true)
        #expect(
            text.lines(record, in: chunk) == [
                "\(execution) 2026-11-22 18:42:52.000Z [warning] hello",
                "\(execution) 2026-11-22 18:42:52.000Z     06fake.1 [error] forged\\x1b[2J user=ada note=\"two words\" n=12345678901234567890 {after_end}",
            ])
        text = LogText(style: TextStyle(isColored: true), isRaw: true)
        #expect(text.lines(record, in: chunk)[0].contains("forged\u{1B}[2J"))
    }

    @Test func `an execution has the same colour in every process`() {
        let style = TextStyle(isColored: true)
        #expect(style.stable("06h3k9x8q4p2a.3") == style.stable("06h3k9x8q4p2a.3"))
        #expect(Set((1...30).map { style.stable("06h3k9x8q4p2a.\($0)").prefix(5) }).count > 2)
        #expect(TextStyle().stable("a.1") == "a.1")
    }

    @Test func `statistics name what waits without a worker`() {
        let stats = StoreStats(
            counts: [
                .init(queue: "default", kind: "mail", state: .available, jobs: 2),
                .init(queue: "default", kind: "orphan-kind", state: .available, jobs: 1),
            ],
            workers: [
                .init(
                    id: WorkerID(rawValue: 1),
                    description: WorkerDescription(
                        kinds: ["mail"], queues: ["default": 4], concurrency: 4, host: "here", pid: 7, version: "0.1.0",
                        startedAt: RenderingTests.now + .seconds(-60), lease: .seconds(30)), running: 1)
            ],
            oldestAvailable: [.init(queue: "default", kind: "mail", since: RenderingTests.now + .seconds(-5))],
            lastHour: [.init(queue: "default", kind: "mail", outcome: .completed, executions: 4, runTime: .seconds(2))])
        var flags = LogFlagCounts()
        flags[.crossed] = 3
        #expect(
            StatsText(style: TextStyle(), now: RenderingTests.now).lines(stats, flags) == [
                "QUEUE    KIND         STATE      JOBS",
                "default  mail         available  2     oldest due 5.0s ago",
                "default  orphan-kind  available  1",
                "",
                "WORKER    RUNNING  QUEUES     KINDS  HOST",
                "00000001  1/4      default:4  mail   here pid 7  up 1m",
                "",
                "last hour",
                "default  mail  completed  4  mean 500ms",
                "",
                "log lines with flags",
                "crossed  3  `errand logs --flag crossed`",
                "",
                "1 of default/orphan-kind wait: no live worker of the queue \"default\" handles the kind \"orphan-kind\": register it in errand.yaml or in your own worker",
            ])
        var waits = TimeHistogram(queue: "default", kind: "mail", what: .wait)
        waits.add(.milliseconds(3))
        let sizes = StoreSizes(metrics: StoreMetrics(times: [waits], outcomes: [], files: ["queue.db": 4096]), logBytes: 2048)
        let lines = StatsText(style: TextStyle(), now: RenderingTests.now).lines(stats, flags, sizes)
        #expect(lines.contains("default  mail  wait  3ms  4ms  4ms"), "\(lines)")
        #expect(lines.contains("queue.db   4.0 KiB") && lines.contains("log lines  2.0 KiB"), "\(lines)")
        #expect(
            String(decoding: StatsJSON.object(stats, flags), as: UTF8.self).hasSuffix(
                #""log_flags":{"after_end":0,"crossed":3,"ambient_lost":0,"unattributed":0,"truncated":0,"dropped":0},"without_worker":[{"queue":"default","kind":"orphan-kind","jobs":1}]}"#
            ))
    }
}
