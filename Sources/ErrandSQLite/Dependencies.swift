// What waits for what: edges between jobs, and from workflows to jobs; taken up at the enqueue, settled when their beginning has ended.

import Errand
import ErrandContext

/// Where an edge stands: the number in `errand_dependency.state`. Those below ``met`` keep their dependent blocked.
enum EdgeState: Int64 {
    /// The prerequisite has not ended, or that has not been settled yet.
    case open = 0
    /// As ``open``, and it stays so when the prerequisite fails.
    case openHolding = 1
    /// The prerequisite has ended well.
    case met = 2
    /// The prerequisite has failed, and that is ignored.
    case ignored = 3
    /// The dependent has ended.
    case over = 4
}

extension DependencyPolicy {
    /// The number in `errand_dependency.policy`, to which ``QueueDatabase/workflowMark`` is added where a workflow is waited for.
    var code: Int64 {
        switch self {
        case .cascade: 0
        case .ignore: 1
        case .hold: 2
        }
    }

    init?(code: Int64) {
        let code = code & ~QueueDatabase.workflowMark
        guard let policy = DependencyPolicy.allCases.first(where: { $0.code == code }) else { return nil }
        self = policy
    }
}

extension Prerequisite {
    /// What the number in `errand_dependency.prerequisite` stands for.
    init(number: Int64, policy: Int64) {
        self =
            policy & QueueDatabase.workflowMark == 0
            ? .job(JobID(rawValue: number)) : .workflow(WorkflowID(rawValue: number))
    }
}

extension QueueDatabase {
    /// Added to the policy of an edge that begins at a workflow, which may be forgotten before its dependents.
    static let workflowMark: Int64 = 4

    /// Where something that is waited for stands.
    enum PrerequisiteState {
        case live
        case ended(FinalState)
        case missing
    }

    /// What a new job, or one that is retried, has to wait for.
    enum Waiting {
        /// So many of its prerequisites; 0 for none.
        case forOthers(Int64)
        /// It will never start, for this reason.
        case inVain(String)
    }

    /// Where the job or workflow stands that has the number `id`.
    func prerequisiteState(_ prerequisite: Prerequisite) throws(JobStoreError) -> PrerequisiteState {
        guard let id = prerequisite.rawValue else { return .missing }
        switch prerequisite {
        case .workflow: return try workflowState(id)
        case .job, .entry:
            let state = try connection[DependencySQL.jobState].bind(1, id).first { $0.optionalInteger(0) }
            guard let state else { return .missing }
            return state.flatMap(FinalState.init(rawValue:)).map { .ended($0) } ?? .live
        }
    }

    /// What is wrong with what new jobs wait for and belong to; `nil` when nothing is. Nothing has been written yet.
    func dependencyProblem(_ jobs: [PreparedJob]) throws(JobStoreError) -> String? {
        for index in jobs.indices where !jobs[index].isPlain {
            let prepared = jobs[index]
            let job = prepared.job
            guard job.workflow != nil || !job.after.isEmpty else { continue }
            // The repetition of an enqueue adds nothing, whatever has become of what the first one named.
            if job.key != nil, try earlier(prepared) != nil { continue }
            if let workflow = job.workflow {
                switch try workflowState(workflow.rawValue) {
                case .missing: return "there is no workflow \(workflow): it may have been pruned"
                case .ended: return "the workflow \(workflow) has ended, and nothing can be added to it: start another one"
                case .live: break
                }
            }
            for dependency in job.after {
                if case .entry(let place) = dependency.prerequisite {
                    if (0..<index).contains(place) { continue }
                    return "job \(index) of the call waits for job \(place), which does not come before it"
                }
                if case .missing = try prerequisiteState(dependency.prerequisite) {
                    return
                        "it shall run after \(dependency.prerequisite), which is not on record: it was pruned or deleted, or is in another store"
                }
            }
        }
        return try circleProblem(jobs)
    }

