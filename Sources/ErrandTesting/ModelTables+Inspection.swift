// Lists, one job in full, counts: what a visitor of the in-memory store sees.

import Errand
import ErrandContext

extension ModelTables {
    func page(matching selector: JobSelector, before cursor: JobID?, limit: Int) -> JobPage {
        let matching = jobsByID.reversed().filter { job in
            (cursor.map { job.id < $0 } ?? true) && selector.matches(job, byAnyTag: faults.contains(.anyTagWillDo))
        }
        let page = matching.prefix(limit)
        return JobPage(jobs: page.map(\.summary), next: matching.count > limit ? page.last?.id : nil)
    }

    func jobs(meantBy text: String) -> [JobID] {
        if text.hasPrefix("key:") { return keys[String(text.dropFirst(4))].map { [$0] } ?? [] }
        if let whole = JobID(text), jobs[whole] != nil { return [whole] }
        let text = text.lowercased()
        guard !text.isEmpty else { return [] }
        let newestFirst = jobsByID.reversed()
        let byPrefix = newestFirst.filter { $0.id.description.hasPrefix(text) }
        let bySuffix = text.utf8.count < 4 ? [] : newestFirst.prefix(100_000).filter { $0.id.description.hasSuffix(text) }
        return Array((byPrefix.isEmpty ? bySuffix : byPrefix).prefix(10).map(\.id))
    }

    func tree(rootedAt root: JobID, limit: Int) -> JobTree {
        let below = jobsByID.filter { $0.input.root?.job == root }
        let all = (jobs[root].map { [$0] } ?? []) + below
        return JobTree(jobs: all.prefix(max(0, limit)).map { JobLineage($0.detail) }, total: all.count)
    }

    func stats(at moment: Moment) -> StoreStats {
        let now = moment.wall
        var counts: [Place: Int] = [:]
        var oldest: [Place: Timestamp] = [:]
        var ended: [Place: (executions: Int, runTime: Duration)] = [:]
        for job in jobs.values {
            counts[job.place(in: job.state.rawValue), default: 0] += 1
            if job.state == .available {
                let place = job.place(in: "")
                oldest[place] = min(oldest[place] ?? job.dueAt, job.dueAt)
            }
            for execution in job.executions {
                guard let end = execution.finishedAt, let outcome = execution.outcome, end + .seconds(3600) > now else { continue }
                let place = job.place(in: outcome.rawValue)
                let before = ended[place] ?? (0, .zero)
                ended[place] = (before.executions + 1, before.runTime + (end - execution.startedAt))
            }
        }
        return StoreStats(
            counts: counts.keys.sorted().compactMap { place in
                guard let state = JobState(rawValue: place.word), let jobs = counts[place] else { return nil }
                return .init(queue: place.queue, kind: place.kind, state: state, jobs: jobs)
            },
            workers: workers.filter(\.value.isPresent).sorted { $0.key.rawValue < $1.key.rawValue }.map { id, worker in
                .init(
                    id: id, description: worker.description, running: held(by: id).count, heartbeatAge: moment.uptime - worker.renewedAt,
                    orders: worker.orders, hasHeard: worker.hasHeard)
            },
            oldestAvailable: oldest.sorted { $0.key < $1.key }.map { .init(queue: $0.key.queue, kind: $0.key.kind, since: $0.value) },
            lastHour: ended.sorted { $0.key < $1.key }.compactMap { place, sum in
                Outcome(rawValue: place.word).map {
                    .init(queue: place.queue, kind: place.kind, outcome: $0, executions: sum.executions, runTime: sum.runTime)
                }
            })
    }

    /// What is counted together: a queue, a kind, and a state or outcome.
    struct Place: Hashable, Comparable {
        var queue: String
        var kind: String
        var word: String

        static func < (lhs: Place, rhs: Place) -> Bool { (lhs.queue, lhs.kind, lhs.word) < (rhs.queue, rhs.kind, rhs.word) }
    }
}

extension ModelJob {
    fileprivate func place(in word: String) -> ModelTables.Place {
        ModelTables.Place(queue: input.queue, kind: input.kind, word: word)
    }

    var summary: JobSummary {
        JobSummary(
            id: id, key: input.key, kind: input.kind, queue: input.queue, state: state, priority: input.priority,
            attempt: state == .running ? attempts + 1 : attempts, maxAttempts: input.maxAttempts, crashes: crashes, createdAt: createdAt,
            runAt: state == .scheduled || state == .retryable ? startsAt : dueAt, finishedAt: finishedAt, reason: reason,
            meta: input.meta, label: input.label, tags: input.terms.tags, isSuspect: isSuspect, stuckSince: stuckSince,
            workflow: input.workflow, name: input.terms.name)
    }

    var detail: JobDetail {
        var detail = JobDetail(
            summary: summary, payload: input.payload, result: result,
            error: state == .completed ? nil : executions.last { $0.error != nil }?.error,
            timeout: input.timeout, terms: input.terms, parent: input.parent, root: input.root, trace: input.trace,
            traceRelation: input.traceRelation, cancelRequestedAt: cancellation?.requestedAt, executions: executions)
        if let progress, progress.execution == executions.last?.execution { detail.progress = progress }
        return detail
    }
}

extension JobSelector {
    func matches(_ job: ModelJob, byAnyTag: Bool) -> Bool {
        (ids.isEmpty || ids.contains(job.id)) && (queues.isEmpty || queues.contains(job.input.queue))
            && (kinds.isEmpty || kinds.contains(job.input.kind)) && (states.isEmpty || states.contains(job.state))
            && meta.allSatisfy { job.input.meta[$0.key] == $0.value }
            && (byAnyTag
                ? tags.isEmpty || tags.contains(where: job.input.terms.tags.contains)
                : tags.allSatisfy(job.input.terms.tags.contains))
            && arguments.allSatisfy { $0.matches(job.input.payload) }
            && (workflow.map { job.input.workflow == $0 } ?? true) && (since.map { job.createdAt >= $0 } ?? true)
            && (until.map { job.createdAt < $0 } ?? true)
    }
}
