// Terms that hold beyond the enqueue: noted with a new job, forgotten at its end.

import Errand
import ErrandContext

/// The terms that cost something at every end of a job, and in every step of a worker.
struct TermsInUse: OptionSet {
    let rawValue: Int
    /// Some job has a unique key.
    static let unique = TermsInUse(rawValue: 1)
    /// Some job ends by itself at a time.
    static let expiry = TermsInUse(rawValue: 2)
    /// Some job has, or halts, a sequence.
    static let sequence = TermsInUse(rawValue: 4)
    /// Some job has recorded a step.
    static let steps = TermsInUse(rawValue: 8)
    /// Some job waits for others, or there is a workflow.
    static let structure = TermsInUse(rawValue: 16)
}

extension JobTerms {
    /// Reads terms as they are kept.
    init(stored json: [UInt8]) throws(JobStoreError) {
        if let plain = JobTerms(plain: json) {
            self = plain
        } else {
            self = try JSONText.decode(JobTerms.self, String(decoding: json, as: UTF8.self))
        }
    }
}

extension QueueDatabase {
    /// Which terms any job has; asked once for each transaction in which it matters, and never in a store that has not known any.
    func termsInUse() throws(JobStoreError) -> TermsInUse {
        if let known = memory.termsInUse { return known }
        // Terms close the store to older writers: where those may write, nothing need be looked for.
        guard try hasNewAccounts() else { return [] }
        var found: TermsInUse = []
        if try connection[UniqueSQL.any].first({ _ in true }) != nil { found.insert(.unique) }
        if try connection[ExpirySQL.any].first({ _ in true }) != nil { found.insert(.expiry) }
        if try connection[SequenceSQL.any].first({ _ in true }) != nil { found.insert(.sequence) }
        if try connection[StepSQL.any].first({ _ in true }) != nil { found.insert(.steps) }
        if try connection[DependencySQL.any].first({ _ in true }) != nil { found.insert(.structure) }
        memory.termsInUse = found
        return found
    }

    /// Closes the store to writers that do not know such terms.
    func use(_ terms: TermsInUse) throws(JobStoreError) {
        // An older Errand would never release what waits, nor count the jobs of a workflow.
        try requireWriter(terms.contains(.structure) ? 6 : 4)
        memory.termsInUse = try termsInUse().union(terms)
    }

    /// Forgets what held for a job until its end: its key is free, or another's, nothing is due for it any more, and its turn is over.
    func didEnd(_ id: Int64, _ state: FinalState, at time: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let terms = try termsInUse()
        try free(id, state, at: time, topics: &topics)
        if terms.contains(.steps), state == .completed { try dropStepResults(of: id) }
        if terms.contains(.structure) { try structureEnds(at: id, state, topics: &topics) }
    }

    /// A job is deleted, live or after its end: it has nothing any more that another could wait for, but for ``structureEnds(at:_:topics:)``.
    func isGone(_ id: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        try free(id, .cancelled, at: clock.now, topics: &topics)
    }

    /// Frees a job's key and turn, and forgets what was due for it.
    private func free(_ id: Int64, _ state: FinalState, at time: Int64, topics: inout Set<DoorbellTopic>) throws(JobStoreError) {
        let terms = try termsInUse()
        if terms.contains(.unique) { try freeKey(of: id, keptFor: state == .completed, at: time, topics: &topics) }
        if terms.contains(.expiry) { try connection[ExpirySQL.forget].bind(1, id).run() }
        if terms.contains(.sequence) { try turnEnds(of: id, state, topics: &topics) }
    }

    /// Keeps what the terms of a job are from now on.
    func write(_ terms: JobTerms, of id: Int64) throws(JobStoreError) {
        try connection[TermsSQL.change].bind(1, blob: Array(try JSONText.encode(terms).utf8)).bind(2, id).run()
    }

    /// The terms of a job, with the names that its unique key may belong to.
    func terms(of id: Int64) throws(JobStoreError) -> (terms: JobTerms, kind: String, queue: String)? {
        try connection[TermsSQL.terms].bind(1, id).first { (row) throws(JobStoreError) in
            (try row.optionalBytes(0).map(JobTerms.init(stored:)) ?? JobTerms(), row.text(1), row.text(2))
        }
    }
}

/// The statements about terms as a whole.
enum TermsSQL {
    /// Row keys.
    static let terms = SQL(
        """
        SELECT j.options, k.name, q.name FROM errand_job j CROSS JOIN errand_feed f ON f.id = j.feed
            CROSS JOIN errand_kind k ON k.id = f.kind CROSS JOIN errand_queue q ON q.id = f.queue WHERE j.id = :id
        """)

    /// Row key of `errand_job`.
    static let change = SQL("UPDATE errand_job SET options = :options, flags = flags | \(JobFlags.extras.rawValue) WHERE id = :id")
}
