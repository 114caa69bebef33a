// What a job has waited for, read from the store by its worker.

import Synchronization

/// Reads what a job has waited for, once.
final class WorkerPrerequisites: PrerequisiteLedger {
    /// `nil`: a job that has waited for nothing, as most have; they share one of these, and never ask the store.
    private let job: JobID?
    private let store: Store
    private let known = Mutex<[KnownPrerequisite]?>(nil)

    init(of job: JobID?, in store: Store) {
        self.job = job
        self.store = store
    }

    func prerequisites() async throws -> [KnownPrerequisite] {
        guard let job else { return [] }
        if let known = known.withLock({ $0 }) { return known }
        let records: [DependencyRecord]
        do throws(JobStoreError) {
            records = try await store.workflows.dependencies(of: [job])[job] ?? []
        } catch {
            throw PrerequisiteError.store(error)
        }
        let found = records.map { record -> KnownPrerequisite in
            var known = KnownPrerequisite(job: nil, workflow: nil, name: record.name, state: record.state?.rawValue)
            switch record.prerequisite {
            case .job(let id): known.job = id
            case .workflow(let id): known.workflow = id
            case .entry: break
            }
            return known
        }
        known.withLock { $0 = found }
        return found
    }

    func result(of job: JobID) async throws -> [UInt8]? {
        do throws(JobStoreError) {
            return try await store.inspection.job(job)?.result
        } catch {
            throw PrerequisiteError.store(error)
        }
    }
}
