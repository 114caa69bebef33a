// After the fault: a new worker takes over, runs all that is left, and what it found is held against what was promised.

import Errand
import ErrandContext
import ErrandSQLite

/// What became of a store after a fault.
struct Aftermath {
    private(set) var findings: [Finding] = []

    /// Opens the store in `directory` as after a start of its machine or of its worker, lets a worker run everything, and checks.
    /// - Parameter boot: the boot that this is; `nil`: still the same.
    init(of directory: String, boot: String?, promised ledger: Ledger) async {
        findings = ledger.findings
        var options = SQLiteStoreOptions()
        options.bootID = boot
        options.clock = LaterClock()
        let claimed: Ledger
        do throws(JobStoreError) {
            let opened = try SQLiteStore.open(directory: directory, options: options)
            defer { opened.close() }
            claimed = try await Aftermath.runAll(opened.store)
            // Half-made logs are finished by their first opener.
            _ = try await opened.store.logs.totalBytes()
        } catch {
            // A store of which nothing was promised may be missing, never unusable.
            findings.append(.init(.unusable, "\(error)"))
            return
        }
        findings += claimed.findings
        let survey = Survey(directory: directory)
        findings += survey.findings
        compare(survey, ledger, claimed)
    }

    /// Runs every job to its end, successfully, as a worker that was just started does.
    private static func runAll(_ store: Store) async throws(JobStoreError) -> Ledger {
        var ledger = Ledger()
        let worker = try await store.jobs.join(.laboratory)
        // Who held something is dead; rescuing the dead makes nobody else die.
        for casualty in try await store.jobs.casualties(seenBy: worker) {
            guard let condemned = try await store.jobs.condemn(casualty) else { continue }
            _ = try await store.jobs.rescue(condemned, suspectThreshold: nil)
        }
        var reports: [ExecutionReport] = []
        while true {
            let reply = try await store.jobs.exchange(ExchangeRequest(worker: worker, reports: reports, claim: .everything))
            for (report, result) in zip(reports, reply.results) where result == .accepted {
                ledger.note(.accepted(report.execution, report.outcome))
            }
            for job in reply.claimed { ledger.note(.claimed(job.execution)) }
            reports = reply.claimed.map { .completed($0) }
            if reports.isEmpty { break }
        }
        try await store.jobs.leave(worker)
        return ledger
    }

    private mutating func compare(_ survey: Survey, _ promised: Ledger, _ after: Ledger) {
        for key in promised.enqueued where survey.jobs[key] == nil { findings.append(.init(.lostEnqueue, key)) }
        for (key, job) in survey.jobs where job.end == nil { findings.append(.init(.unfinished, "\(key), job \(job.id)")) }
        let ends = Dictionary(survey.jobs.values.map { ($0.id, $0.end) }) { first, _ in first }
        for (execution, outcome) in promised.accepted {
            if outcome == .completed {
                let end = ends[execution.job] ?? nil
                if end?.ordinal != execution.ordinal || end?.outcome != 0 {
                    findings.append(.init(.lostOutcome, "\(execution) completed, and the job's end is \(end.map { "\($0)" } ?? "unknown")"))
                }
                if after.claimed.contains(where: { $0.job == execution.job }) {
                    findings.append(.init(.ranAgain, "\(execution.job) after \(execution) had completed"))
                }
            } else if survey.executions[execution] == nil, (ends[execution.job] ?? nil)?.ordinal != execution.ordinal {
                findings.append(.init(.lostOutcome, "\(execution) \(outcome.rawValue)"))
            }
        }
        let highest = promised.claimed.reduce(into: [JobID: Int64]()) { $0[$1.job] = max($0[$1.job] ?? 0, $1.ordinal) }
        for execution in after.claimed {
            if let last = highest[execution.job], execution.ordinal <= last {
                findings.append(.init(.tokenTwice, "\(execution) after \(execution.job).\(last)"))
            }
        }
    }
}

extension ClaimRequest {
    /// All that there is.
    static let everything = ClaimRequest(limit: 10_000, queues: [.init(queue: "default", limit: 10_000)], kinds: [Step.kind])
}

extension ExecutionReport {
    /// The job went well.
    static func completed(_ job: ClaimedJob) -> ExecutionReport {
        ExecutionReport(execution: job.execution, outcome: .completed, next: .complete, finishedAt: job.startedAt)
    }
}

extension WorkerDescription {
    /// A worker that lives as long as a test needs.
    static let laboratory = WorkerDescription(
        kinds: [Step.kind], queues: ["default": 10_000], concurrency: 10_000, host: "laboratory", pid: 1, version: "0",
        startedAt: Timestamp(microseconds: 1_790_000_000_000_000), lease: .seconds(600))
}
