// What may be enqueued: each limit holds, and one past it is refused.

import Errand
import ErrandContext
import Testing

struct JobRulesTests {
    private func problem(_ change: (inout NewJob) -> Void) -> String? {
        var job = NewJob(kind: "greet", payload: Array("{}".utf8))
        change(&job)
        return JobRules.problem(with: job)
    }

    @Test func `a plain job is fine`() {
        #expect(problem { _ in } == nil)
    }

    @Test(arguments: ["a", "0", "a.b_c-d9", String(repeating: "x", count: 64), ".", "-"])
    func `a good name is fine`(name: String) {
        #expect(problem { $0.kind = name } == nil)
        #expect(problem { $0.queue = name } == nil)
    }

    @Test(arguments: ["", String(repeating: "x", count: 65), "A", "a b", "a/b", "é", "a\n", "a\0", "a:b", "ａ"])
    func `a bad name is refused`(name: String) throws {
        let kind = try #require(problem { $0.kind = name })
        #expect(kind.contains("is not a kind name: use 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"))
        let queue = try #require(problem { $0.queue = name })
        #expect(queue.contains("is not a queue name"))
    }

    @Test func `a payload of 1 MiB is fine, one byte more is not`() {
        func payload(_ bytes: Int) -> [UInt8] { Array("\"".utf8) + Array(repeating: 0x78, count: bytes - 2) + Array("\"".utf8) }
        #expect(problem { $0.payload = payload(Limits.payloadBytes) } == nil)
        #expect(problem { $0.payload = payload(Limits.payloadBytes + 1) }?.hasPrefix("the payload has 1048577 bytes") == true)
    }

    @Test func `a payload that is not JSON is refused with where`() {
        #expect(problem { $0.payload = Array("[1,]".utf8) } == "the payload is not valid JSON: a trailing comma at byte 3")
        #expect(problem { $0.payload = [] } == "the payload is not valid JSON: the JSON value ends too early at byte 0")
    }

    @Test(arguments: [(-101, false), (-100, true), (0, true), (100, true), (101, false), (Int.min, false), (Int.max, false)])
    func `priorities`(priority: Int, isFine: Bool) {
        #expect((problem { $0.priority = priority } == nil) == isFine)
    }

    @Test(arguments: [(0, false), (1, true), (1000, true), (1001, false), (-1, false)])
    func `attempts`(attempts: Int, isFine: Bool) {
        #expect((problem { $0.maxAttempts = attempts } == nil) == isFine)
    }

    @Test(arguments: [
        (Duration.zero, false), (.milliseconds(1), true), (.seconds(-1), false), (Limits.longestDuration, true),
        (Limits.longestDuration + .nanoseconds(1), false), (.seconds(Int64.max), false), (.seconds(Int64.min), false),
    ])
    func `timeouts`(timeout: Duration, isFine: Bool) {
        #expect((problem { $0.timeout = timeout } == nil) == isFine)
    }

    @Test(arguments: [
        (Int64(-1), false), (0, true), (253_402_300_799_999_999, true), (253_402_300_800_000_000, false), (.min, false), (.max, false),
    ])
    func `times`(microseconds: Int64, isFine: Bool) {
        #expect((problem { $0.runAt = Timestamp(microseconds: microseconds) } == nil) == isFine)
    }

    @Test func `keys and labels`() {
        for (limit, set) in [
            (Limits.keyBytes, { (job: inout NewJob, text: String) in job.key = text }),
            (Limits.labelBytes, { (job: inout NewJob, text: String) in job.label = text }),
            (Limits.uniqueKeyBytes, { (job: inout NewJob, text: String) in job.terms.uniqueness = Uniqueness(key: text) }),
        ] {
            #expect(problem { set(&$0, "x") } == nil)
            #expect(problem { set(&$0, String(repeating: "x", count: limit)) } == nil)
            #expect(problem { set(&$0, String(repeating: "x", count: limit + 1)) } != nil)
            #expect(problem { set(&$0, String(repeating: "é", count: limit / 2 + 1)) } != nil)
            #expect(problem { set(&$0, "") } != nil)
            #expect(problem { set(&$0, "a\0b") } != nil)
        }
    }

    @Test func `meta holds 32 entries and 8 KiB and not one more`() {
        func entries(_ count: Int) -> [String: String] {
            (0..<count).reduce(into: [:]) { $0["k\($1)"] = "v" }
        }
        #expect(problem { $0.meta = entries(32) } == nil)
        #expect(problem { $0.meta = entries(33) } != nil)
        #expect(problem { $0.meta = ["k": String(repeating: "v", count: Limits.metaBytes - 1)] } == nil)
        #expect(problem { $0.meta = ["k": String(repeating: "v", count: Limits.metaBytes)] } != nil)
        #expect(problem { $0.meta = ["": "v"] } != nil)
        #expect(problem { $0.meta = ["k": ""] } == nil)
        #expect(problem { $0.meta = ["k\0": "v"] } != nil)
        #expect(problem { $0.meta = ["k": "\0"] } != nil)
    }
}
