// The store's seam with a note after each acknowledgement; or before it, which is what a broken store would amount to.

import Errand
import ErrandContext

/// Passes every call on and writes down what was acknowledged.
struct NotingStore: JobStore {
    var base: any JobStore
    /// Notes before the commit, not after it: the variant that every checker must catch.
    var isEarly = false
    var note: @Sendable (Ledger.Line) -> Void

    func enqueue(_ jobs: [NewJob]) async throws(JobStoreError) -> [EnqueueResult] {
        let lines = jobs.map { Ledger.Line.enqueued(key: $0.key ?? "") }
        if isEarly { lines.forEach(note) }
        let results = try await base.enqueue(jobs)
        if !isEarly { lines.forEach(note) }
        return results
    }

    func exchange(_ request: ExchangeRequest) async throws(JobStoreError) -> ExchangeReply {
        if isEarly { for report in request.reports { note(.accepted(report.execution, report.outcome)) } }
        let reply = try await base.exchange(request)
        for job in reply.claimed { note(.claimed(job.execution)) }
        for (report, result) in zip(request.reports, reply.results) {
            if result != .accepted {
                note(.refused(report.execution))
            } else if !isEarly {
                note(.accepted(report.execution, report.outcome))
            }
        }
        return reply
    }

    func join(_ worker: WorkerDescription) async throws(JobStoreError) -> WorkerID { try await base.join(worker) }
    func casualties(seenBy worker: WorkerID) async throws(JobStoreError) -> [Casualty] { try await base.casualties(seenBy: worker) }
    func condemn(_ casualty: Casualty) async throws(JobStoreError) -> Casualty? { try await base.condemn(casualty) }
    func rescue(_ request: RescueRequest) async throws(JobStoreError) -> [ExecutionID] { try await base.rescue(request) }
    func leave(_ worker: WorkerID) async throws(JobStoreError) { try await base.leave(worker) }
}
