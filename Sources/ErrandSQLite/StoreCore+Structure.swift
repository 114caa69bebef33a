// The seams of periodic jobs, steps and workflows, handed to the threads of the store.

import Errand
import ErrandContext

extension StoreCore: PeriodicStore {
    func setPeriodic(_ drafts: [PeriodicDraft], source: String?) async throws(JobStoreError) -> [PeriodicSetResult] {
        var prepared: [PreparedPeriodic] = []
        for draft in drafts { prepared.append(try PreparedPeriodic(draft)) }
        let ready = prepared
        return try await queue.perform(acknowledged) { (database) throws(JobStoreError) in
            try database.setPeriodic(ready, source: source)
        }
    }

    func removePeriodic(_ names: [String]) async throws(JobStoreError) -> [Bool] {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.removePeriodic(names) }
    }

    func pausePeriodic(_ name: String, _ isPaused: Bool, next: Timestamp?) async throws(JobStoreError) -> Bool {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in
            try database.pausePeriodic(name, isPaused, next: next?.microseconds)
        }
    }

    func periodicJobs() async throws(JobStoreError) -> [PeriodicEntry] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.periodicJobs() }
    }

    func duePeriodic(at time: Timestamp, limit: Int) async throws(JobStoreError) -> [PeriodicEntry] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.duePeriodic(at: time, limit: limit) }
    }

    func holdPeriodic(_ name: String, revision: Int64, until time: Timestamp) async throws(JobStoreError) {
        try await queue.perform(.normal) { (database) throws(JobStoreError) in
            (try database.holdPeriodic(name, revision: revision, until: time.microseconds), [])
        }
    }

    func fire(_ firings: [PeriodicFiring]) async throws(JobStoreError) -> [PeriodicFireResult] {
        var prepared: [PreparedFiring] = []
        for firing in firings { prepared.append(try PreparedFiring(firing)) }
        let ready = prepared
        return try await queue.perform(acknowledged) { (database) throws(JobStoreError) in try database.fire(ready) }.get()
    }
}

extension StoreCore: StepStore {
    func record(_ step: JobStep, by worker: WorkerID) async throws(JobStoreError) -> StepRecordResult {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in (try database.record(step, by: worker), []) }
    }

    func steps(of job: JobID) async throws(JobStoreError) -> [JobStep] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.steps(of: job) }
    }
}

extension StoreCore: WorkflowStore {
    func start(_ workflow: NewWorkflow) async throws(JobStoreError) -> WorkflowStart {
        let prepared = try PreparedWorkflow(workflow)
        let all = prepared.jobs + prepared.followers
        let durability = all.compactMap(\.job.durability).max() ?? acknowledged
        let bytes = all.reduce(0) { $0 + $1.job.payload.count }
        return try await intake.admit(bytes: bytes) { () async throws(JobStoreError) in
            try await queue.perform(durability) { (database) throws(JobStoreError) in try database.start(prepared) }.get()
        }
    }

    func close(_ workflow: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? {
        try await queue.perform(acknowledged) { (database) throws(JobStoreError) in
            var topics: Set<DoorbellTopic> = []
            try database.close(workflow.rawValue, topics: &topics)
            return ((), topics)
        }
        return try await self.workflow(workflow)
    }

    func workflow(_ id: WorkflowID) async throws(JobStoreError) -> WorkflowStatus? {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.workflow(id) }
    }

    func workflows(before cursor: WorkflowID?, limit: Int) async throws(JobStoreError) -> [WorkflowStatus] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.workflows(before: cursor, limit: limit) }
    }

    func workflows(meantBy text: String) async throws(JobStoreError) -> [WorkflowID] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.workflows(meantBy: text) }
    }

    func jobs(of workflow: WorkflowID, after cursor: JobID?, limit: Int) async throws(JobStoreError) -> [JobID] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.jobs(of: workflow, after: cursor, limit: limit) }
    }

    func dependencies(of jobs: [JobID]) async throws(JobStoreError) -> [JobID: [DependencyRecord]] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.dependencies(of: jobs) }
    }

    func dependents(of prerequisites: [Prerequisite], limit: Int) async throws(JobStoreError) -> [JobID] {
        try await reader.perform { (reader) throws(JobStoreError) in try reader.dependents(of: prerequisites, limit: limit) }
    }
}
