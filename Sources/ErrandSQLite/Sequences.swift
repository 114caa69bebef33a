// Sequences: jobs of one key one at a time, in the order in which they were added. A row for each sequence says whose turn it is.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Whether it is the turn of a job of a sequence; else it waits for it. Whose turn it is keeps it until its job has ended, through
    /// retries, rescues and snoozes.
    func takesTurn(_ job: PlacedJob) throws(JobStoreError) -> Bool {
        guard let sequence = try terms(of: job.id)?.terms.sequence else { return true }
        try use(.sequence)
        let queue = try parts(ofFeed: job.feed).queue
        let row = try connection[SequenceSQL.find].bind(1, queue).bind(2, text: sequence.key).first {
            (id: $0.integer(0), current: $0.integer(1), isHalted: $0.integer(2) != 0)
        }
        guard let row else {
            try connection[SequenceSQL.begin].bind(1, queue).bind(2, text: sequence.key).bind(3, job.id).run()
            return true
        }
        guard row.current == job.id else {
            try connection[SequenceSQL.hold].bind(1, job.id).bind(2, row.id).bind(3, job.base).bind(4, job.attempt).bind(5, job.crashes)
                .run()
            return false
        }
        // It had died, and goes on.
        if row.isHalted { try connection[SequenceSQL.halt].bind(1, 0).bind(2, row.id).run() }
        return true
    }

    /// A job has ended: the turn goes to the next of its sequence, unless its death halts that.
    func turnEnds(of job: Int64, _ state: FinalState, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard let sequence = try connection[SequenceSQL.current].bind(1, job).first({ $0.integer(0) }) else { return }
        if state == .dead, try terms(of: job)?.terms.sequence?.haltsOnDeath ?? false {
            try connection[SequenceSQL.halt].bind(1, 1).bind(2, sequence).run()
        } else {
            try passTurn(inSequence: sequence, topics: &topics)
        }
    }

    /// Lets the next job of a sequence go on; without one the sequence is over.
    private func passTurn(inSequence sequence: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let next = try connection[SequenceSQL.next].bind(1, sequence).first {
            (id: $0.integer(0), base: $0.integer(1), attempt: $0.integer(2), crashes: $0.integer(3))
        }
        guard let next else { return try connection[SequenceSQL.end].bind(1, sequence).run() }
        try connection[SequenceSQL.pass].bind(1, next.id).bind(2, sequence).run()
        try connection[UniqueSQL.unhold].bind(1, next.id).run()
        try place(next.id, base: next.base, attempt: next.attempt, crashes: next.crashes)
        topics.insert(.work)
    }

    /// Whether the death of a job halts its sequence: it is kept until somebody has decided how that goes on.
    func halts(_ job: Int64) throws(JobStoreError) -> Bool {
        guard try termsInUse().contains(.sequence) else { return false }
        return try connection[SequenceSQL.current].bind(1, job).first { _ in true } ?? false
    }

    /// A job leaves its sequence for good, in the middle of its life: its queue changes, and with it the sequence that is meant.
    func leaveSequence(_ job: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard try termsInUse().contains(.sequence) else { return }
        guard let sequence = try connection[SequenceSQL.current].bind(1, job).first({ $0.integer(0) }) else { return }
        try passTurn(inSequence: sequence, topics: &topics)
    }

    /// Lets a sequence go on without the job whose death has halted it, if one has.
    func resumeSequence(_ name: String, inQueue queue: String, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        guard let id = try connection[SequenceSQL.halted].bind(1, text: queue).bind(2, text: name).first({ $0.integer(0) }) else { return }
        try passTurn(inSequence: id, topics: &topics)
    }
}

/// The statements of sequences. A job without one meets none of them.
enum SequenceSQL {
    static let any = SQL("SELECT 1 FROM errand_sequence LIMIT 1")

    /// Unique index of `errand_sequence`.
    static let find = SQL("SELECT id, current, halted FROM errand_sequence WHERE queue = :queue AND name = :name")

    static let begin = SQL("INSERT INTO errand_sequence(queue, name, current) VALUES(:queue, :name, :current)")

    /// The sequence in which it is a job's turn. Index `errand_sequence_current`.
    static let current = SQL("SELECT id FROM errand_sequence WHERE current = :job")

    static let hold = SQL(
        "INSERT INTO errand_held(id, sequence, base, attempt, crashes) VALUES(:id, :sequence, :base, :attempt, :crashes)")

    /// The beginning of a prefix of index `errand_held_sequence`.
    static let next = SQL(
        "SELECT id, base, attempt, crashes FROM errand_held WHERE sequence = :sequence ORDER BY id LIMIT 1")

    /// Row key of `errand_sequence`.
    static let pass = SQL("UPDATE errand_sequence SET current = :current, halted = 0 WHERE id = :id")

    /// Row key of `errand_sequence`.
    static let halt = SQL("UPDATE errand_sequence SET halted = :halted WHERE id = :id")

    /// Row key of `errand_sequence`.
    static let end = SQL("DELETE FROM errand_sequence WHERE id = :id")

    /// Unique indexes of `errand_queue` and `errand_sequence`.
    static let halted = SQL(
        """
        SELECT s.id FROM errand_queue q CROSS JOIN errand_sequence s ON s.queue = q.id
         WHERE q.name = :queue AND s.name = :name AND s.halted = 1
        """)

    /// Walks `errand_sequence`, which has a row for each sequence with live jobs.
    static let list = SQL(
        """
        SELECT q.name, s.name FROM errand_sequence s CROSS JOIN errand_queue q ON q.id = s.queue WHERE s.halted = 1 ORDER BY q.name, s.name
        """)
}