    /// Takes up what a new job waits for.
    func takeUp(_ dependencies: [Dependency], of id: Int64, results: [EnqueueResult]) throws(JobStoreError) -> Waiting {
        try use(.structure)
        var needs: Int64 = 0
        var failure: String?
        var seen: Set<Int64> = []
        for dependency in dependencies {
            var prerequisite = dependency.prerequisite
            // Two entries of one call may stand for one job, through an idempotency key.
            if case .entry(let place) = prerequisite {
                if case .conflict(let other) = results[place] { failure = failure ?? QueueDatabase.conflict(with: other) }
                prerequisite = .job(results[place].id)
            }
            guard let number = prerequisite.rawValue, seen.insert(number).inserted else { continue }
            let state = try edgeState(prerequisite, ifFailed: dependency.ifFailed)
            if state.rawValue < EdgeState.met.rawValue { needs += 1 }
            let mark = if case .workflow = prerequisite { QueueDatabase.workflowMark } else { Int64(0) }
            try connection[DependencySQL.add].bind(1, number).bind(2, state.rawValue).bind(3, id)
                .bind(4, dependency.ifFailed.code | mark).run()
            guard state == .open, case .ended(let ended) = try prerequisiteState(prerequisite) else { continue }
            failure = failure ?? QueueDatabase.reason(prerequisite, ended)
        }
        return failure.map { .inVain($0) } ?? .forOthers(needs)
    }

    /// Where an edge from `prerequisite` stands to a dependent that lives.
    private func edgeState(_ prerequisite: Prerequisite, ifFailed policy: DependencyPolicy) throws(JobStoreError) -> EdgeState {
        switch (try prerequisiteState(prerequisite), policy) {
        case (.ended(.completed), _), (.missing, _): .met
        case (.ended, .ignore): .ignored
        case (.live, .hold), (.ended, .hold): .openHolding
        case (.live, _), (.ended, .cascade): .open
        }
    }

    /// Why a job does not start whose prerequisite was not added.
    static func conflict(with other: JobID) -> String { "after a job that was not added: its key belongs to \(other)" }

    static func reason(_ prerequisite: Prerequisite, _ state: FinalState) -> String {
        switch (prerequisite, state) {
        case (.workflow, _): "after \(prerequisite), not all of whose jobs completed"
        case (_, .dead): "after \(prerequisite), which died"
        case (_, .cancelled), (_, .completed): "after \(prerequisite), which was cancelled"
        }
    }

    /// Puts a job where it waits for `needs` others.
    func block(_ id: Int64, needs: Int64, feed: Int64, _ carried: Whereabouts.Carried) throws(JobStoreError) {
        try connection[DependencySQL.block].bind(1, id).bind(2, needs).bind(3, feed).bind(4, carried.base).bind(5, carried.attempt)
            .bind(6, carried.crashes).run()
    }

    /// A job that has ended is live again: it waits for whatever has not ended; what has failed is ignored from now on, as an operator
    /// wishes it to run.
    /// - Returns: How many it waits for.
    func takeUpAgain(_ id: Int64) throws(JobStoreError) -> Int64 {
        guard try termsInUse().contains(.structure) else { return 0 }
        try connection[DependencySQL.dropSettling].bind(1, id).run()
        var needs: Int64 = 0
        for edge in try edges(of: id) {
            let state: EdgeState
            switch try prerequisiteState(edge.prerequisite) {
            case .live: state = edge.policy == .hold ? .openHolding : .open
            case .ended(.completed), .missing: state = .met
            case .ended: state = .ignored
            }
            if state.rawValue < EdgeState.met.rawValue { needs += 1 }
            try move(edge, of: id, to: state)
        }
        return needs
    }

    /// A job that waits for others waits for them no longer.
    func waitForNothing(_ id: Int64) throws(JobStoreError) {
        for edge in try edges(of: id) where edge.state.rawValue < EdgeState.met.rawValue { try move(edge, of: id, to: .ignored) }
    }

    /// An edge, as its dependent sees it.
    struct Edge {
        var prerequisite: Prerequisite
        var state: EdgeState
        var policy: DependencyPolicy
    }

    func edges(of id: Int64) throws(JobStoreError) -> [Edge] { try QueueDatabase.edges(of: id, connection) }

    static func edges(of id: Int64, _ connection: Connection) throws(JobStoreError) -> [Edge] {
        var edges: [Edge] = []
        try connection[DependencySQL.edges].bind(1, id).forEach { row in
            guard let state = EdgeState(rawValue: row.integer(1)), let policy = DependencyPolicy(code: row.integer(2)) else { return }
            let prerequisite = Prerequisite(number: row.integer(0), policy: row.integer(2))
            edges.append(Edge(prerequisite: prerequisite, state: state, policy: policy))
        }
        return edges
    }

