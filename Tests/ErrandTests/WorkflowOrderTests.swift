// The order of jobs that wait for each other by name.

import Errand
import Testing

struct WorkflowOrderTests {
    private func places(_ jobs: [(String, [String])]) throws(WorkflowOrder.Problem) -> [Int] {
        try WorkflowOrder.places(jobs.map { (name: $0.0, after: $0.1) })
    }

    @Test func `each job comes behind all that it waits for, whatever the order in which they were written`() throws {
        #expect(try places([("c", ["a", "b"]), ("b", ["a"]), ("a", [])]) == [2, 1, 0])
        #expect(try places([("a", []), ("b", []), ("c", ["b"])]) == [0, 1, 2])
        #expect(try places([]) == [])
    }

    @Test func `a circle is named from one job around to the same one`() throws {
        #expect(throws: WorkflowOrder.Problem.circle(["b", "c", "b"])) {
            try places([("a", []), ("b", ["a", "c"]), ("c", ["b"]), ("d", ["c"])])
        }
        #expect(throws: WorkflowOrder.Problem.circle(["a", "a"])) { try places([("a", ["a"])]) }
        #expect(
            WorkflowOrder.Problem.circle(["b", "c", "b"]).description
                == "the jobs wait for each other in a circle, \"b\" after \"c\" after \"b\": let one of them wait for less")
    }

    @Test func `a name that is missing, or there twice, is told`() {
        #expect(throws: WorkflowOrder.Problem.unknown("a", missing: "x")) { try places([("a", ["x"])]) }
        #expect(throws: WorkflowOrder.Problem.twice("a")) { try places([("a", []), ("a", [])]) }
    }

    @Test func `random graphs come out in order, and a thousand jobs in a chain do`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            let jobs = (0..<100).map { index in
                (
                    name: "j\(index)",
                    after: (0..<index).filter { _ in Int.random(in: 0..<20, using: &generator) == 0 }.map { "j\($0)" }
                )
            }.shuffled(using: &generator)
            let order = try WorkflowOrder.places(jobs)
            #expect(order.sorted() == Array(0..<100))
            var seen: Set<String> = []
            for place in order {
                #expect(jobs[place].after.allSatisfy(seen.contains))
                seen.insert(jobs[place].name)
            }
        }
        let chain = (0..<1000).map { (name: "j\($0)", after: $0 == 999 ? [] : ["j\($0 + 1)"]) }
        #expect(try WorkflowOrder.places(chain) == Array((0..<1000).reversed()))
    }
}
