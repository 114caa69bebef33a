// Waits for jobs to get somewhere, woken by the doorbell.

import Errand

/// What a command waits for.
enum WaitGoal: String, CaseIterable {
    /// The job has ended, however.
    case finished
    /// The job has ended well.
    case completed
    /// The job runs, or has ended.
    case running

    /// Whether a job in `state` has got there, or never will.
    func isDecided(_ state: JobState) -> Bool {
        state.isFinal || (self == .running && state == .running)
    }

    /// Whether a job that has been decided in `state` is a success.
    func isMet(_ state: JobState) -> Bool {
        state == .completed || (self == .running && state == .running)
    }
}

/// Waits for jobs.
struct JobWait {
    let store: Store
    let session: Session

    /// Waits until all of `jobs` (or any one of them) have been decided, and calls `onDecision` for each as it happens. Returns
    /// `false` when `timeout` came first. A job that is deleted meanwhile counts as decided, with `nil`.
    /// - Throws: `JobStoreError`, and what `onDecision` throws.
    func run(
        _ jobs: [JobID], for goal: WaitGoal, any: Bool = false, timeout: Duration? = nil,
        onDecision: (JobID, JobState?) async throws -> Void
    ) async throws -> Bool {
        var line = ProgressLine(on: session.talk)
        var topics: Set<DoorbellTopic> = goal == .running ? [.outcome, .log, .work, .control] : [.outcome]
        if line.isVisible { topics.insert(.log) }
        let attention = Attention(to: topics, on: store.doorbell, clock: session.clock)
        defer { attention.stop() }
        let deadline = timeout.map { session.clock.uptime() + $0 }
        var open = jobs
        while true {
            let states = try await store.inspection.states(of: open)
            var undecided: [JobID] = []
            for (job, state) in zip(open, states) {
                if let state, !goal.isDecided(state) {
                    undecided.append(job)
                } else {
                    try line.clear()
                    try await onDecision(job, state)
                    if any { return true }
                }
            }
            open = undecided
            guard !open.isEmpty else { return true }
            // Of several jobs the first that runs: a terminal has one last line.
            if line.isVisible { try line.show(try await progress(of: open)) }
            guard let deadline else {
                await attention.wait()
                continue
            }
            let remaining = deadline - session.clock.uptime()
            guard remaining > .zero else {
                try line.clear()
                return false
            }
            await attention.wait(atMost: min(remaining, Attention.safetyLook))
        }
    }

    /// At most so many jobs are asked how far they are, each time.
    private static let mostAsked = 20

    private func progress(of jobs: [JobID]) async throws(JobStoreError) -> JobProgress? {
        for job in jobs.prefix(JobWait.mostAsked) {
            if let found = try await store.inspection.job(job), found.summary.state == .running, let progress = found.progress {
                return progress
            }
        }
        return nil
    }
}
