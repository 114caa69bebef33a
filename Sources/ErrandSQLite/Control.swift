// An operator's changes: cancel and retry.

import Errand
import ErrandContext

extension QueueDatabase {
    /// A job in the state that it is in.
    struct Whereabouts {
        var feed: Int64
        var kind: Int64
        var priority: Int64
        var runAt: Int64
        /// Its limit key.
        var key: Int64?
        var state: State

        enum State {
            case available(Carried)
            /// Available, and under suspicion.
            case suspect(Carried)
            case scheduled(Carried, ScheduledReason)
            /// Waits behind another job: the owner of this unique key, or for its turn in a sequence.
            case held(Carried, behind: [UInt8]?)
            /// Waits for others of its limit key.
            case waiting(Carried)
            /// Waits for so many jobs and workflows to end.
            case blocked(Carried, needs: Int64)
            case running(ordinal: Int64)
            case finished(FinalState, ordinal: Int64, attempt: Int64, crashes: Int64)
        }

        /// What every state row carries on.
        struct Carried {
            var base: Int64
            var attempt: Int64
            var crashes: Int64
        }

        /// What goes on with the job; `nil` when it runs or has ended.
        var carried: Carried? {
            switch state {
            case .available(let carried), .suspect(let carried), .scheduled(let carried, _), .held(let carried, _), .waiting(let carried),
                .blocked(let carried, _):
                carried
            case .running, .finished: nil
            }
        }

        /// The line of its limit key.
        var lane: KeyLane? { key.map { KeyLane(key: $0, kind: kind) } }
    }

    /// Where a job stands; `nil` when there is none.
    func locate(_ id: JobID) throws(JobStoreError) -> Whereabouts? {
        // Where there are so many that the transaction has begun without it; it rings for work then anyway.
        var topics: Set<DoorbellTopic> = []
        try takeInFromInbox(id, topics: &topics)
        let row = try connection[ControlSQL.locate].bind(1, id.rawValue)
        defer { row.reset() }
        guard try row.step() else { return nil }
        let state: Whereabouts.State
        if let ordinal = row.optionalInteger(3) {
            state = .running(ordinal: ordinal)
        } else if let final = row.optionalInteger(4).flatMap(FinalState.init(rawValue:)) {
            state = .finished(final, ordinal: row.integer(5), attempt: row.integer(6), crashes: row.integer(7))
        } else if let reason = row.optionalInteger(11).flatMap(ScheduledReason.init(rawValue:)) {
            state = .scheduled(Whereabouts.Carried(base: row.integer(8), attempt: row.integer(9), crashes: row.integer(10)), reason)
        } else if !row.isNull(12) {
            state = .available(Whereabouts.Carried(base: row.integer(12), attempt: row.integer(13), crashes: row.integer(14)))
        } else if !row.isNull(15) {
            state = .suspect(Whereabouts.Carried(base: row.integer(15), attempt: row.integer(16), crashes: row.integer(17)))
        } else if !row.isNull(18) {
            state = .held(
                Whereabouts.Carried(base: row.integer(18), attempt: row.integer(20), crashes: row.integer(21)),
                behind: row.optionalBytes(19))
        } else if !row.isNull(22) {
            state = .waiting(Whereabouts.Carried(base: row.integer(22), attempt: row.integer(23), crashes: row.integer(24)))
        } else if !row.isNull(27) {
            state = .blocked(
                Whereabouts.Carried(base: row.integer(28), attempt: row.integer(29), crashes: row.integer(30)), needs: row.integer(27))
        } else {
            throw .damaged(reason: "job \(id) is in no state")
        }
        return Whereabouts(
            feed: row.integer(0), kind: row.integer(25), priority: row.integer(1), runAt: row.integer(2), key: row.optionalInteger(26),
            state: state)
    }

    // MARK: Cancel

    /// Ends jobs that have not started, and leaves a wish for the workers of the others.
    func cancel(_ ids: [JobID], reason: String?) throws(JobStoreError) -> ([CancelResult], Set<DoorbellTopic>) {
        var topics: Set<DoorbellTopic> = []
        var results: [CancelResult] = []
        for id in ids {
            guard let job = try locate(id) else {
                results.append(.notFound)
                continue
            }
            switch job.state {
            case .finished(let state, _, _, _): results.append(.finished(state.jobState))
            case .running(let ordinal):
                try connection[ControlSQL.request].bind(1, id.rawValue).bind(2, ordinal).bind(3, clock.now).bind(4, text: reason).run()
                memory.hasWishes = true
                topics.insert(.control)
                results.append(.requested(ExecutionID(id, ordinal)))
            case .available(let carried), .suspect(let carried), .scheduled(let carried, _), .held(let carried, _), .waiting(let carried),
                .blocked(let carried, _):
                try takeOut(id, job)
                try end(id, job, carried, as: .cancelled, reason: reason, topics: &topics)
                results.append(.cancelled)
            }
        }
        try settle(topics: &topics)
        return (results, topics)
    }

