// Enqueueing a stream of jobs: commits of a bounded size, a result for each job, constant memory.

import FoundationEssentials

/// What became of a stream of jobs.
public struct BulkCounts: Sendable, Hashable {
    /// New jobs.
    public var added = 0
    /// Jobs that an earlier enqueue with the same key, kind and payload had made.
    public var existing = 0
    /// Jobs that took the place of one with their unique key.
    public var replaced = 0
    /// Jobs that were not added: invalid ones, and those whose key belongs to another job.
    public var refused = 0

    /// Nothing yet.
    public init() {}

    /// Jobs that are in the store now, whichever way.
    package var taken: Int { added + existing + replaced }

    /// Counts the result of one job.
    package mutating func count(_ result: Result<EnqueueResult, EnqueueError>) {
        switch result {
        case .success(.added): added += 1
        case .success(.replaced), .success(.debounced): replaced += 1
        case .success(.existing): existing += 1
        case .success(.conflict), .success(.unique), .failure: refused += 1
        }
    }
}

extension JobQueue {
    /// Adds jobs as they come, up to 1,000 or 4 MiB of payload in one commit, and returns when all are durable. Needs the memory of one
    /// commit, however many jobs there are; the sequence is asked for more only once those before are taken in. A job that cannot be
    /// added does not keep others from it.
    ///
    /// Jobs with keys make the call resumable: after an error, run it again over the same jobs.
    /// - Parameters:
    ///   - jobs: The jobs.
    ///   - onResult: Called for each job, in order, with its number (from 0) and what became of it, after the commit that holds it.
    /// - Throws: ``EnqueueError/store(_:)`` when the store took no more (what `onResult` was told about is durable), and what `jobs` and
    ///   `onResult` throw.
    @discardableResult
    public func enqueue<Jobs: AsyncSequence>(
        contentsOf jobs: Jobs, onResult: (Int, Result<EnqueueResult, EnqueueError>) async throws -> Void = { _, _ in }
    ) async throws -> BulkCounts where Jobs.Element == NewJob {
        var counts = BulkCounts()
        var bulk = BulkIntake(queue: self)
        var number = 0
        func tell(_ results: [BulkIntake.Outcome]) async throws {
            for (number, result) in results {
                counts.count(result)
                try await onResult(number, result)
            }
        }
        for try await job in jobs {
            try await tell(try await bulk.add(job, number: number))
            number += 1
        }
        try await tell(try await bulk.finish())
        return counts
    }

    /// Adds jobs of one type as they come, each with `options`, which may hold no key; all else as for prepared jobs.
    /// - Throws: As for prepared jobs, and ``EnqueueError/invalid(reason:)`` for options with a key, and a job that cannot be encoded.
    @discardableResult
    public func enqueue<Jobs: AsyncSequence>(
        contentsOf jobs: Jobs, options: EnqueueOptions = EnqueueOptions(),
        onResult: (Int, Result<EnqueueResult, EnqueueError>) async throws -> Void = { _, _ in }
    ) async throws -> BulkCounts where Jobs.Element: Job {
        guard options.key == nil else {
            throw EnqueueError.invalid(reason: "one idempotency key cannot stand for many jobs: make each a NewJob with its own")
        }
        let encoder = JSONEncoder()
        return try await enqueue(
            contentsOf: jobs.map { [self] job in try newJob(job, options: options, encoder: encoder) }, onResult: onResult)
    }
}

/// Gathers jobs into commits.
package struct BulkIntake {
    /// One job's number and what became of it.
    package typealias Outcome = (number: Int, result: Result<EnqueueResult, EnqueueError>)

    /// As many jobs share a commit: enough that its fsync hardly counts, few enough that others get their turn.
    package static let jobsPerCommit = 1000
    /// As many bytes of payload share a commit.
    package static let bytesPerCommit = 4 << 20

    private let queue: JobQueue
    private var jobs: [NewJob] = []
    private var numbers: [Int] = []
    private var refused: [Outcome] = []
    private var bytes = 0

    /// Gathers for `queue`.
    package init(queue: JobQueue) { self.queue = queue }

    /// Takes one more job; when a commit was due, what became of all jobs since the last one, in the order of their numbers.
    /// - Throws: ``EnqueueError``: nothing of what was gathered has been added.
    package mutating func add(_ job: NewJob, number: Int) async throws(EnqueueError) -> [Outcome] {
        if let problem = JobRules.problem(with: job) {
            refused.append((number, .failure(.invalid(reason: problem))))
        } else {
            jobs.append(job)
            numbers.append(number)
            bytes += job.payload.count
        }
        let isDue = jobs.count + refused.count >= BulkIntake.jobsPerCommit || bytes >= BulkIntake.bytesPerCommit
        return isDue ? try await finish() : []
    }

    /// Commits what is gathered.
    /// - Throws: ``EnqueueError``: nothing of it has been added.
    package mutating func finish() async throws(EnqueueError) -> [Outcome] {
        let outcomes: [Outcome]
        do throws(EnqueueError) {
            outcomes = zip(numbers, try await enqueue(jobs)).map { ($0, .success($1)) } + refused
        } catch {
            // What the store refuses is one job's fault, which keeps others from nothing.
            guard case .store(.refused) = error else { throw error }
            outcomes = try await enqueueApart() + refused
        }
        jobs.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        (refused, bytes) = ([], 0)
        return outcomes.sorted { $0.0 < $1.0 }
    }

    private func enqueue(_ jobs: [NewJob]) async throws(EnqueueError) -> [EnqueueResult] {
        // Validated one by one before; a middleware may have changed them.
        if queue.middleware.isEmpty { try await queue.add(jobs) } else { try await queue.enqueue(jobs) }
    }

    /// Halves what is gathered until those are alone that the store refuses; each half that it takes is a commit.
    /// - Throws: ``EnqueueError`` when the store takes no more; what was taken by then is told as such when it is added again, where the jobs
    ///   have keys.
    private func enqueueApart() async throws(EnqueueError) -> [Outcome] {
        var outcomes: [Outcome] = []
        var open = [0..<jobs.count]
        while let part = open.popLast() {
            do throws(EnqueueError) {
                let results = try await enqueue(Array(jobs[part]))
                for (place, result) in zip(part, results) { outcomes.append((numbers[place], .success(result))) }
            } catch {
                guard case .store(.refused) = error else { throw error }
                if part.count == 1 {
                    outcomes.append((numbers[part.lowerBound], .failure(error)))
                } else {
                    let middle = part.lowerBound + part.count / 2
                    open += [middle..<part.upperBound, part.lowerBound..<middle]
                }
            }
        }
        return outcomes
    }
}
