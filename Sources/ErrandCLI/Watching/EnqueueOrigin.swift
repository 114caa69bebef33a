// The execution that this process was started by, if it was: the parent of what it enqueues.

import Errand

/// Where new jobs come from.
struct EnqueueOrigin {
    var parent: ExecutionID?
    var root: ExecutionID?

    /// What the environment of `session` says.
    /// - Throws: `JobStoreError`.
    static func current(in store: Store, _ session: Session) async throws -> EnqueueOrigin {
        guard let parent = session.environment["ERRAND_EXECUTION_ID"].flatMap({ ExecutionID($0) }) else { return EnqueueOrigin() }
        // The parent may live in another store, or be pruned: then it is the top that is known.
        return EnqueueOrigin(parent: parent, root: try await store.inspection.job(parent.job)?.root ?? parent)
    }

    func apply(to job: inout NewJob) { (job.parent, job.root) = (parent, root) }
}
