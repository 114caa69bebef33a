// Workflows as a program starts them and looks after them.

import Synchronization

extension JobQueue {
    /// Starts a workflow: all of its jobs are added in one commit, or none is.
    /// - Throws: ``EnqueueError/invalid(reason:)`` for a circle, a name that is missing or used twice, a job that breaks a rule, or an empty
    ///   workflow that is not open; ``EnqueueError/store(_:)``, with ``JobStoreError/refused(reason:)`` for a dependency that is not on
    ///   record.
    public func start(_ workflow: Workflow) async throws(EnqueueError) -> StartedWorkflow {
        let (draft, names) = try draft(of: workflow)
        guard !middleware.isEmpty else { return try await start(draft, names: names) }
        // Around all of its jobs together, since they are added together.
        let jobs = draft.jobs + draft.followers.map(\.job)
        let started = Mutex<StartedWorkflow?>(nil)
        var next: EnqueueMiddleware.Next = { (jobs) async throws(EnqueueError) in
            let result = try await start(try draft.with(jobs), names: names)
            started.withLock { $0 = result }
            let members = names.map { result.jobs[$0] ?? JobID(rawValue: result.id.rawValue) }
            return (members + result.followers).map { result.isExisting ? .existing($0) : .added($0) }
        }
        for one in middleware.reversed() {
            let inner = next
            next = { (jobs) async throws(EnqueueError) in try await one.around(jobs, inner) }
        }
        _ = try await next(jobs)
        guard let result = started.withLock({ $0 }) else {
            throw .invalid(reason: "a middleware did not hand the jobs of the workflow on: it was not started")
        }
        return result
    }

    private func start(_ draft: NewWorkflow, names: [String]) async throws(EnqueueError) -> StartedWorkflow {
        let span = EnqueueSpan(draft.jobs + draft.followers.map(\.job), instruments: instruments)
        do throws(JobStoreError) {
            var stamped = draft
            stamped.jobs = draft.jobs.map { span.stamped(withLineage($0)) }
            stamped.followers = draft.followers.map { .init(span.stamped(withLineage($0.job)), ifFailed: $0.ifFailed) }
            let start = try await store.workflows.start(stamped)
            span.end(start.jobs + start.followers)
            return StartedWorkflow(
                id: start.id, isExisting: start.isExisting,
                jobs: Dictionary(zip(names, start.jobs.map(\.id)), uniquingKeysWith: { first, _ in first }),
                followers: start.followers.map(\.id))
        } catch {
            span.end(failure: .store(error))
            throw .store(error)
        }
    }

    /// Closes a workflow that was started open: it ends with its last live job.
    /// - Returns: How it stands; `nil` when there is none.
    /// - Throws: ``EnqueueError/store(_:)``.
    @discardableResult
    public func close(_ workflow: WorkflowID) async throws(EnqueueError) -> WorkflowStatus? {
        do throws(JobStoreError) {
            return try await store.workflows.close(workflow)
        } catch {
            throw .store(error)
        }
    }

    /// How a workflow stands; `nil` when there is none.
    /// - Throws: ``EnqueueError/store(_:)``.
    public func status(of workflow: WorkflowID) async throws(EnqueueError) -> WorkflowStatus? {
        do throws(JobStoreError) {
            return try await store.workflows.workflow(workflow)
        } catch {
            throw .store(error)
        }
    }

    /// The workflow as the store takes it, and the names of its jobs in that order.
    private func draft(of workflow: Workflow) throws(EnqueueError) -> (NewWorkflow, [String]) {
        if let problem = problem(with: workflow) { throw .invalid(reason: problem) }
        let order: [Int]
        do throws(WorkflowOrder.Problem) {
            order = try WorkflowOrder.places(workflow.nodes.map { ($0.name, $0.after) })
        } catch {
            throw .invalid(reason: error.description)
        }
        var draft = NewWorkflow()
        draft.name = workflow.name
        draft.key = workflow.key
        draft.isOpen = workflow.isOpen
        var places: [String: Int] = [:]
        for index in order {
            let node = workflow.nodes[index]
            var job = try node.make(self)
            job.terms.name = node.name
            // A name that is given twice is waited for once.
            let entries = Set(node.after.compactMap { places[$0] }).sorted()
            job.after = node.others + entries.map { Dependency(.entry($0), ifFailed: node.ifFailed) }
            try check(job, called: "\"\(node.name)\"")
            places[node.name] = draft.jobs.count
            draft.jobs.append(job)
        }
        for follower in workflow.followers {
            let job = try follower.make(self)
            try check(job, called: "what follows the workflow")
            draft.followers.append(.init(job, ifFailed: follower.ifFailed))
        }
        return (draft, order.map { workflow.nodes[$0].name })
    }

    private func check(_ job: NewJob, called what: String) throws(EnqueueError) {
        if job.key != nil { throw .invalid(reason: "\(what) has an idempotency key: give the workflow one instead, for all of its jobs") }
        // As a job of some workflow: which, nobody knows before it is started.
        var member = job
        member.workflow = WorkflowID(rawValue: 0)
        if let problem = JobRules.problem(with: member) { throw .invalid(reason: "\(what): \(problem)") }
    }

    private func problem(with workflow: Workflow) -> String? {
        if workflow.nodes.isEmpty, !workflow.isOpen { return "the workflow has no job: add some, or leave it open for those that follow" }
        guard workflow.nodes.count + workflow.followers.count <= Workflow.mostJobs else {
            return
                "the workflow has \(workflow.nodes.count) jobs, and at most \(Workflow.mostJobs) are started at once: leave it open, and add the others to it"
        }
        return JobRules.textProblem(workflow.name, limit: Limits.labelBytes, what: "name of the workflow")
            ?? JobRules.textProblem(workflow.key, limit: Limits.keyBytes, what: "key of the workflow")
    }
}

extension NewWorkflow {
    /// The same with its jobs as a middleware has handed them on.
    /// - Throws: ``EnqueueError/invalid(reason:)`` when there are more or fewer, or one breaks a rule now.
    fileprivate func with(_ jobs: [NewJob]) throws(EnqueueError) -> NewWorkflow {
        guard jobs.count == self.jobs.count + followers.count else {
            throw .invalid(
                reason:
                    "a middleware handed on \(jobs.count) of \(self.jobs.count + followers.count) jobs: a workflow is started as a whole")
        }
        for job in jobs {
            var member = job
            member.workflow = WorkflowID(rawValue: 0)
            if let problem = JobRules.problem(with: member) { throw .invalid(reason: problem) }
        }
        var workflow = self
        workflow.jobs = Array(jobs.prefix(self.jobs.count))
        workflow.followers = zip(jobs.suffix(followers.count), followers).map { Follower($0, ifFailed: $1.ifFailed) }
        return workflow
    }
}
