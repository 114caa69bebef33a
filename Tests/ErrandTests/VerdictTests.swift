// What becomes of an execution: every way to end, by every cause, at the first and at the last attempt.

import Errand
import ErrandContext
import Testing

struct VerdictTests {
    private struct Oops: Error, CustomStringConvertible { var description: String { "oops" } }

    private static let now = Timestamp(microseconds: 1_000_000)
    private static let retryAt = now + .seconds(7)
    private static let timeout = Duration.seconds(5)

    private func verdict(
        _ ending: Result<[UInt8]?, any Error>, cause: CancelCause? = nil, attempt: Int = 1, maxAttempts: Int = 3
    ) -> Verdict {
        Verdict(ending: ending, cause: cause, attempt: attempt, maxAttempts: maxAttempts, now: Self.now) { .seconds(7) }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var ending: String
        var cause: CancelCause?
        var outcome: Outcome
        var next: NextStep
        var nextAtLast: NextStep?
        var errorType: String?

        var testDescription: String { "\(ending), \(cause.map { "\($0)" } ?? "by itself")" }
    }

    private static let causes: [CancelCause] = [.requested(reason: "r"), .timedOut(after: timeout), .deadline, .shutdown, .leaseLost]
    private static let buried = NextStep.bury(reason: "max_attempts")

    private static let table: [Row] =
        ([nil] + causes.map { Optional($0) }).map { Row(ending: "returns", cause: $0, outcome: .completed, next: .complete) }
        + ["throws", "snoozes"].flatMap { ending in
            [
                Row(ending: ending, cause: .requested(reason: "r"), outcome: .cancelled, next: .cancel(reason: "r")),
                Row(ending: ending, cause: .shutdown, outcome: .interrupted, next: .giveBack),
                Row(ending: ending, cause: .leaseLost, outcome: .lost, next: .giveBack),
                Row(
                    ending: ending, cause: .timedOut(after: timeout), outcome: .timedOut, next: .wait(until: retryAt), nextAtLast: buried,
                    errorType: "TimedOut"),
                Row(
                    ending: ending, cause: .deadline, outcome: .timedOut, next: .bury(reason: "deadline"),
                    nextAtLast: .bury(reason: "deadline"),
                    errorType: "DeadlineReached"),
            ]
        } + [
            Row(ending: "throws", outcome: .failed, next: .wait(until: retryAt), nextAtLast: buried, errorType: "Oops"),
            Row(ending: "snoozes", outcome: .snoozed, next: .wait(until: now + .seconds(60))),
        ]

    @Test(arguments: table)
    func `every ending has one outcome and one next step`(row: Row) {
        let ending: Result<[UInt8]?, any Error> =
            switch row.ending {
            case "returns": .success(Array("1".utf8))
            case "throws": .failure(Oops())
            default: .failure(Snooze(for: .seconds(60)))
            }
        for (attempt, next) in [(1, row.next), (2, row.next), (3, row.nextAtLast ?? row.next), (4, row.nextAtLast ?? row.next)] {
            let verdict = verdict(ending, cause: row.cause, attempt: attempt)
            #expect(verdict.outcome == row.outcome)
            #expect(verdict.next == next)
            #expect(verdict.error?.type == row.errorType)
            #expect(verdict.result == (row.ending == "returns" ? Array("1".utf8) : nil))
        }
    }

    @Test(arguments: [
        (Limits.longestDuration, Limits.longestDuration), (Limits.longestDuration + .microseconds(1), Limits.longestDuration),
        (.seconds(Int64.max), Limits.longestDuration), (.seconds(-1), .zero),
    ])
    func `a snooze and a backoff last ten years at most, and end at once at least`(asked: Duration, waited: Duration) {
        #expect(verdict(.failure(Snooze(for: asked))).next == .wait(until: Self.now + waited))
        let failed = Verdict(ending: .failure(Oops()), cause: nil, attempt: 1, maxAttempts: 3, now: Self.now) { asked }
        #expect(failed.next == .wait(until: Self.now + waited))
    }

    @Test func `a result of exactly the limit is kept, one byte more fails the attempt`() {
        #expect(verdict(.success(Array(repeating: 0x31, count: Limits.resultBytes))).outcome == .completed)
        let tooLarge = verdict(.success(Array(repeating: 0x31, count: Limits.resultBytes + 1)))
        #expect(tooLarge.outcome == .failed)
        #expect(tooLarge.next == .wait(until: Self.retryAt))
        #expect(tooLarge.error?.type == "ResultTooLarge")
        #expect(tooLarge.result == nil)
    }

    @Test func `a backoff is asked for only when there is another attempt`() {
        for (attempt, isAsked) in [(1, true), (3, false)] {
            var asked = false
            _ = Verdict(ending: .failure(Oops()), cause: nil, attempt: attempt, maxAttempts: 3, now: Self.now) {
                asked = true
                return .zero
            }
            #expect(asked == isAsked)
        }
    }

    @Test func `snoozed, interrupted, crashed and lost executions are refunded, and no others`() {
        #expect(Outcome.allCases.filter(\.isRefunded) == [.snoozed, .interrupted, .crashed, .lost])
    }

    @Test func `the first cause stays`() {
        let signal = CancelSignal()
        #expect(signal.cause == nil)
        #expect(signal.note(.timedOut(after: .seconds(1))))
        #expect(!signal.note(.shutdown))
        #expect(signal.cause == .timedOut(after: .seconds(1)))
    }

    @Test func `an error's message is kept up to the limit, cut between characters`() {
        let whole = String(repeating: "€", count: Limits.errorMessageBytes / 3)
        #expect(StoredError(type: "T", message: whole).message == whole)
        for start in ["", "a", "aa"] {
            let long = StoredError(type: "T", message: start + String(repeating: "€", count: Limits.errorMessageBytes)).message
            #expect(long.utf8.count <= Limits.errorMessageBytes)
            #expect(!long.contains("\u{FFFD}"))
            #expect(long.utf8.count > Limits.errorMessageBytes - 3)
        }
    }

    @Test func `any error is stored with its type and text, and a stored one as it is`() {
        #expect(StoredError(Oops()) == StoredError(type: "Oops", message: "oops"))
        let stored = StoredError(type: "X", message: "y", code: 3, stack: "z")
        #expect(StoredError(stored) == stored)
        #expect("\(stored)" == "X: y")
    }

    @Test func `nothing runs again at the deadline or later`() {
        let failed = verdict(.failure(Oops()))
        #expect(failed.honouring(deadline: nil, at: Self.now) == failed)
        #expect(failed.honouring(deadline: Self.retryAt + .microseconds(1), at: Self.now) == failed)
        #expect(failed.honouring(deadline: Self.retryAt, at: Self.now).next == .bury(reason: "deadline"))
        let given = verdict(.failure(Oops()), cause: .shutdown)
        #expect(given.honouring(deadline: Self.now + .microseconds(1), at: Self.now) == given)
        #expect(given.honouring(deadline: Self.now, at: Self.now).next == .bury(reason: "deadline"))
        let completed = verdict(.success(nil))
        #expect(completed.honouring(deadline: Self.now + .seconds(-9), at: Self.now) == completed)
    }
}
