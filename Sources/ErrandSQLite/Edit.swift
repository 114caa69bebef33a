// An operator's changes of jobs that wait: edit and promote. The input row is replaced and the state row moved in one transaction.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Makes scheduled and retryable jobs available at once.
    func promote(_ ids: [JobID]) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        try change(ids) { (id, job) throws(JobStoreError) in
            guard case .scheduled(let carried, _) = job.state else { return false }
            try connection[PromoteSQL.drop].bind(1, id.rawValue).run()
            // Not before others that are due longer, and not after those that become due from now on.
            if job.runAt > clock.now { try rewrite(id, JobEdit { $0.runAt = Timestamp(microseconds: clock.now) }) }
            try place(id.rawValue, base: carried.base, attempt: carried.attempt, crashes: carried.crashes)
            return true
        }
    }

    /// Changes jobs that neither run nor are over.
    func edit(_ ids: [JobID], _ edit: JobEdit) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        let now = clock.now
        let until = edit.runAt.flatMap { $0.microseconds > now ? $0.microseconds : nil }
        return try change(ids) { (id, job) throws(JobStoreError) in
            let carried: Whereabouts.Carried
            var reason = ScheduledReason.delayed
            switch job.state {
            case .running, .finished: return false
            case .available(let found):
                try takeOut(id, job)
                carried = found
            // Goes on waiting, for its new time perhaps, once it is placed.
            case .held:
                try rewrite(id, edit)
                return true
            case .suspect(let found):
                try takeSuspect(id.rawValue)
                carried = found
            case .scheduled(let found, let why):
                (carried, reason) = (found, why)
                guard edit.runAt != nil else {
                    try rewrite(id, edit)
                    return true
                }
                try connection[PromoteSQL.drop].bind(1, id.rawValue).run()
            }
            try rewrite(id, edit)
            if let until {
                try schedule(
                    id.rawValue, until: until, base: carried.base, attempt: carried.attempt, crashes: carried.crashes, reason: reason)
            } else {
                try place(id.rawValue, base: carried.base, attempt: carried.attempt, crashes: carried.crashes)
            }
            return true
        }
    }

    /// Replaces what `edit` names in the input of a job that stands in no line, and in its suspicion, which keeps its place in the line.
    func rewrite(_ id: JobID, _ edit: JobEdit) throws(JobStoreError) {
        var feed: Int64?
        if let queue = edit.queue {
            let kind = try connection[EditSQL.kind].bind(1, id.rawValue).first { $0.text(0) }
            guard let kind else { throw .damaged(reason: "job \(id) has no kind") }
            feed = try self.feed(queue: queue, kind: kind)
        }
        try connection[EditSQL.rewrite].bind(1, feed).bind(2, edit.priority.map(Int64.init)).bind(3, edit.runAt?.microseconds)
            .bind(4, blob: edit.payload).bind(5, id.rawValue).run()
        if try isSuspect(id.rawValue) { try connection[EditSQL.rewriteSuspect].bind(1, id.rawValue).run() }
    }

    /// Makes a change to each of many jobs that may forbid it by where they stand.
    private func change(
        _ ids: [JobID], _ make: (JobID, Whereabouts) throws(JobStoreError) -> Bool
    ) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        var results: [ChangeResult] = []
        for id in ids {
            if let job = try locate(id) {
                results.append(try make(id, job) ? .changed : .refused(job.state.name))
            } else {
                results.append(.notFound)
            }
        }
        return (results, results.contains(.changed) ? [.work] : [])
    }
}

/// The statements of editing.
enum EditSQL {
    /// Row keys of `errand_job`, `errand_feed` and `errand_kind`.
    static let kind = SQL(
        """
        SELECT k.name FROM errand_job j CROSS JOIN errand_feed f ON f.id = j.feed CROSS JOIN errand_kind k ON k.id = f.kind
         WHERE j.id = :id
        """)

    /// Replaces what is not NULL. Row key of `errand_job`.
    static let rewrite = SQL(
        """
        UPDATE errand_job SET feed = coalesce(:feed, feed), priority = coalesce(:priority, priority),
               run_at = coalesce(:run_at, run_at), payload = coalesce(:payload, payload)
         WHERE id = :id
        """)

    /// Gives a suspect the place in the line that its job has now. Row keys.
    static let rewriteSuspect = SQL(
        """
        UPDATE errand_suspect SET feed = j.feed, priority = j.priority, rank = j.run_at
          FROM errand_job j WHERE j.id = errand_suspect.id AND errand_suspect.id = :id
        """)
}
