// Where an imported live job goes: through the same placement as every other, with its turn in a sequence where it had that.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Puts an imported live job where it waits, or may start. Its input row is written.
    func place(
        _ job: ExportedJob, feed: Int64, unique: Arrival, waiting: Waiting, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) {
        let id = job.id.rawValue
        let base = job.ordinal - bootNumber
        let (attempts, crashes) = (Int64(job.attempts), Int64(job.crashes))
        if job.isSuspect { try suspect(id) }
        if case .waits(let mark) = unique {
            try connection[UniqueSQL.hold].bind(1, id).bind(2, blob: mark).bind(3, base).bind(4, 0).bind(5, 0).run()
            try connection[UniqueSQL.setNext].bind(1, id).bind(2, blob: mark).run()
            return
        }
        if job.state == .blocked {
            let carried = Whereabouts.Carried(base: base, attempt: attempts, crashes: crashes)
            switch waiting {
            case .forOthers(0): try release(id, carried)
            case .forOthers(let needs): try block(id, needs: needs, feed: feed, carried)
            case .inVain(let reason):
                try block(id, needs: 1, feed: feed, carried)
                guard let whereabouts = try locate(job.id) else { throw .damaged(reason: "job \(job.id) was imported and is nowhere") }
                try takeOut(job.id, whereabouts)
                try end(job.id, whereabouts, carried, as: .cancelled, reason: reason, topics: &topics)
            }
            return
        }
        if job.hasTurn, let sequence = job.job.terms.sequence { try giveTurn(to: job.id, sequence, feed: feed, topics: &topics) }
        if let startsAt = job.startsAt, job.state == .scheduled || job.state == .retryable {
            let reason: ScheduledReason = job.state == .retryable ? .retry : job.executions.isEmpty ? .delayed : .snooze
            try schedule(id, until: startsAt.microseconds, base: base, attempt: attempts, crashes: crashes, reason: reason)
        } else {
            try place(id, base: base, attempt: attempts, crashes: crashes)
        }
    }

    /// Gives a job the turn in its sequence that it had where it comes from; the sequence's row, or `nil` when another one's turn has begun
    /// here. Jobs come by their age, and one that waits for this turn may be older, because it was delayed: it gives the turn back.
    @discardableResult
    func giveTurn(
        to id: JobID, _ sequence: JobSequence, feed: Int64, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) -> Int64? {
        try use(.sequence)
        let queue = try parts(ofFeed: feed).queue
        let row = try connection[SequenceSQL.find].bind(1, queue).bind(2, text: sequence.key).first {
            (id: $0.integer(0), current: $0.integer(1))
        }
        guard let row else {
            try connection[SequenceSQL.begin].bind(1, queue).bind(2, text: sequence.key).bind(3, id.rawValue).run()
            return try connection[SequenceSQL.current].bind(1, id.rawValue).first { $0.integer(0) }
        }
        guard row.current != id.rawValue else { return row.id }
        guard try takeTurn(from: JobID(rawValue: row.current), sequence: row.id, topics: &topics) else { return nil }
        try connection[SequenceSQL.pass].bind(1, id.rawValue).bind(2, row.id).run()
        return row.id
    }

    /// Lets the job whose turn it is wait again, if it has not begun.
    private func takeTurn(
        from current: JobID, sequence: Int64, topics: inout Set<DoorbellTopic>
    ) throws(JobStoreError) -> Bool {
        guard let job = try locate(current), let carried = job.carried,
            try connection[UniqueSQL.progress].bind(1, current.rawValue).first({ $0.integer(3) == 0 }) ?? false
        else { return false }
        switch job.state {
        case .available, .waiting: try takeOut(current, job)
        case .suspect: try takeSuspect(current.rawValue)
        case .scheduled, .held, .blocked, .running, .finished: return false
        }
        try connection[SequenceSQL.hold].bind(1, current.rawValue).bind(2, sequence).bind(3, carried.base).bind(4, carried.attempt)
            .bind(5, carried.crashes).run()
        if let key = job.key { try admitNext(ofKey: key, topics: &topics) }
        return true
    }
}

extension StoreCore: TransferStore {
    func exportJobs(
        matching selector: JobSelector, after cursor: JobID?, through last: JobID, limit: Int
    ) async throws(JobStoreError) -> ExportPage {
        try await look { (reader) throws(JobStoreError) in
            try reader.exportJobs(matching: selector, after: cursor, through: last, limit: limit)
        }
    }

    func importWorkflow(_ workflow: WorkflowStatus) async throws(JobStoreError) -> ImportResult {
        if let problem = TransferRules.problem(with: workflow, at: Timestamp(microseconds: clock.now)) { return .refused(reason: problem) }
        return try await queue.perform(.full) { (database) throws(JobStoreError) in (try database.takeIn(workflow), []) }.get()
    }

    func importJobs(_ jobs: [ExportedJob]) async throws(JobStoreError) -> [ImportResult] {
        guard !jobs.isEmpty else { return [] }
        let now = Timestamp(microseconds: clock.now)
        var prepared: [Result<PreparedImport, ImportRefusal>] = []
        prepared.reserveCapacity(jobs.count)
        for job in jobs {
            if let problem = TransferRules.problem(with: job, at: now) {
                prepared.append(.failure(ImportRefusal(reason: problem)))
            } else {
                prepared.append(.success(try PreparedImport(job)))
            }
        }
        let ready = prepared
        let bytes = jobs.reduce(0) { $0 + $1.bytes }
        return try await intake.admit(bytes: bytes) { () async throws(JobStoreError) in
            // Whatever this store promises otherwise: an import that a power cut takes back, and that is then repeated, would give the
            // ordinals of the claims since then once more.
            try await queue.perform(.full) { (database) throws(JobStoreError) in try database.takeIn(imports: ready) }.get()
        }
    }
}
