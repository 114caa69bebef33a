// Waiting for what a job returns: woken by the doorbell, not by asking again and again.

import FoundationEssentials

extension JobQueue {
    /// What the job's handler returned, once it has: waits through retries, snoozes and restarts of workers, as long as the job lives.
    ///
    /// ```swift
    /// let id = try await queue.enqueue(Resize(photo: "a.jpg"))
    /// let size = try await queue.result(of: id, as: Size.self, timeout: .seconds(60))
    /// ```
    /// Works in any process that has the store open. A handler must not wait for a job that needs its own slot. The result is there as long
    /// as the job is (``RetentionPolicy/completed``).
    /// - Parameters:
    ///   - type: What the handler returns; an optional also takes a job without a result.
    ///   - timeout: How long to wait; `nil`, the default, is as long as it takes.
    /// - Throws: ``JobResultError``; `CancellationError` when the task is cancelled.
    public func result<Value: Decodable>(of job: JobID, as type: Value.Type = Value.self, timeout: Duration? = nil) async throws -> Value {
        let bytes = try await resultBytes(of: job, timeout: timeout)
        do {
            return try JSONDecoder().decode(Value.self, from: Data(bytes ?? Array("null".utf8)))
        } catch {
            throw bytes == nil ? JobResultError.noResult(job) : .notDecodable(job, reason: "\(error)")
        }
    }

    /// What the job's handler returned, as the JSON that is stored; `nil` when it returned nothing. Waits like
    /// ``result(of:as:timeout:)``.
    /// - Throws: ``JobResultError``; `CancellationError` when the task is cancelled.
    public func resultBytes(of job: JobID, timeout: Duration? = nil) async throws -> [UInt8]? {
        let attention = Attention(to: [.outcome], on: store.doorbell, clock: clock)
        defer { attention.stop() }
        let deadline = timeout.map { clock.uptime() + $0 }
        while true {
            try Task.checkCancellation()
            if let ended = try await endedJob(job) { return try result(in: ended) }
            let remaining = deadline.map { $0 - clock.uptime() } ?? Attention.safetyLook
            guard remaining > .zero else { throw JobResultError.timedOut(job, after: timeout ?? .zero) }
            await attention.wait(atMost: min(remaining, Attention.safetyLook))
        }
    }

    /// The job, if it has ended.
    private func endedJob(_ id: JobID) async throws(JobResultError) -> JobDetail? {
        let found: JobDetail?
        do throws(JobStoreError) {
            // Its state alone first: a payload may be large, and most looks find a job that goes on.
            if let state = try await store.inspection.states(of: [id])[0], !state.isFinal { return nil }
            found = try await store.inspection.job(id)
        } catch {
            throw .store(error)
        }
        guard let job = found else { throw .notFound(id) }
        // An operator may have made it run again in between.
        return job.summary.state.isFinal ? job : nil
    }

    private func result(in job: JobDetail) throws(JobResultError) -> [UInt8]? {
        let id = job.summary.id
        switch job.summary.state {
        case .dead: throw .dead(id, reason: job.summary.reason, job.error)
        case .cancelled: throw .cancelled(id, reason: job.summary.reason)
        default: break
        }
        if let sealed = job.result.flatMap({ SealedBytes($0) }) { throw .sealed(id, keyID: sealed.keyID) }
        return job.result
    }
}
