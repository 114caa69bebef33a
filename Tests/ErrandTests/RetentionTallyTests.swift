// Who goes, of finished jobs that come by newest first.

import Errand
import ErrandContext
import Testing

@Suite struct RetentionTallyTests {
    private static let now = Timestamp(microseconds: 1_000_000_000_000)

    private func job(_ kind: String = "k", state: JobState = .completed, age: Duration = .zero, payload: Int = 10, result: Int = 0)
        -> FinishedJob
    {
        FinishedJob(
            queue: "q", kind: kind, state: state, finishedAt: Self.now + (.zero - age), payloadBytes: payload, resultBytes: result)
    }

    private func fates(_ policy: RetentionPolicy, _ jobs: [FinishedJob]) -> [RetentionTally.Fate] {
        var tally = RetentionTally(policy, now: Self.now)
        return jobs.map { tally.judge($0) }
    }

    private let stays = RetentionTally.Fate.stays(withoutResult: false, withoutLogs: false)

    @Test func `of the rules that mean a job, the first that says something decides it`() {
        var policy = RetentionPolicy()
        policy.rules = [
            RetentionRule { ($0.kind, $0.results) = ("k", .seconds(1)) },
            RetentionRule { ($0.kind, $0.age, $0.logs) = ("k", .seconds(10), .seconds(5)) },
            RetentionRule { $0.age = .seconds(60) },
        ]
        #expect(fates(policy, [job(age: .seconds(11))]) == [.goes])
        #expect(fates(policy, [job("other", age: .seconds(11))]) == [stays])
        #expect(fates(policy, [job("other", age: .seconds(61))]) == [.goes])
        #expect(fates(policy, [job(age: .seconds(2), result: 3)]) == [.stays(withoutResult: true, withoutLogs: false)])
        #expect(fates(policy, [job(age: .seconds(6))]) == [.stays(withoutResult: false, withoutLogs: true)])
    }

    @Test func `counts and bytes keep the newest, and once one did not fit no older one does`() {
        var policy = RetentionPolicy()
        policy.finishedBytes = 100
        #expect(fates(policy, [job(payload: 60), job(payload: 50), job(payload: 1)]) == [stays, .goes, .goes])
        policy.finishedBytes = nil
        policy.finishedJobs = 1
        policy.rules = [RetentionRule { ($0.kind, $0.jobs) = ("few", 0) }]
        #expect(fates(policy, [job("few"), job(), job()]) == [.goes, stays, .goes])
    }

    @Test func `what goes by age is not counted, and a result that goes is not weighed`() {
        var policy = RetentionPolicy()
        (policy.finishedJobs, policy.finishedBytes, policy.results) = (1, 20, .seconds(1))
        let seen = fates(policy, [job(age: .seconds(2 * 86_400)), job(age: .seconds(2), result: 1000), job()])
        #expect(seen == [.goes, .stays(withoutResult: true, withoutLogs: false), .goes])
    }

    @Test func `only rules, results and bytes that may be too many make retention look inside`() {
        #expect(!RetentionPolicy().looksInside(storeBytes: 1 << 30))
        #expect(RetentionPolicy().looksInside(storeBytes: 5 << 30))
        var policy = RetentionPolicy()
        policy.finishedBytes = nil
        #expect(!policy.looksInside(storeBytes: .max))
        policy.rules = [RetentionRule()]
        #expect(policy.looksInside(storeBytes: 0))
    }
}
