// A stream of jobs: every one gets its result, in order, and one that is wrong stops no other.

import Errand
import ErrandTesting
import Testing

@Suite struct BulkEnqueueTests {
    struct Numbered: Job {
        static let kind = "numbered"
        var number: Int
    }

    private let model = ModelStore()
    private var queue: JobQueue { JobQueue(store: model.store, clock: model.clock) }

    private func stream<Element: Sendable>(_ elements: [Element]) -> AsyncStream<Element> {
        AsyncStream { continuation in
            for element in elements { continuation.yield(element) }
            continuation.finish()
        }
    }

    @Test func `every job of a stream is added, with a result for each in order`() async throws {
        var numbers: [Int] = []
        let counts = try await queue.enqueue(contentsOf: stream((0..<2500).map { Numbered(number: $0) })) { number, result in
            numbers.append(number)
            if case .success(.added) = result { return }
            Issue.record("job \(number): \(result)")
        }
        #expect(counts.added == 2500 && counts.existing == 0 && counts.refused == 0)
        #expect(numbers == Array(0..<2500))
    }

    @Test func `a job that is wrong or whose key is taken is refused alone`() async throws {
        var jobs = (0..<4).map { NewJob(kind: "numbered", payload: Array("\($0)".utf8)) }
        jobs[1].payload = Array("{".utf8)
        for index in [0, 2] { jobs[index].key = "same" }
        jobs.append(jobs[0])
        var results: [Int: Result<EnqueueResult, EnqueueError>] = [:]
        let counts = try await queue.enqueue(contentsOf: stream(jobs)) { results[$0] = $1 }
        #expect(counts.added == 2 && counts.existing == 1 && counts.refused == 2)
        guard case .failure(.invalid) = results[1], case .success(.conflict) = results[2], case .success(.existing) = results[4] else {
            Issue.record("\(results)")
            return
        }
    }

    @Test func `one key does not stand for a stream`() async {
        await #expect(throws: EnqueueError.self) {
            try await queue.enqueue(contentsOf: stream([Numbered(number: 1)]), options: EnqueueOptions { $0.key = "a" })
        }
    }
}
