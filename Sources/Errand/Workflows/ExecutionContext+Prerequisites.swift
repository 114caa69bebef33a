// What a handler can ask about the jobs that its own has waited for.

import FoundationEssentials

extension ExecutionContext {
    /// What the job has waited for, in the order of IDs; empty when it waited for nothing.
    /// - Throws: ``PrerequisiteError``.
    public func prerequisites() async throws -> [DependencyRecord] {
        try await known().map { known in
            DependencyRecord(
                prerequisite: known.workflow.map { .workflow($0) } ?? .job(known.job ?? executionID.job), ifFailed: .cascade, isOpen: false,
                state: known.state.flatMap(JobState.init(rawValue:)), name: known.name)
        }
    }

    /// What the job called `name` gave, which this job has waited for.
    ///
    /// ```swift
    /// Handler(Report.self) { report, context in
    ///     let page = try await context.result(of: "fetch", as: Page.self)
    /// ```
    /// - Throws: ``PrerequisiteError``.
    public func result<Output: Decodable & Sendable>(of name: String, as type: Output.Type = Output.self) async throws -> Output {
        let all = try await known()
        let found = all.filter { $0.job != nil && $0.name == name }
        guard let first = found.first, let job = first.job else {
            throw PrerequisiteError.unknown(
                name: name, known: all.map { $0.name ?? $0.job?.description ?? $0.workflow?.description ?? "" })
        }
        guard found.count == 1 else { throw PrerequisiteError.ambiguous(name: name, ids: found.compactMap(\.job)) }
        return try await result(of: job, as: type)
    }

    /// What `job` gave, which this job has waited for.
    /// - Throws: ``PrerequisiteError``.
    public func result<Output: Decodable & Sendable>(of job: JobID, as type: Output.Type = Output.self) async throws -> Output {
        guard let one = try await known().first(where: { $0.job == job }) else {
            throw PrerequisiteError.unknown(
                name: job.description, known: try await known().compactMap { $0.job?.description ?? $0.workflow?.description })
        }
        guard one.state == JobState.completed.rawValue else {
            throw PrerequisiteError.notCompleted(job: job, state: one.state.flatMap(JobState.init(rawValue:)))
        }
        guard let bytes = try await ledger().result(of: job) else { throw PrerequisiteError.noResult(job: job) }
        if let sealed = SealedBytes(bytes) { throw PrerequisiteError.encrypted(job: job, keyID: sealed.keyID) }
        do {
            return try JSONDecoder().decode(Output.self, from: Data(bytes))
        } catch {
            throw PrerequisiteError.notDecodable(job: job, reason: "\(error)")
        }
    }

    /// What all jobs gave that this job has waited for and that have completed, in the order of IDs.
    /// - Throws: ``PrerequisiteError``.
    public func results<Output: Decodable & Sendable>(as type: Output.Type = Output.self) async throws -> [Output] {
        var outputs: [Output] = []
        for one in try await known() where one.state == JobState.completed.rawValue {
            if let job = one.job { outputs.append(try await result(of: job, as: type)) }
        }
        return outputs
    }

    private func ledger() throws -> any PrerequisiteLedger {
        guard let prerequisiteLedger else { throw PrerequisiteError.noWorker }
        return prerequisiteLedger
    }

    private func known() async throws -> [KnownPrerequisite] { try await ledger().prerequisites() }
}