    /// Takes a job that does not run out of the place where it waits; the unique key behind whose owner it waited, if it did.
    @discardableResult
    func takeOut(_ id: JobID, _ job: Whereabouts) throws(JobStoreError) -> [UInt8]? {
        switch job.state {
        case .available:
            if let lane = job.lane {
                try connection[KeySQL.dropAvailable].bind(1, lane.key).bind(2, lane.kind).bind(3, id.rawValue).run()
                takeAdmitted(1, in: lane)
            } else {
                try connection[ControlSQL.dropAvailable].bind(1, job.feed).bind(2, job.priority).bind(3, job.runAt).bind(4, id.rawValue)
                    .run()
            }
        case .waiting:
            if let lane = job.lane { try stopWaiting(id.rawValue, in: lane, priority: job.priority, rank: job.runAt) }
        case .scheduled: try connection[PromoteSQL.drop].bind(1, id.rawValue).run()
        case .blocked: try connection[DependencySQL.unblock].bind(1, id.rawValue).run()
        case .held(_, let mark):
            try unhold(id.rawValue, behind: mark)
            return mark
        // A suspect's row is its suspicion, which ends with the job.
        case .suspect, .running, .finished: break
        }
        return nil
    }

    /// Ends a job outside an execution.
    func end(
        _ id: JobID, _ job: Whereabouts, _ carried: Whereabouts.Carried, as state: FinalState, reason: String?,
        topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        let now = clock.now
        try connection[LeaveSQL.finish].bind(1, id.rawValue).bind(2, state.rawValue).bind(3, carried.base + bootNumber)
            .bind(4, carried.attempt).bind(5, carried.crashes).bind(6, nil).bind(7, nil).bind(8, now).bind(9, nil)
            .bind(10, text: reason).bind(11, text: nil).bind(12, blob: nil).run()
        count(state, feed: job.feed)
        tell(state == .dead ? .died : .cancelled, job: id.rawValue, feed: job.feed)
        try clear(id.rawValue)
        try didEnd(id.rawValue, state, at: now, topics: &topics)
        if let key = job.key { try leaveKey(key, topics: &topics) }
        topics.insert(.outcome)
    }

    // MARK: Retry

    /// Makes dead, cancelled and retryable jobs available at once.
    func retry(
        _ ids: [JobID], resettingAttempts: Bool, edits: [JobID: JobEdit]
    ) throws(JobStoreError) -> ([RetryResult], Set<DoorbellTopic>) {
        var topics: Set<DoorbellTopic> = []
        var results: [RetryResult] = []
        for id in ids {
            guard let job = try locate(id) else {
                results.append(.notFound)
                continue
            }
            let carried: Whereabouts.Carried
            var needs: Int64 = 0
            switch job.state {
            case .available, .suspect:
                results.append(.refused(.available))
                continue
            case .held, .waiting:
                results.append(.refused(.waiting))
                continue
            case .running:
                results.append(.refused(.running))
                continue
            case .blocked:
                results.append(.refused(.blocked))
                continue
            case .finished(.completed, _, _, _):
                results.append(.refused(.completed))
                continue
            case .scheduled(let scheduled, let reason):
                guard reason == .retry else {
                    results.append(.refused(reason.jobState))
                    continue
                }
                try connection[PromoteSQL.drop].bind(1, id.rawValue).run()
                carried = scheduled
            case .finished(let state, let ordinal, let attempt, let crashes):
                if let reason = try refusal(of: id.rawValue) {
                    results.append(.invalid(reason: reason))
                    continue
                }
                if let owner = try takeKeyAgain(id.rawValue) {
                    results.append(.uniqueConflict(owner))
                    continue
                }
                // The end was also the record of the last execution, which stays on record.
                try connection[ControlSQL.keepLast].bind(1, id.rawValue).run()
                try connection[ControlSQL.dropFinished].bind(1, id.rawValue).run()
                count(state, feed: job.feed, by: -1)
                try takeLimitKeyAgain(id.rawValue, feed: job.feed)
                try memberReturns(id.rawValue, from: state)
                needs = try takeUpAgain(id.rawValue)
                // It will have logs again.
                try connection[RetentionWalkSQL.unmarkLogs].bind(1, id.rawValue).run()
                carried = Whereabouts.Carried(base: ordinal - bootNumber, attempt: attempt, crashes: crashes)
            }
            if var edit = edits[id] {
                edit.runAt = nil
                try rewrite(id, edit, topics: &topics)
            }
            let attempt = resettingAttempts ? 0 : carried.attempt
            try connection[ControlSQL.grantAttempt].bind(1, attempt + 1).bind(2, id.rawValue).run()
            let crashes = resettingAttempts ? 0 : carried.crashes
            if needs > 0 {
                let feed = try connection[PlacementSQL.input].bind(1, id.rawValue).first { $0.integer(0) } ?? job.feed
                try block(
                    id.rawValue, needs: needs, feed: feed, Whereabouts.Carried(base: carried.base, attempt: attempt, crashes: crashes))
            } else {
                try place(id.rawValue, base: carried.base, attempt: attempt, crashes: crashes)
            }
            tell(.retrying, job: id.rawValue, feed: job.feed)
            topics.insert(.work)
            results.append(.retried)
        }
        return (results, topics)
    }
}

