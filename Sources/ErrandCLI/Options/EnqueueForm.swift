// What becomes of a payload on its way to a job: errand.yaml says what is usual for its kind, the command line what is wanted.

import Errand
import ErrandHandlers

/// The flags of a verb that enqueues over the configuration's defaults.
struct EnqueueForm {
    let settings: EnqueueSettings
    /// `nil` where a job starts by a schedule.
    let start: StartOptions?
    let sharing: SharingOptions
    let lifetime: LifetimeOptions
    let unique: UniqueOptions
    let durability: Durability?
    /// errand.yaml, if there is one.
    let file: ErrandConfiguration?
    let session: Session

    /// `job` with what does not depend on its payload.
    /// - Throws: ``Failure`` with status 2.
    func begun(_ job: NewJob) throws -> NewJob {
        var job = job
        let now = session.clock.now()
        file?.defaults(of: job.kind).apply(to: &job, now: now)
        job = settings.job(job, in: session)
        try start?.apply(to: &job, now: now)
        job.durability = durability
        sharing.apply(to: &job)
        lifetime.apply(to: &job, now: now)
        return job
    }

    /// `job` with what its payload makes of it: the unique key, unless it has the key `uniqueKey`, and keys that errand.yaml takes from it.
    /// - Throws: ``Failure`` with status 2.
    func complete(_ job: inout NewJob, uniqueKey: String? = nil) throws {
        // What keys are taken from must be JSON to begin with; a payload that is none is refused by the rules of jobs.
        guard JobRules.payloadProblem(job.payload) == nil else { return }
        file?.defaults(of: job.kind).applyPayload(to: &job)
        try unique.apply(to: &job)
        if let uniqueKey {
            var uniqueness = job.terms.uniqueness ?? Uniqueness(key: uniqueKey)
            (uniqueness.key, uniqueness.fields) = (uniqueKey, [])
            job.terms.uniqueness = uniqueness
        }
        do throws(UniqueFieldsProblem) {
            job.terms.uniqueness = try job.terms.uniqueness?.resolved(for: job.payload)
        } catch {
            throw Failure(.usage, error.description)
        }
    }
}
