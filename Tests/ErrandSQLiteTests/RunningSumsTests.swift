// Sums by key, whatever order the keys come in.

import Testing

@testable import ErrandSQLite

struct RunningSumsTests {
    @Test func `sums are what a dictionary would have, in any order of the keys`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var sums = RunningSums<Int>()
            var expected: [Int: (count: Int64, amount: Int64)] = [:]
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let (key, amount) = (Int.random(in: 0...3, using: &random), Int64.random(in: -5...5, using: &random))
                sums.add(amount, to: key)
                expected[key, default: (0, 0)].count += 1
                expected[key, default: (0, 0)].amount += amount
            }
            #expect(Set(sums.all.keys) == Set(expected.keys))
            for (key, sum) in sums.all {
                #expect(sum.count == expected[key]?.count)
                #expect(sum.amount == expected[key]?.amount)
            }
        }
    }
}