/// The statements of an operator's changes.
enum ControlSQL {
    /// The state of one job. Row keys; the primary keys of `errand_available` and `errand_waiting` from the input's own columns; a job
    /// with a limit key is found in `errand_available` by index `errand_available_key`.
    static let locate = SQL(
        """
        SELECT j.feed, j.priority, j.run_at, r.ordinal, f.state, f.ordinal, f.attempt, f.crashes, s.base, s.attempt, s.crashes, s.reason,
               coalesce(a.base, b.base), coalesce(a.attempt, b.attempt), coalesce(a.crashes, b.crashes), u.base, u.attempt, u.crashes,
               h.base, h.key, h.attempt, h.crashes, w.base, w.attempt, w.crashes, d.kind, j.key,
               e.needs, e.base, e.attempt, e.crashes
          FROM errand_job j
          CROSS JOIN errand_feed d ON d.id = j.feed
          LEFT JOIN errand_running r ON r.id = j.id
          LEFT JOIN errand_finished f ON f.id = j.id
          LEFT JOIN errand_scheduled s ON s.id = j.id
          LEFT JOIN errand_available a ON j.key IS NULL AND a.feed = j.feed AND a.priority = j.priority AND a.rank = j.run_at
               AND a.id = j.id
          LEFT JOIN errand_available b ON b.key = j.key AND b.lane = d.kind AND b.id = j.id
          LEFT JOIN errand_suspect u ON u.id = j.id
          LEFT JOIN errand_held h ON h.id = j.id
          LEFT JOIN errand_waiting w ON w.key = j.key AND w.lane = d.kind AND w.priority = j.priority AND w.rank = j.run_at AND w.id = j.id
          LEFT JOIN errand_blocked e ON e.id = j.id
         WHERE j.id = :id
        """)

    /// Leaves a wish for the worker of an execution; an earlier wish about the same execution stands. Row key of `errand_control`.
    static let request = SQL(
        """
        INSERT INTO errand_control(job, ordinal, action, requested_at, reason) VALUES(:job, :ordinal, 1, :requested_at, :reason)
            ON CONFLICT(job) DO UPDATE SET ordinal = excluded.ordinal, requested_at = excluded.requested_at, reason = excluded.reason
            WHERE errand_control.ordinal <> excluded.ordinal
        """)

    /// Primary key of `errand_available`.
    static let dropAvailable = SQL(
        "DELETE FROM errand_available WHERE feed = :feed AND priority = :priority AND rank = :rank AND id = :id")

    /// Puts the last execution on record with the others, with the attempt that it was. Row key of `errand_finished`.
    static let keepLast = SQL(
        """
        INSERT INTO errand_execution(job, ordinal, attempt, worker, started_at, finished_at, outcome, error)
        SELECT id, ordinal, attempt + (outcome IN (\(Outcome.refundedCodes))), worker, started_at, finished_at, outcome, error FROM errand_finished
         WHERE id = :id AND outcome IS NOT NULL
        """)

    /// Row key of `errand_finished`.
    static let dropFinished = SQL("DELETE FROM errand_finished WHERE id = :id")

    /// Makes room for one more attempt where there is none left. Row key of `errand_job`.
    static let grantAttempt = SQL("UPDATE errand_job SET max_attempts = :attempts WHERE id = :id AND max_attempts < :attempts")
}
