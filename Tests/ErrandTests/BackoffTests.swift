// How long a failed job waits: limits that double, and chance that is even.

import Errand
import ErrandTesting
import Testing

struct BackoffTests {
    @Test(arguments: [(1, 1), (2, 2), (3, 4), (10, 512), (12, 2048), (13, 3600), (64, 3600), (1000, 3600)])
    func `the limit doubles up to the maximum`(attempt: Int, seconds: Int) {
        #expect(Backoff().limit(after: attempt) == .seconds(seconds))
    }

    @Test func `a maximum below the base holds at once, and no product overflows`() {
        #expect(Backoff(base: .seconds(10), maximum: .seconds(3)).limit(after: 1) == .seconds(3))
        #expect(Backoff(base: .zero).limit(after: 1000) == .zero)
        let years = Duration.seconds(Int64(1) << 40)
        for attempt in 1...1000 { #expect(Backoff(base: years, maximum: years).limit(after: attempt) == years) }
        #expect(Backoff(base: .microseconds(1), maximum: .microseconds(Int64.max)).limit(after: 63) == .microseconds(1 << 62))
        #expect(Backoff(base: .microseconds(1), maximum: .microseconds(Int64.max)).limit(after: 64) == .microseconds(1 << 62))
    }

    @Test func `delays stay within zero and the limit, and every quarter gets its share`() {
        var generator = SeededGenerator(seed: 11)
        let backoff = Backoff(base: .seconds(1), maximum: .seconds(60))
        for attempt in [1, 4, 9] {
            let limit = backoff.limit(after: attempt)
            var quarters = [0, 0, 0, 0]
            for _ in 0..<8000 {
                let delay = backoff.delay(after: attempt, using: &generator)
                guard delay >= .zero, delay <= limit else {
                    Issue.record("attempt \(attempt): \(delay)")
                    return
                }
                quarters[min(Int(delay / limit * 4), 3)] += 1
            }
            // 2,000 each; five standard deviations are 194.
            #expect(quarters.allSatisfy { (1800...2200).contains($0) }, "attempt \(attempt): \(quarters)")
        }
    }

    @Test func `no delay at all is possible`() {
        var generator = SeededGenerator(seed: 1)
        #expect(Backoff(base: .zero).delay(after: 5, using: &generator) == .zero)
    }
}
