// An operator's changes of jobs that wait: edit and promote. The input row is replaced and the state row moved in one transaction.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Makes scheduled and retryable jobs available at once.
    func promote(_ ids: [JobID], despiteDependencies: Bool) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        try change(ids) { (id, job, topics) throws(JobStoreError) in
            let carried: Whereabouts.Carried
            switch job.state {
            case .scheduled(let scheduled, _): carried = scheduled
            case .blocked(let blocked, _) where despiteDependencies:
                carried = blocked
                try waitForNothing(id.rawValue)
            default: return .refused(job.state.name)
            }
            try takeOut(id, job)
            // Not before others that are due longer, and not after those that become due from now on.
            if job.runAt > clock.now { try rewrite(id, JobEdit { $0.runAt = Timestamp(microseconds: clock.now) }, topics: &topics) }
            try place(id.rawValue, base: carried.base, attempt: carried.attempt, crashes: carried.crashes)
            return .changed
        }
    }

    /// Changes jobs that neither run nor are over.
    func edit(_ ids: [JobID], _ edit: JobEdit) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        try change(ids) { (id, job, topics) throws(JobStoreError) in
            guard let carried = job.carried else { return .refused(job.state.name) }
            if let owner = try takeUniqueKey(for: id, edit, topics: &topics) { return .uniqueConflict(owner) }
            if case .scheduled = job.state, edit.runAt == nil {
                // It stands in no line, and waits for the time that it has waited for.
                try rewrite(id, edit, topics: &topics)
            } else {
                try move(id, job, carried, edit, topics: &topics)
            }
            if let key = job.key { try admitNext(ofKey: key, topics: &topics) }
            return .changed
        }
    }

    /// Takes a job out of its line, changes it, and puts it where it stands now.
    private func move(
        _ id: JobID, _ job: Whereabouts, _ carried: Whereabouts.Carried, _ edit: JobEdit, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        if case .suspect = job.state { try takeSuspect(id.rawValue) }
        let mark = try takeOut(id, job)
        try rewrite(id, edit, topics: &topics)
        if case .blocked(_, let needs) = job.state {
            let feed = try connection[PlacementSQL.input].bind(1, id.rawValue).first { $0.integer(0) } ?? job.feed
            try block(id.rawValue, needs: needs, feed: feed, carried)
        } else if let mark {
            // Goes on waiting behind the owner of its unique key, for its new time perhaps, once it is placed.
            try hold(id.rawValue, behind: mark)
        } else if let until = edit.runAt?.microseconds, until > clock.now {
            var reason = ScheduledReason.delayed
            if case .scheduled(_, let why) = job.state { reason = why }
            try schedule(
                id.rawValue, until: until, base: carried.base, attempt: carried.attempt, crashes: carried.crashes, reason: reason)
        } else {
            try place(id.rawValue, base: carried.base, attempt: carried.attempt, crashes: carried.crashes)
        }
    }

    /// Replaces what `edit` names in the input of a job that stands in no line, and in its suspicion, which keeps its place in the line.
    /// Its turn in a sequence of the queue that it leaves is over.
    func rewrite(_ id: JobID, _ edit: JobEdit, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        if edit.queue != nil { try leaveSequence(id.rawValue, topics: &topics) }
        var feed: Int64?
        if let queue = edit.queue {
            let kind = try connection[EditSQL.kind].bind(1, id.rawValue).first { $0.text(0) }
            guard let kind else { throw .damaged(reason: "job \(id) has no kind") }
            feed = try self.feed(queue: queue, kind: kind)
        }
        if let feed, try hasNewAccounts() { try changeLimitKey(of: id.rawValue, to: feed) }
        try connection[EditSQL.rewrite].bind(1, feed).bind(2, edit.priority.map(Int64.init)).bind(3, edit.runAt?.microseconds)
            .bind(4, blob: edit.payload).bind(5, id.rawValue).run()
        if edit.forgetsSteps { try forgetSteps(of: id.rawValue) }
        if try isSuspect(id.rawValue) { try connection[EditSQL.rewriteSuspect].bind(1, id.rawValue).run() }
    }

    /// A job is counted under the key of the queue that it moves to.
    private func changeLimitKey(of id: Int64, to feed: Int64) throws(JobStoreError) {
        let old = try connection[KeySQL.ofJob].bind(1, id).first { $0.optionalInteger(0) } ?? nil
        let new = try key(for: try terms(of: id)?.terms ?? JobTerms(), feed: feed)
        if let old { try changeKey(old) { $0.live -= 1 } }
        if old != nil || new != nil { try connection[KeySQL.setKey].bind(1, new).bind(2, id).run() }
    }

    /// Gives a job the unique key that it has after `edit`; whoever else has that, if somebody does.
    private func takeUniqueKey(for id: JobID, _ edit: JobEdit, topics: inout Set<DoorbellTopic>) throws(JobStoreError) -> JobID? {
        guard edit.uniqueKey != nil || edit.queue != nil, let (before, kind, queue) = try terms(of: id.rawValue) else { return nil }
        var terms = before
        if let key = edit.uniqueKey {
            terms.uniqueness = before.uniqueness ?? Uniqueness(key: key)
            terms.uniqueness?.key = key
        }
        guard let uniqueness = terms.uniqueness else { return nil }
        let mark = uniqueness.mark(kind: kind, queue: edit.queue ?? queue)
        let old = try connection[UniqueSQL.owned].bind(1, id.rawValue).first { $0.bytes(0) }
        // One that waits behind another has no key of its own, and one that is used up by its first start is not taken again.
        if old != mark, old != nil || before.uniqueness == nil {
            if let owner = try owner(of: mark, now: clock.now) { return owner.job }
            if old != nil { try freeKey(of: id.rawValue, keptFor: false, at: clock.now, topics: &topics) }
            try own(mark, id.rawValue, until: nil)
        }
        if edit.uniqueKey != nil { try write(terms, of: id.rawValue) }
        return nil
    }

    /// Makes a change to each of many jobs that may forbid it by where they stand.
    private func change(
        _ ids: [JobID], _ make: (JobID, Whereabouts, inout Set<DoorbellTopic>) throws(JobStoreError) -> ChangeResult
    ) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        var results: [ChangeResult] = []
        var topics: Set<DoorbellTopic> = []
        for id in ids {
            if let job = try locate(id) {
                results.append(try make(id, job, &topics))
            } else {
                results.append(.notFound)
            }
        }
        if results.contains(.changed) { topics.insert(.work) }
        return (results, topics)
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
