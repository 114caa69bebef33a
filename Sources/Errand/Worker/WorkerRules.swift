// What a worker's settings and handlers may be.

extension Worker.Configuration {
    /// Everything that contradicts itself or what is allowed; empty when the worker can run.
    package var problems: [String] {
        var problems: [String] = []
        func require(_ isFine: Bool, _ problem: @autoclosure () -> String) { if !isFine { problems.append(problem()) } }
        require(
            Limits.concurrency.contains(concurrency),
            "concurrency \(concurrency) is outside of \(Limits.concurrency.lowerBound) … \(Limits.concurrency.upperBound)")
        require(lease >= .seconds(1), "a lease lasts 1 second or more, not \(lease)")
        require(grace >= .zero, "the grace period is 0 or more, not \(grace)")
        require(stuckAfter >= .zero, "the time until stuck is 0 or more, not \(stuckAfter)")
        require(stuckLimit ?? 0 >= 0, "the limit of stuck executions is 0 or more, not \(stuckLimit ?? 0)")
        require(
            suspectThreshold ?? 1 >= 1, "a job becomes a suspect after 1 death or more, not \(suspectThreshold ?? 1); nil means never")
        require(reportGrace >= .zero, "the grace for error reports is 0 or more, not \(reportGrace)")
        return problems + (spareSlots.map { spareProblems($0) } ?? []) + queueProblems
    }

    private func spareProblems(_ spare: SpareSlots) -> [String] {
        guard spare.slots >= 1, spare.slots < concurrency else {
            return [
                "\(spare.slots) spare slots leave no others: of \(concurrency) slots 1 to \(concurrency - 1) may be spare"
            ]
        }
        return JobRules.priorityProblem(spare.priority).map { [$0] } ?? []
    }

    private var queueProblems: [String] {
        guard !queues.isEmpty else { return ["a worker serves one queue at least"] }
        var problems: [String] = []
        for (name, concurrency) in queues {
            if let problem = JobRules.nameProblem(name, what: "queue") { problems.append(problem) }
            if let concurrency, !Limits.concurrency.contains(concurrency) {
                problems.append("concurrency \(concurrency) of queue \(name) is outside of 1 … 10000")
            }
        }
        let names = queues.map(\.name)
        if Set(names).count != names.count { problems.append("a queue is named twice: \(names.joined(separator: ", "))") }
        return problems
    }
}

extension Worker {
    /// What is wrong with the handlers of one worker; empty when they can run.
    package static func problems(with handlers: [Handler]) -> [String] {
        var problems: [String] = []
        for handler in handlers {
            if let problem = JobRules.nameProblem(handler.kind, what: "kind") { problems.append(problem) }
            if let limit = handler.heartbeatTimeout, let problem = JobRules.durationProblem(limit, what: "heartbeat timeout") {
                problems.append("the handler of kind \(handler.kind): \(problem)")
            }
            if handler.isolation != .none {
                problems.append(
                    "the handler of kind \(handler.kind) asks for a process of its own, which only `work` of a program built on ErrandApp can give it: build on ErrandApp, or leave out isolation: .process"
                )
            }
        }
        let kinds = handlers.map(\.kind)
        if Set(kinds).count != kinds.count {
            problems.append("two handlers have the same kind: \(kinds.sorted().joined(separator: ", "))")
        }
        return problems
    }
}
