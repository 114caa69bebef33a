// Looks after other workers: makes the jobs of the dead available again, and tells who took them down.

import Logging

/// Rescues what dead workers held.
///
/// The order makes every step repeatable by somebody else: the crash file is read, the rescue is committed, only then are reports sent
/// and marks written, and last the crash file is deleted. A rescuer that dies before its commit has changed nothing; one that dies after
/// it leaves the crash file, and whoever sweeps finds the conviction on record and reports it.
package struct Rescuer: Sendable {
    let store: Store
    let configuration: Worker.Configuration
    let backoffs: [String: Backoff]
    let reporting: Reporting
    let pump: LogPump
    let clock: any ErrandClock

    private var logger: Logger { configuration.logger }

    /// How long a crash file without a worker is left alone: its rescuer may be at work.
    static let sweepAge = Duration.seconds(60)

    /// Looks once, and rescues what it finds; one after another, and no further ones once its task is cancelled.
    /// - Parameter executor: Where log lines are waited for; `nil` is the shared pool.
    package func look(as observer: WorkerID, on executor: (any TaskExecutor)? = nil) async throws(JobStoreError) {
        for finding in try await store.jobs.casualties(seenBy: observer) {
            guard !Task.isCancelled else { return }
            // Condemned first: a worker that lives after all, seen late by somebody who was held up, keeps its children.
            guard let casualty = try await store.jobs.condemn(finding) else { continue }
            if !casualty.executions.isEmpty { await configuration.endOrphans(casualty.executions) }
            let inquest = Inquest(
                records: records(of: casualty.worker), held: casualty.executions, suspects: try await suspects(of: casualty))
            let rescued = try await store.jobs.rescue(try await request(casualty, inquest))
            guard !rescued.isEmpty else {
                // Somebody else may have been faster and still need the file.
                if casualty.executions.isEmpty { forget(casualty.worker) }
                continue
            }
            logger.notice(
                "rescued the jobs of another worker",
                metadata: [
                    "worker": "\(casualty.worker)", "cause": "\(casualty.cause.rawValue)", "executions": .array(rescued.map { "\($0)" }),
                ])
            if await tell(of: rescued, casualty.cause, on: executor) { forget(casualty.worker) }
        }
    }

    /// Deletes crash files that no worker has any more, after telling what their rescuers may have died before telling.
    func sweep(as observer: WorkerID, on executor: any TaskExecutor) async throws(JobStoreError) {
        guard let ledger = store.crashes else { return }
        let left = try ledger.workers(untouchedFor: Rescuer.sweepAge)
        guard left.contains(where: { $0 != observer }) else { return }
        // Read after the files: whoever has joined since stands in the register.
        var inUse = Set(try await store.inspection.stats().workers.map(\.id))
        inUse.formUnion(try await store.jobs.casualties(seenBy: observer).map(\.worker))
        inUse.insert(observer)
        for worker in left where !inUse.contains(worker) {
            let named = records(of: worker).compactMap(\.execution)
            // Before telling, since this is the second chance: a reporter that crashes must not crash its worker once a minute.
            forget(worker)
            _ = await tell(of: named, nil, on: executor)
        }
    }

    // MARK: The crash file

    private func records(of worker: WorkerID) -> [CrashRecord] {
        do throws(JobStoreError) {
            return CrashRecord.all(in: try store.crashes?.contents(of: worker) ?? [])
        } catch {
            logger.warning(
                "a crash file cannot be read: nobody is convicted", metadata: ["worker": "\(worker)", "error": "\(error)"])
            return []
        }
    }

    private func forget(_ worker: WorkerID) {
        do throws(JobStoreError) {
            try store.crashes?.remove(worker)
        } catch {
            logger.warning("a crash file could not be deleted", metadata: ["worker": "\(worker)", "error": "\(error)"])
        }
    }

    // MARK: The rescue

    /// Which of the executions were those of suspects.
    private func suspects(of casualty: Casualty) async throws(JobStoreError) -> Set<ExecutionID> {
        // Only a suspect that ran alone may be convicted, so a crowd need not be looked at.
        guard casualty.cause == .dead, casualty.executions.count == 1 else { return [] }
        let isSuspect = try await store.inspection.job(casualty.executions[0].job)?.summary.isSuspect ?? false
        return isSuspect ? [casualty.executions[0]] : []
    }

    private func request(_ casualty: Casualty, _ inquest: Inquest) async throws(JobStoreError) -> RescueRequest {
        var convictions: [Conviction] = []
        for (execution, crash) in inquest.culprits {
            guard let job = try await store.inspection.job(execution.job)?.summary else { continue }
            var generator = SystemRandomNumberGenerator()
            let delay = (backoffs[job.kind] ?? Backoff()).delay(after: job.crashes + 1, using: &generator)
            convictions.append(
                Conviction(execution, error: crash.error(kind: job.kind), retryAt: clock.now() + delay))
        }
        return RescueRequest(
            casualty, convictions: convictions, neighbourError: inquest.neighbourError, suspectThreshold: configuration.suspectThreshold,
            convictionLimit: configuration.convictionLimit)
    }

    // MARK: Reports and marks

    /// Sends the reports of convicted executions and marks the ends of all logs, by what the store has on record; `false` when the
    /// store failed. `cause` is `nil` when only convictions are to be told.
    private func tell(of executions: [ExecutionID], _ cause: Casualty.Cause?, on executor: (any TaskExecutor)?) async -> Bool {
        do throws(JobStoreError) {
            for execution in executions {
                guard let job = try await store.inspection.job(execution.job),
                    let record = job.executions.first(where: { $0.execution == execution })
                else { continue }
                switch record.outcome {
                case .crashed:
                    let left = try await lastRecords(of: execution, limit: max(1, reporting.breadcrumbLimit))
                    await report(record, job, after: left, in: context(of: record, job, after: left.last))
                // A worker that was overdue may live, and go on with the log.
                case .interrupted where cause == .dead:
                    mark(record, in: context(of: record, job, after: try await lastRecords(of: execution, limit: 1).last))
                default: break
                }
            }
        } catch {
            logger.warning("could not tell what became of another worker's executions", metadata: ["error": "\(error)"])
            return false
        }
        // No longer than an outcome would: logs that cannot be written do not keep the next casualty waiting.
        await pump.flush(within: LogPump.patience, on: executor)
        for execution in executions { pump.forget(execution) }
        return true
    }

    /// The latest `limit` lines of an execution that are kept, oldest first.
    private func lastRecords(of execution: ExecutionID, limit: Int) async throws(JobStoreError) -> [LogRecord] {
        let last = try await store.logs.lastSequence(of: execution)
        // Further and further back, since a chunk may hold many lines: the end of a long log costs little.
        var span = Int64(max(limit, 64))
        while true {
            let records = try await records(of: execution, after: last - span)
            if records.count >= limit || span >= last { return records.suffix(limit) }
            span *= 8
        }
    }

    /// The lines of chunks whose first line has a number above `sequence`.
    private func records(of execution: ExecutionID, after sequence: Int64) async throws(JobStoreError) -> [LogRecord] {
        var records: [LogRecord] = []
        var position: LogPosition? = LogPosition(ordinal: execution.ordinal, firstSequence: sequence, cursor: .max)
        while true {
            let chunks = try await store.logs.chunks(of: execution.job, ordinal: execution.ordinal, after: position, limit: 64)
            guard let last = chunks.last else { return records }
            position = last.position
            records += chunks.flatMap { LogFraming.records(in: $0.chunk) }
        }
    }

    /// The scope of an execution that another process began: its log goes on after `last`, and so does its span, which a tracer may have
    /// chosen.
    private func context(of record: ExecutionRecord, _ job: JobDetail, after last: LogRecord?) -> ExecutionContext {
        let clock = clock
        let span = last?.identity.span(isSampled: job.trace?.isSampled ?? true)
        return ExecutionContext(
            executionID: record.execution, attempt: record.attempt, maxAttempts: job.summary.maxAttempts, queue: job.summary.queue,
            kind: job.summary.kind, parent: job.parent, root: job.root, trace: job.trace, span: span,
            meta: job.summary.meta, firstSequence: (last?.sequence ?? 0) + 1, redaction: configuration.redaction, sink: pump,
            now: { clock.now() })
    }

    private func report(
        _ record: ExecutionRecord, _ job: JobDetail, after breadcrumbs: [LogRecord], in context: ExecutionContext
    ) async {
        let error = record.error ?? StoredError(type: "Crash", message: "it took its worker down")
        let report = ErrorReport(
            executionID: record.execution, queue: job.summary.queue, kind: job.summary.kind, attempt: record.attempt,
            maxAttempts: job.summary.maxAttempts, outcome: .crashed, error: error,
            nextAttemptAt: job.summary.finishedAt == nil ? job.summary.runAt : nil,
            meta: configuration.redaction?.redacted(job.summary.meta) ?? job.summary.meta, trace: context.trace,
            parentSpanID: job.trace?.spanID, parentExecutionID: job.parent, rootExecutionID: job.root, startedAt: record.startedAt,
            occurredAt: record.finishedAt ?? clock.now(), breadcrumbs: breadcrumbs.suffix(reporting.breadcrumbLimit))
        await context.run { await reporting.send(report) }
        var text = "crashed: \(error.message)"
        if let worker = record.worker { text += "; worker \(worker) died with it" }
        context.log.remark(text, level: .critical, at: clock.now())
        ExecutionContext.none {
            logger.error(
                "an execution took its worker down",
                metadata: [
                    "execution_id": "\(record.execution)", "kind": "\(job.summary.kind)", "crashes": "\(job.summary.crashes)",
                    "worker": "\(record.worker.map(String.init(describing:)) ?? "unknown")", "error": "\(error)",
                ])
        }
    }

    private func mark(_ record: ExecutionRecord, in context: ExecutionContext) {
        let reason = record.error?.message ?? "worker \(record.worker.map(String.init(describing:)) ?? "") died"
        context.log.remark("interrupted: \(reason); the attempt does not count", level: .warning, at: clock.now())
    }
}
