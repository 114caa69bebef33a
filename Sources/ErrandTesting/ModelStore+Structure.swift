// Periodic jobs and steps as the seams of the in-memory store.

public import Errand

extension ModelStore: PeriodicStore {
    /// Sets periodic jobs.
    /// - Throws: ``JobStoreError/refused(reason:)`` when there would be too many.
    public func setPeriodic(_ drafts: [PeriodicDraft], source: String?) async throws(JobStoreError) -> [PeriodicSetResult] {
        let now = clock.now()
        return try commit { tables in
            let before = tables
            let results = drafts.map { tables.set($0, source: source, at: now) }
            guard tables.periodic.count <= PeriodicRules.count else {
                tables = before
                return Result<[PeriodicSetResult], JobStoreError>.failure(
                    .refused(
                        reason: "the store has \(PeriodicRules.count) periodic jobs, and more are not allowed: remove some"))
            }
            if let source { tables.keepPeriodic(Set(drafts.map(\.periodic.name)), of: source) }
            return .success(results)
        }.get()
    }

    /// Removes periodic jobs; never throws.
    public func removePeriodic(_ names: [String]) async throws(JobStoreError) -> [Bool] {
        commit { tables in names.map { tables.periodic.removeValue(forKey: $0) != nil } }
    }

    /// Pauses a periodic job or lets it go on; never throws.
    public func pausePeriodic(_ name: String, _ isPaused: Bool, next: Timestamp?) async throws(JobStoreError) -> Bool {
        commit { $0.pausePeriodic(name, isPaused, next: next) }
    }

    /// All periodic jobs; never throws.
    public func periodicJobs() async throws(JobStoreError) -> [PeriodicEntry] {
        read { tables in tables.periodic.values.sorted { $0.periodic.name < $1.periodic.name } }
    }

    /// Those that are due; never throws.
    public func duePeriodic(at time: Timestamp, limit: Int) async throws(JobStoreError) -> [PeriodicEntry] {
        read { $0.duePeriodic(at: time, limit: limit) }
    }

    /// Puts a periodic job off; never throws.
    public func holdPeriodic(_ name: String, revision: Int64, until time: Timestamp) async throws(JobStoreError) {
        commit { $0.holdPeriodic(name, revision: revision, until: time) }
    }

    /// Fires slots; never throws.
    public func fire(_ firings: [PeriodicFiring]) async throws(JobStoreError) -> [PeriodicFireResult] {
        let now = clock.now()
        return commit(drawing: { tables, generator in firings.map { tables.fire($0, at: now, using: &generator) } })
    }
}

extension ModelStore: StepStore {
    /// Records a step; never throws.
    public func record(_ step: JobStep, by worker: WorkerID) async throws(JobStoreError) -> StepRecordResult {
        commit { $0.record(step, by: worker) }
    }

    /// The steps of a job; never throws.
    public func steps(of job: JobID) async throws(JobStoreError) -> [JobStep] {
        read { tables in (tables.steps[job] ?? []).sorted { ($0.recordedAt, $0.name) < ($1.recordedAt, $1.name) } }
    }
}
