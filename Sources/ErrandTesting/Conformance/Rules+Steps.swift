// Rules about steps: recorded by whoever holds the execution, there for every later one, gone with the job.

import Errand
import ErrandContext

extension JobStoreConformance {
    static let stepRules: [Rule] = [
        Rule("a step that was recorded outlives its execution and a crash") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let first = try await check.claimOne(worker)
            let fetch = check.step("fetch", first.execution, "[1]")
            check.equal(try await check.steps.record(fetch, by: worker), .recorded, "the first step")
            try await check.subject.advance(by: .seconds(1))
            let store = check.step("store", first.execution, "null")
            check.equal(try await check.steps.record(store, by: worker), .recorded, "the second step")
            check.equal(try await check.steps.steps(of: id), [fetch, store], "the steps while it runs")
            try await check.subject.crashAndReopen()
            check.equal(try await check.steps.steps(of: id), [fetch, store], "the steps after a crash")
            let other = try await check.join()
            try await check.rescueAll(by: other)
            let second = try await check.claimOne(other)
            try await check.subject.advance(by: .seconds(1))
            let mail = check.step("mail", second.execution, "true")
            check.equal(try await check.steps.record(mail, by: other), .recorded, "a step of the next execution")
            check.equal(try await check.steps.steps(of: id).map(\.name), ["fetch", "store", "mail"], "the steps of both")
        },
        Rule("a cursor takes its new value") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            for value in ["1", "2", "30"] {
                var cursor = check.step("rows", held.execution, value)
                cursor.isCursor = true
                check.equal(try await check.steps.record(cursor, by: worker), .recorded, "the cursor")
                check.equal(try await check.steps.steps(of: id), [cursor], "what is kept")
            }
        },
        Rule("nobody records a step for an execution that it does not hold") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let other = try await check.join()
            let first = try await check.claimOne(worker)
            func record(_ execution: ExecutionID, _ worker: WorkerID) async throws -> StepRecordResult {
                try await check.steps.record(check.step("a", execution, "1"), by: worker)
            }
            check.equal(try await record(first.execution, other), .leaseLost, "a step by another worker")
            try await check.end(first.execution, by: worker, .interrupted, .giveBack)
            check.equal(try await record(first.execution, worker), .leaseLost, "a step after the end")
            let second = try await check.claimOne(worker)
            check.equal(try await record(first.execution, worker), .leaseLost, "a late step of the earlier execution")
            check.equal(try await record(second.execution, worker), .recorded, "a step in time")
            check.equal(try await check.steps.steps(of: id).map(\.execution), [second.execution], "who has recorded")
        },
        Rule("a worker that was condemned records no step") { check in
            let late = try await check.overdueWorker()
            _ = try await check.jobs.condemn(late.casualty)
            let result = try await check.steps.record(check.step("a", late.held, "1"), by: late.id)
            check.equal(result, .leaseLost, "a step of a condemned worker")
            check.equal(try await check.steps.steps(of: late.job), [], "the steps")
        },
        Rule("what steps gave goes when their job completes, and the steps go with the job") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            _ = try await check.steps.record(check.step("a", held.execution, "1"), by: worker)
            try await check.end(held.execution, by: worker, .completed, .complete)
            let left = try await check.steps.steps(of: id)
            check.equal(left.map(\.name), ["a"], "the names")
            check.equal(left.map(\.result), [nil], "the results")
            _ = try await check.control.delete([id], evenLive: false)
            check.equal(try await check.steps.steps(of: id), [], "the steps of a deleted job")
        },
        Rule("a job that died keeps what its steps gave for the retry, unless they are to be forgotten") { check in
            let id = try await check.add()
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            let step = check.step("a", held.execution, "1")
            _ = try await check.steps.record(step, by: worker)
            let anew = JobEdit { $0.forgetsSteps = true }
            check.equal(
                try await check.control.retry([id], resettingAttempts: false, edits: [id: anew]), [.refused(.running)],
                "a retry while it runs")
            try await check.end(held.execution, by: worker, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.control.retry([id], resettingAttempts: false), [.retried], "the retry")
            check.equal(try await check.steps.steps(of: id), [step], "the steps of a retried job")
            check.equal(
                try await check.control.retry([id], resettingAttempts: false, edits: [id: anew]), [.refused(.available)], "a second retry")
            check.equal(try await check.steps.steps(of: id), [step], "the steps after a retry that was refused")
            let again = try await check.claimOne(worker)
            try await check.end(again.execution, by: worker, .failed, .bury(reason: "max_attempts"))
            check.equal(try await check.control.retry([id], resettingAttempts: false, edits: [id: anew]), [.retried], "a retry from anew")
            check.equal(try await check.steps.steps(of: id), [], "the steps afterwards")
        },
        Rule("a job has so many steps, and so much of their results, and no more") { check in
            _ = try await check.add()
            let worker = try await check.join()
            let held = try await check.claimOne(worker)
            let large = String(repeating: "7", count: StepRules.resultBytes)
            // Encryption adds a little to each.
            let count = StepRules.totalBytes / StepRules.resultBytes - 1
            for number in 0..<count {
                let result = try await check.steps.record(check.step("large \(number)", held.execution, large), by: worker)
                check.equal(result, .recorded, "large step \(number)")
            }
            var refusals = 0
            for number in 0..<2 {
                if case .refused = try await check.steps.record(check.step("more \(number)", held.execution, large), by: worker) {
                    refusals += 1
                }
            }
            check.expect(refusals > 0, "steps were recorded beyond the limit of bytes")
            check.equal(
                try await check.steps.record(check.step("large 0", held.execution, "1"), by: worker), .recorded, "a smaller result instead")
            _ = try await check.steps.record(check.step("large 1", held.execution, "1"), by: worker)
            for number in 0..<(StepRules.count - count) {
                _ = try await check.steps.record(check.step("small \(number)", held.execution, "1"), by: worker)
            }
            guard case .refused = try await check.steps.record(check.step("last", held.execution, "1"), by: worker) else {
                return check.fail("a step was recorded beyond the limit of steps")
            }
        },
    ]
}

extension RuleCheck {
    var steps: any StepStore { subject.store.steps }

    func step(_ name: String, _ execution: ExecutionID, _ result: String) -> JobStep {
        JobStep(name: name, execution: execution, result: Array(result.utf8), recordedAt: subject.now())
    }
}