    private func move(_ edge: Edge, of id: Int64, to state: EdgeState) throws(JobStoreError) {
        guard edge.state != state, let number = edge.prerequisite.rawValue else { return }
        try connection[DependencySQL.move].bind(1, number).bind(2, edge.state.rawValue).bind(3, id).bind(4, state.rawValue).run()
    }

    /// Whether somebody who lives waits for a job, or may still ask what it gave: it is kept so long.
    func isNeeded(_ id: Int64) throws(JobStoreError) -> Bool {
        guard try termsInUse().contains(.structure) else { return false }
        return try connection[DependencySQL.isNeeded].bind(1, id).first { _ in true } ?? false
    }
}

/// The statements about edges. A store without dependencies meets none of them.
enum DependencySQL {
    static let any = SQL(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM errand_dependency) OR EXISTS (SELECT 1 FROM errand_workflow)")

    /// Whether there is a job, and how it has ended. Row keys.
    static let jobState = SQL(
        "SELECT f.state FROM errand_job j LEFT JOIN errand_finished f ON f.id = j.id WHERE j.id = :id")

    static let add = SQL(
        "INSERT INTO errand_dependency(prerequisite, state, dependent, policy) VALUES(:prerequisite, :state, :dependent, :policy)")

    /// What a job waits for. Index `errand_dependency_of`.
    static let edges = SQL(
        "SELECT prerequisite, state, policy FROM errand_dependency WHERE dependent = :dependent ORDER BY prerequisite")

    /// Primary key of `errand_dependency`.
    static let move = SQL(
        """
        UPDATE errand_dependency SET state = ?4 WHERE prerequisite = ?1 AND state = ?2 AND dependent = ?3
        """)

    /// The dependent has ended. Index `errand_dependency_of`.
    static let end = SQL("UPDATE errand_dependency SET state = \(EdgeState.over.rawValue) WHERE dependent = :dependent")

    /// Index `errand_dependency_of`.
    static let drop = SQL("DELETE FROM errand_dependency WHERE dependent = :dependent")

    /// The edges that an end settles, up to a state. A range of the primary key of `errand_dependency`.
    static let settled = SQL(
        """
        SELECT state, dependent, policy FROM errand_dependency WHERE prerequisite = :prerequisite AND state <= :state
         ORDER BY state, dependent LIMIT :limit
        """)

    /// A range of the primary key of `errand_dependency`.
    static let hasOpen = SQL("SELECT 1 FROM errand_dependency WHERE prerequisite = :prerequisite AND state < 2 LIMIT 1")

    /// A range of the primary key of `errand_dependency`.
    static let isNeeded = SQL("SELECT 1 FROM errand_dependency WHERE prerequisite = :prerequisite AND state < 4 LIMIT 1")

    static let block = SQL(
        """
        INSERT INTO errand_blocked(id, needs, feed, base, attempt, crashes) VALUES(:id, :needs, :feed, :base, :attempt, :crashes)
        """)

    /// Row key of `errand_blocked`.
    static let blocked = SQL("SELECT needs, base, attempt, crashes FROM errand_blocked WHERE id = :id")

    /// Row key of `errand_blocked`.
    static let needLess = SQL("UPDATE errand_blocked SET needs = needs - 1 WHERE id = :id")

    /// Row key of `errand_blocked`.
    static let unblock = SQL("DELETE FROM errand_blocked WHERE id = :id")

    /// A job that was blocked is due when it is released, and not before. Row key of `errand_job`.
    static let becomeDue = SQL("UPDATE errand_job SET run_at = :now WHERE id = :id AND run_at < :now")

    /// Row key of `errand_settling`.
    static let settle = SQL(
        "INSERT INTO errand_settling(id, state) VALUES(:id, :state) ON CONFLICT(id) DO UPDATE SET state = excluded.state")

    /// The first row of `errand_settling`.
    static let nextSettling = SQL("SELECT id, state FROM errand_settling ORDER BY id LIMIT 1")

    /// Row key of `errand_settling`.
    static let dropSettling = SQL("DELETE FROM errand_settling WHERE id = :id")

    /// Flags and workflow of a job. Row key of `errand_job`.
    static let place = SQL("SELECT flags, batch FROM errand_job WHERE id = :id")

    /// Who waits, or has waited, for something. A prefix of the primary key of `errand_dependency`.
    static let dependents = SQL("SELECT dependent FROM errand_dependency WHERE prerequisite = :prerequisite")
}
