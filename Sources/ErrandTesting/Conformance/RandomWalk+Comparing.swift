// What a random walk compares, in words that both stores share.

import Errand
import ErrandContext

extension RandomWalk {
    // MARK: Comparing

    /// Everything that can be seen of all jobs, and the counters.
    mutating func compareAll() async throws {
        operation = "look after \(operation)"
        for number in jobs.indices where failures.isEmpty {
            let seen = try await anyOpening().inspection.job(jobs[number].subject)
            let wanted = try await model.store.inspection.job(jobs[number].model)
            compare(seen.map { describe($0, \.subject) } ?? "gone", wanted.map { describe($0, \.model) } ?? "gone", "job \(number)")
            if let seen {
                let ordinals = seen.executions.map(\.execution.ordinal)
                compare(ordinals, Array(Set(ordinals)).sorted(), "the order of the ordinals of job \(number)")
            }
        }
        let ids = jobs
        compare(
            try await anyOpening().inspection.states(of: ids.map(\.subject)),
            try await model.store.inspection.states(of: ids.map(\.model)), "states")
        try await compareLists()
        try await compareWorkflows()
        compare(try await anyOpening().queues.settings(), try await model.store.queues.settings(), "the settings")
        let stats = (try await anyOpening().inspection.stats(), try await model.store.inspection.stats())
        compare(counts(stats.0), counts(stats.1), "counters")
        compare(
            stats.0.workers.map { "\(number(of: $0.id, \.subject)) holds \($0.running)" }.sorted(),
            stats.1.workers.map { "\(number(of: $0.id, \.model)) holds \($0.running)" }.sorted(), "live workers")
        compare(
            described(try await anyOpening().inspection.metrics()), described(try await model.store.inspection.metrics()), "the metrics")
    }

    /// What was counted since the stores were made: times by bucket, and ends by outcome.
    private func described(_ metrics: StoreMetrics) -> [String] {
        metrics.times.map { "\($0.queue)/\($0.kind) \($0.what): \($0.counts)" }.sorted()
            + metrics.outcomes.map { "\($0.queue)/\($0.kind) \($0.outcome): \($0.executions)" }.sorted()
    }

    /// A list by a random selector, in pages of a random size.
    mutating func compareLists() async throws {
        var selector = JobSelector()
        if roll(2) == 0 { selector.states = Set(JobState.allCases.filter { _ in roll(3) == 0 }) }
        if roll(3) == 0 { selector.queues = ["queue\(roll(3))"] }
        if roll(3) == 0 { selector.kinds = ["kind\(roll(3))", "kind\(roll(4))"] }
        if roll(3) == 0 { selector.tags = (0..<3).filter { _ in roll(2) == 0 }.map { "tag\($0)" } }
        let size = 1 + roll(20)
        let opening = anyOpening()
        let seen = try await RandomWalk.list(opening.inspection, selector, pageSize: size).map { name($0, \.subject) }
        let wanted = try await RandomWalk.list(model.store.inspection, selector, pageSize: size).map { name($0, \.model) }
        compare(seen, wanted, "the list of \(selector) in pages of \(size)")
        let key = "key:key\(roll(8))"
        compare(
            try await opening.inspection.jobs(meantBy: key).map { name($0, \.subject) },
            try await model.store.inspection.jobs(meantBy: key).map { name($0, \.model) }, "the jobs meant by \(key)")
    }

    static func list(_ inspection: any JobInspection, _ selector: JobSelector, pageSize: Int) async throws -> [JobID] {
        var found: [JobID] = []
        var cursor: JobID?
        for _ in 0..<10_000 {
            let page = try await inspection.jobs(matching: selector, before: cursor, limit: pageSize)
            found += page.jobs.map(\.id)
            cursor = page.next
            if cursor == nil { return found }
        }
        throw StoredError(type: "RuleBroken", message: "the pages of a list never come to an end")
    }

    func counts(_ stats: StoreStats) -> [String] {
        stats.counts.map { "\($0.queue) \($0.kind) \($0.state.rawValue): \($0.jobs)" }.sorted()
    }

    mutating func compare<T: Equatable>(_ seen: T, _ wanted: T, _ what: String) {
        if seen != wanted { fail("\(what): the model has \(wanted), the store has \(seen)") }
    }

    mutating func fail(_ text: String) {
        failures.append("seed \(seed), step \(step), \(operation): \(text)")
    }

    // MARK: Names that both stores share

    typealias Side<ID> = KeyPath<(subject: ID, model: ID), ID>

    func name(_ id: JobID, _ side: Side<JobID>) -> String {
        jobs.firstIndex { $0[keyPath: side] == id }.map { "job \($0)" } ?? "unknown job \(id)"
    }

    func number(of worker: WorkerID, _ side: Side<WorkerID>) -> String {
        workers.firstIndex { $0[keyPath: side] == worker }.map { "worker \($0)" } ?? "unknown worker \(worker)"
    }

    func name(_ result: EnqueueResult, _ side: Side<JobID>) -> String {
        switch result {
        case .added: "added"
        case .existing(let id): "existing \(name(id, side))"
        case .conflict(let id): "conflict with \(name(id, side))"
        case .unique(let id), .replaced(let id), .debounced(let id): "\(result.word) \(name(id, side))"
        }
    }

    func describe(_ result: RetryResult, _ side: Side<JobID>) -> String {
        if case .uniqueConflict(let id) = result { "unique conflict with \(name(id, side))" } else { "\(result)" }
    }

    static func uniqueness(key: Int, mode: Int, scope: Int) -> Uniqueness {
        let conflict: Uniqueness.Conflict =
            [.reject, .replace, .debounce(delay: .seconds(86_400), maximumWait: nil), .keepLast, .keepLast][mode]
        return Uniqueness(key: "unique\(key)", scope: Uniqueness.Scope.allCases[scope], onConflict: conflict)
    }

    func describe(_ result: ChangeResult, _ side: Side<JobID>) -> String {
        if case .uniqueConflict(let id) = result { "unique conflict with \(name(id, side))" } else { "\(result)" }
    }

    func describe(_ result: CancelResult, _ side: Side<JobID>) -> String {
        if case .requested(let execution) = result { "requested of \(name(execution.job, side))" } else { "\(result)" }
    }

    func describe(_ casualty: Casualty, _ worker: String, _ side: Side<JobID>) -> String {
        "\(worker) \(casualty.cause) with \(casualty.executions.map { name($0.job, side) }.sorted())"
    }

    func describe(_ claimed: ClaimedJob, _ side: Side<JobID>) -> String {
        """
        \(name(claimed.execution.job, side)) attempt \(claimed.attempt) of \(claimed.maxAttempts) crashes \(claimed.crashes), \
        \(claimed.queue) \(claimed.kind)
        """
    }

    func describe(_ job: JobDetail, _ side: Side<JobID>) -> String {
        let summary = job.summary
        let executions = job.executions.map { execution in
            let outcome = execution.outcome?.rawValue ?? "running"
            return "\(execution.attempt) \(outcome) \(execution.error?.message ?? "")\(execution.finishedAt == nil ? " open" : "")"
        }
        return """
            \(summary.state) \(summary.queue) \(summary.kind) \(summary.key ?? "-") priority \(summary.priority) attempt \(summary.attempt) \
            of \(summary.maxAttempts) crashes \(summary.crashes) reason \(reason(summary, side)) ended \(summary.finishedAt != nil) \
            result \(job.result.map { String(decoding: $0, as: UTF8.self) } ?? "-") error \(job.error?.message ?? "-") \
            tags \(summary.tags) wish \(job.cancelRequestedAt != nil) executions \(executions)
            """
    }
}
