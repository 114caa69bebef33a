// Retention by queue, kind, count, bytes and results, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    /// Judges all finished jobs, newest first, and lets at most `limit` of them go or lose something.
    mutating func walk(_ policy: RetentionPolicy, limit: Int, at now: Timestamp) -> PruneReport {
        var report = PruneReport(jobs: [], hasMore: false)
        var tally = RetentionTally(policy, now: now)
        var touched = 0
        for job in jobsByID.reversed() where job.state.isFinal {
            let fate = tally.judge(
                FinishedJob(
                    queue: job.input.queue, kind: job.input.kind, state: job.state, finishedAt: job.finishedAt ?? now,
                    payloadBytes: job.input.payload.count, resultBytes: job.result?.count ?? 0))
            let losesLogs = if case .stays(_, true) = fate { !job.logsAreGone } else { false }
            let losesResult = if case .stays(true, _) = fate { !isNeeded(job.id) } else { false }
            guard fate == .goes || losesLogs || losesResult else { continue }
            guard touched < limit else {
                report.hasMore = true
                return report
            }
            touched += 1
            if fate == .goes {
                guard !halts(job.id), !isNeeded(job.id) else { continue }
                erase(job)
                report.jobs.append(job.id)
                continue
            }
            if losesResult {
                jobs[job.id]?.result = nil
                report.results += 1
            }
            if losesLogs {
                jobs[job.id]?.logsAreGone = true
                report.logs.append(job.id)
            }
        }
        return report
    }
}
