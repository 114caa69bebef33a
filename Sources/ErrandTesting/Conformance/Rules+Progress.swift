// Rules about progress: the newest word of the newest execution, from whoever holds it.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let progressRules: [Rule] = [
        Rule("what a running execution says of its progress is shown with its job, the newest word stands") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            check.equal(try await check.detail(id).progress, nil, "the progress of an execution that has said nothing")
            var last: JobProgress?
            for (fraction, message) in [(0.25, "a quarter"), (nil, "no idea"), (0.5, nil)] as [(Double?, String?)] {
                let progress = JobProgress(execution: held.execution, fraction: fraction, message: message, at: check.subject.now())
                try await check.tell([progress], worker)
                check.equal(try await check.detail(id).progress, progress, "the progress")
                last = progress
            }
            try await check.subject.crashAndReopen()
            check.equal(try await check.detail(id).progress, last, "the progress after a crash")
        },
        Rule("progress of an execution that its worker does not hold is dropped") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let other = try await check.join()
            let first = try await check.claimOne(worker)
            func told(_ execution: ExecutionID, _ message: String) -> JobProgress {
                JobProgress(execution: execution, fraction: 0.9, message: message, at: check.subject.now())
            }
            try await check.tell([told(first.execution, "by another worker")], other)
            check.equal(try await check.detail(id).progress, nil, "progress that another worker told")
            try await check.end(first.execution, by: worker, .interrupted, .giveBack)
            let second = try await check.claimOne(worker)
            try await check.tell([told(first.execution, "late")], worker)
            check.equal(try await check.detail(id).progress, nil, "late progress of an older execution")
            let good = told(second.execution, "in time")
            try await check.tell([good], worker)
            try await check.end(second.execution, by: worker, .completed, .complete)
            try await check.tell([told(second.execution, "after the end")], worker)
            check.equal(try await check.detail(id).progress, good, "the progress of the ended execution")
        },
        Rule("progress that comes with the end stays until the job runs again") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            let progress = JobProgress(execution: first.execution, fraction: 0.4, message: "here", at: check.subject.now())
            var request = ExchangeRequest(
                worker: worker, reports: [check.report(first.execution, .failed, .bury(reason: "max_attempts"))])
            request.progress = [progress]
            check.equal(try await check.jobs.exchange(request).results, [.accepted], "the report")
            check.equal(try await check.detail(id).progress, progress, "the progress of the dead job")
            check.equal(try await check.control.retry([id], resettingAttempts: false), [.retried], "the retry")
            check.equal(try await check.detail(id).progress, progress, "the progress of the retried job")
            _ = try await check.claimOne(worker)
            check.equal(try await check.detail(id).progress, nil, "the progress of the next execution")
        },
    ]
}

extension RuleCheck {
    /// A step of `worker` that tells of progress.
    func tell(_ progress: [JobProgress], _ worker: WorkerID) async throws {
        var request = ExchangeRequest(worker: worker)
        request.progress = progress
        _ = try await jobs.exchange(request)
    }
}
