// Periodic jobs as a program sets them.

import ErrandSchedules
import FoundationEssentials

extension JobQueue {
    /// `job` as it is enqueued, for a ``PeriodicJob`` for example.
    /// - Throws: ``EnqueueError/invalid(reason:)``.
    public func newJob<J: Job>(_ job: J, options: EnqueueOptions = EnqueueOptions()) throws(EnqueueError) -> NewJob {
        try newJob(job, options: options, encoder: JSONEncoder())
    }

    /// Sets a periodic job: from now on it is enqueued at its slots, by whichever worker of the store leads, until it is removed. Setting it
    /// anew changes it, and keeps its next slot unless its timing is another.
    ///
    /// Call it whenever the program starts: it is durable, and where nothing has changed nothing happens.
    /// - Throws: ``EnqueueError/invalid(reason:)`` when it breaks a rule (``PeriodicRules``) or belongs to a file; ``EnqueueError/store(_:)``.
    @discardableResult
    public func setPeriodic(_ periodic: PeriodicJob) async throws(EnqueueError) -> PeriodicSetResult {
        let draft = try draft(periodic)
        do throws(JobStoreError) {
            let result = try await store.periodic.setPeriodic([draft], source: nil)[0]
            if case .belongs(let source) = result {
                throw JobStoreError.refused(reason: "the periodic job \(periodic.name) comes from \(source): change it there")
            }
            return result
        } catch {
            throw .store(error)
        }
    }

    /// Sets all periodic jobs of a file at once, and removes those that it no longer names.
    /// - Throws: As ``setPeriodic(_:)``; none was set.
    package func setPeriodic(_ periodic: [PeriodicJob], from source: String) async throws(EnqueueError) -> [PeriodicSetResult] {
        var drafts: [PeriodicDraft] = []
        for one in periodic { drafts.append(try draft(one)) }
        do throws(JobStoreError) {
            return try await store.periodic.setPeriodic(drafts, source: source)
        } catch {
            throw .store(error)
        }
    }

    private func draft(_ periodic: PeriodicJob) throws(EnqueueError) -> PeriodicDraft {
        var periodic = periodic
        let now = clock.now()
        do throws(UniqueFieldsProblem) {
            periodic.job.terms.uniqueness = try periodic.job.terms.uniqueness?.resolved(for: periodic.job.payload)
        } catch {
            throw .invalid(reason: "the periodic job \(periodic.name): \(error)")
        }
        if let problem = PeriodicRules.problem(with: periodic, now: nil) {
            throw .invalid(reason: "the periodic job \(periodic.name): \(problem)")
        }
        do throws(ScheduleProblem) {
            return PeriodicDraft(periodic, first: try periodic.nextSlot(after: now))
        } catch {
            throw .invalid(reason: error.description)
        }
    }

    /// Removes a periodic job; jobs that it has enqueued stay. Whether it was there.
    /// - Throws: ``JobStoreError``.
    @discardableResult
    public func removePeriodic(_ name: String) async throws(JobStoreError) -> Bool {
        try await store.periodic.removePeriodic([name])[0]
    }

    /// Stops a periodic job from being enqueued until ``resumePeriodic(_:)``; slots that pass meanwhile are not made up for. Whether it
    /// was there.
    /// - Throws: ``JobStoreError``.
    @discardableResult
    public func pausePeriodic(_ name: String) async throws(JobStoreError) -> Bool {
        try await store.periodic.pausePeriodic(name, true, next: nil)
    }

    /// Lets a paused periodic job go on with its next slot. Whether it was there.
    /// - Throws: ``JobStoreError``; ``JobStoreError/refused(reason:)`` when its schedule cannot be read here.
    @discardableResult
    public func resumePeriodic(_ name: String) async throws(JobStoreError) -> Bool {
        guard let entry = try await periodicJob(name) else { return false }
        // Its schedule is not known here.
        if let problem = entry.problem { throw .refused(reason: "the periodic job \(name) cannot be read: \(problem)") }
        // One that goes on already keeps its slot.
        guard entry.isPaused else { return true }
        let next: Timestamp?
        do throws(ScheduleProblem) {
            next = try entry.periodic.nextSlot(after: clock.now())
        } catch {
            throw .refused(reason: error.description)
        }
        return try await store.periodic.pausePeriodic(name, false, next: next)
    }

    /// All periodic jobs of the store, by name.
    /// - Throws: ``JobStoreError``.
    public func periodicJobs() async throws(JobStoreError) -> [PeriodicEntry] { try await store.periodic.periodicJobs() }

    /// A periodic job; `nil` when there is none of that name.
    /// - Throws: ``JobStoreError``.
    public func periodicJob(_ name: String) async throws(JobStoreError) -> PeriodicEntry? {
        try await periodicJobs().first { $0.periodic.name == name }
    }

    /// Enqueues a periodic job now, besides its slots, as its ``PeriodicJob/overlap`` says; also one that is paused.
    /// - Returns: What became of the run; `nil` when there is no such periodic job.
    /// - Throws: ``JobStoreError``.
    @discardableResult
    public func runPeriodic(_ name: String) async throws(JobStoreError) -> EnqueueResult? {
        while let entry = try await periodicJob(name) {
            if let problem = entry.problem { throw .refused(reason: "the periodic job \(name) cannot be read: \(problem)") }
            let now = clock.now()
            var job = entry.periodic.run(at: now)
            // At once: chance is for slots.
            job.runAt = nil
            let firing = PeriodicFiring(
                name: name, revision: entry.revision, due: nil, runs: [PeriodicFiring.Run(slot: now, job: job)], next: nil,
                cancelsPrevious: entry.periodic.overlap == .cancel)
            // Changed meanwhile: it is read again.
            if case .fired(let results) = try await store.periodic.fire([firing])[0] { return results[0] }
        }
        return nil
    }
}
