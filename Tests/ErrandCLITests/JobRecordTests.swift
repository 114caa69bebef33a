// A job's record: every member of every job comes back as it was, to the byte.

import Errand
import ErrandContext
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct JobRecordTests {
    private func read(_ job: ExportedJob) throws -> ExportedJob {
        let json = try JobRecord.json(job)
        #expect(!json.contains(UInt8(ascii: "\n")))
        return try JobRecordReader.job(try #require(JSONMembers(object: json[...])))
    }

    private func job(payload: [UInt8] = Array("{}".utf8)) -> ExportedJob {
        let time = Timestamp(microseconds: 1_767_225_600_123_456)
        return ExportedJob(id: JobID(rawValue: 1 << 40), job: NewJob(kind: "k", payload: payload), createdAt: time, state: .available)
    }

    @Test(arguments: [
        "{}", " {}", "{} ", "[1,\n 2]", "\t1", #""é \n \u0000""#, "1.50", #"{"a":{"a":[{}]}}"#, "null",
    ])
    func `a payload comes back byte by byte, whatever its spaces`(_ payload: String) throws {
        var job = job(payload: Array(payload.utf8))
        job.job.runAt = job.createdAt
        (job.state, job.finishedAt, job.result) = (.completed, job.createdAt, Array(payload.utf8))
        job.steps = [JobStep(name: "s", execution: ExecutionID(job.id, 1), result: Array(payload.utf8), recordedAt: job.createdAt)]
        #expect(try read(job) == job)
    }

    @Test func `what is sealed stays sealed, and says with which key`() throws {
        var job = job(payload: SealedBytes(keyID: "ab12cd34", content: [0, 10, 255]).bytes)
        job.job.runAt = job.createdAt
        job.result = job.job.payload
        job.job.fingerprints = [[1, 2, 3]]
        #expect(try read(job) == job)
        #expect(String(decoding: try JobRecord.json(job), as: UTF8.self).contains(#""payload_key":"ab12cd34""#))
    }

    @Test(arguments: 1...300)
    func `any job comes back as it was`(_ seed: Int) throws {
        var chance = SeededGenerator(seed: UInt64(seed))
        let job = RandomJob.make(&chance)
        #expect(try read(job) == job)
    }
}

/// Jobs with anything in them.
private enum RandomJob {
    static func make(_ chance: inout SeededGenerator) -> ExportedJob {
        let id = JobID(rawValue: Int64.random(in: 1..<(1 << 60), using: &chance))
        var input = NewJob(kind: "k", payload: Array("[\(Int.random(in: 0..<9, using: &chance))]".utf8))
        input.runAt = time(&chance)
        input.priority = Int.random(in: -100...100, using: &chance)
        input.maxAttempts = Int.random(in: 1...1000, using: &chance)
        input.timeout = maybe(&chance) { .microseconds(Int64.random(in: 1..<(1 << 40), using: &$0)) }
        input.key = maybe(&chance, text)
        input.label = maybe(&chance, text)
        input.meta = maybe(&chance) { [text(&$0): text(&$0), "b": text(&$0)] } ?? [:]
        input.trace =
            maybe(&chance) { _ in
                TraceContext(
                    traceID: String(repeating: "ab", count: 16), spanID: String(repeating: "cd", count: 8), isSampled: false,
                    traceState: "a=1",
                    baggage: "b=2")
            } ?? nil
        input.traceRelation = Bool.random(using: &chance) ? .link : .child
        input.parent = maybe(&chance) { ExecutionID(id, Int64.random(in: 1..<9, using: &$0)) }
        input.root = input.parent
        input.terms = terms(&chance)
        var job = ExportedJob(id: id, job: input, createdAt: time(&chance), state: JobState.allCases.randomElement(using: &chance)!)
        (job.attempts, job.crashes) = (Int.random(in: 0..<9, using: &chance), Int.random(in: 0..<3, using: &chance))
        job.startsAt = maybe(&chance, time)
        job.finishedAt = maybe(&chance, time)
        job.reason = maybe(&chance, text)
        job.uniqueUntil = maybe(&chance, time)
        (job.hasTurn, job.isSuspect) = (Bool.random(using: &chance), Bool.random(using: &chance))
        job.cancellation = maybe(&chance) { .init(requestedAt: time(&$0), reason: maybe(&$0, text)) }
        for ordinal in 1...Int64.random(in: 1...4, using: &chance) {
            job.executions.append(execution(ExecutionID(id, ordinal * 3), &chance))
        }
        job.ordinal = (job.executions.last?.execution.ordinal ?? 0) + Int64.random(in: 0...2, using: &chance)
        job.progress = maybe(&chance) { chance in
            JobProgress(
                execution: ExecutionID(id, 3), fraction: maybe(&chance) { Double.random(in: 0...1, using: &$0) },
                message: maybe(&chance, text), at: time(&chance))
        }
        job.steps = (0..<Int.random(in: 0...2, using: &chance)).map { number in
            JobStep(
                name: "\(number)\(text(&chance))", isCursor: Bool.random(using: &chance), execution: ExecutionID(id, 3),
                result: maybe(&chance) { _ in Array("{\n}".utf8) }, recordedAt: time(&chance))
        }
        return job
    }

    private static func terms(_ chance: inout SeededGenerator) -> JobTerms {
        var terms = JobTerms()
        terms.tags = maybe(&chance) { _ in ["a", "b:c"] } ?? []
        terms.limitKey = maybe(&chance, text)
        terms.sequence = maybe(&chance) { JobSequence(text(&$0), haltsOnDeath: Bool.random(using: &$0)) }
        terms.expiresAt = maybe(&chance, time)
        terms.deadline = maybe(&chance, time)
        terms.uniqueness = maybe(&chance) { chance in
            Uniqueness(
                key: text(&chance), scope: .queue, until: .started,
                onConflict: .debounce(delay: .milliseconds(3), maximumWait: maybe(&chance) { _ in .seconds(1) }),
                period: maybe(&chance) { _ in .seconds(5) })
        }
        return terms
    }

    private static func execution(_ id: ExecutionID, _ chance: inout SeededGenerator) -> ExecutionRecord {
        ExecutionRecord(
            execution: id, attempt: Int.random(in: 1..<9, using: &chance), worker: maybe(&chance) { WorkerID(using: &$0) },
            startedAt: time(&chance), finishedAt: maybe(&chance, time),
            outcome: maybe(&chance) { Outcome.allCases.randomElement(using: &$0)! },
            error: maybe(&chance) { chance in
                StoredError(type: text(&chance), message: text(&chance), code: maybe(&chance) { _ in -3 }, stack: maybe(&chance, text))
            })
    }

    private static func time(_ chance: inout SeededGenerator) -> Timestamp {
        Timestamp(microseconds: Int64.random(in: 0..<4_000_000_000_000_000, using: &chance))
    }

    private static func text(_ chance: inout SeededGenerator) -> String {
        let parts = ["a", "é", "\"", "\\", "\n", "\u{1B}", "\u{2028}", "👩‍👧", ",", " "]
        return (0...Int.random(in: 0...5, using: &chance)).map { _ in parts.randomElement(using: &chance)! }.joined()
    }

    private static func maybe<Value>(_ chance: inout SeededGenerator, _ make: (inout SeededGenerator) -> Value) -> Value? {
        Bool.random(using: &chance) ? make(&chance) : nil
    }
}
