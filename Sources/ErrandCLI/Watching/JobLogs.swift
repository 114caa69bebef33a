// The logs of named jobs and executions, followed to their end where that is asked for.

import Errand

/// Reads the logs of certain jobs for one command.
struct JobLogs {
    let store: Store
    let session: Session

    /// What is read.
    struct Target {
        var job: JobID
        /// The one execution; `nil` is all.
        var ordinal: Int64?
        /// How many executions are on record among those that are read.
        var executions: Int

        /// Whether `execution` is read.
        func covers(_ execution: ExecutionID) -> Bool { execution.job == job && (ordinal == nil || ordinal == execution.ordinal) }

        /// Whether the lines of `chunk` are read as their owner's.
        func covers(_ chunk: LogChunk) -> Bool { chunk.job.map { covers(ExecutionID($0, chunk.ordinal)) } ?? false }
    }

    /// What `ids` and `execution` mean.
    /// - Throws: ``Failure``: 3 when a job or execution does not exist, 2 when the text is ambiguous; `JobStoreError`.
    func targets(_ ids: [String], execution: ExecutionChoice) async throws -> [Target] {
        var targets: [Target] = []
        let resolver = JobResolver(inspection: store.inspection)
        for id in ids {
            let named = try await resolver.target(id)
            guard let job = try await store.inspection.job(named.job) else {
                throw Failure(.notFound, "the job \(named.job) has just been deleted")
            }
            targets.append(try target(job, named: named.ordinal, execution))
        }
        return targets
    }

    private func target(_ job: JobDetail, named: Int64?, _ choice: ExecutionChoice) throws -> Target {
        let onRecord = job.executions.map(\.execution.ordinal)
        var wanted = named
        switch choice {
        case .all: break
        case .last: wanted = wanted ?? onRecord.last
        case .ordinal(let ordinal):
            if let named, named != ordinal { throw Failure(.usage, "--execution \(ordinal) contradicts \(job.summary.id).\(named)") }
            wanted = ordinal
        }
        if let wanted, !onRecord.contains(wanted) {
            let known =
                onRecord.isEmpty ? "it has not run yet" : "it has \(job.executions.map(\.execution.description).joined(separator: ", "))"
            throw Failure(.notFound, "the job \(job.summary.id) has no execution \(wanted): \(known)")
        }
        return Target(job: job.summary.id, ordinal: wanted, executions: wanted == nil ? onRecord.count : 1)
    }

    /// Prints the logs of `targets`, and when `follow` goes on until each has ended, telling the outcomes on the talk stream.
    /// - Throws: ``Failure``, `JobStoreError`, ``Output/Closed``.
    func run(_ targets: [Target], _ printer: LogPrinter, follow: Bool) async throws {
        var printer = printer
        let attention = Attention(to: [.log, .outcome], on: store.doorbell, clock: session.clock)
        defer { attention.stop() }
        var cursors = targets.map { JobLogCursor(logs: store.logs, job: $0.job, ordinal: $0.ordinal) }
        var crossings = targets.map { CrossedLogCursor(logs: store.logs, job: $0.job, ordinal: $0.ordinal) }
        var open = Array(targets.indices)
        var isFirst = true
        var line = ProgressLine(on: session.talk)
        repeat {
            if !isFirst { await attention.wait() }
            // The state is read before the lines: lines are committed before the outcome, so what has ended is then complete.
            let ended = try await endedTargets(open, targets)
            try line.clear()
            for index in open {
                try await cursors[index].readOn { try printer.print($0) }
                try await crossings[index].readOn { chunk in
                    // What is read as its owner's line anyway is not printed twice.
                    guard !targets.contains(where: { $0.covers(chunk) }) else { return }
                    try printer.print(crossed: chunk, with: targets[index].covers)
                }
            }
            if isFirst { try printer.printTail() }
            isFirst = false
            try session.output.flush()
            for index in open where ended.contains(index) || !follow {
                try await conclude(targets[index], hasLines: cursors[index].hasRead, follow: follow)
            }
            open.removeAll { ended.contains($0) }
            if follow, line.isVisible, let last = open.last { try line.show(try await store.inspection.job(targets[last].job)?.progress) }
        } while follow && !open.isEmpty
    }

    private func endedTargets(_ open: [Int], _ targets: [Target]) async throws -> Set<Int> {
        let states = try await store.inspection.states(of: open.map { targets[$0].job })
        var ended: Set<Int> = []
        for (index, state) in zip(open, states) {
            guard let state, !state.isFinal else {
                ended.insert(index)
                continue
            }
            guard let ordinal = targets[index].ordinal, let job = try await store.inspection.job(targets[index].job) else { continue }
            if job.executions.contains(where: { $0.execution.ordinal == ordinal && $0.outcome != nil }) { ended.insert(index) }
        }
        return ended
    }

    /// Says what a reader needs to know at the end: the outcome, or why there is nothing to read.
    private func conclude(_ target: Target, hasLines: Bool, follow: Bool) async throws {
        guard let job = try await store.inspection.job(target.job) else {
            try session.talk.line("the job \(target.job) has been deleted")
            return
        }
        if !hasLines { try session.talk.line(JobLogs.reasonForSilence(job, ordinal: target.ordinal)) }
        if follow { try session.talk.line(JobLogs.outcome(of: job, ordinal: target.ordinal)) }
    }

    /// Why a job has no lines.
    static func reasonForSilence(_ job: JobDetail, ordinal: Int64?) -> String {
        let summary = job.summary
        if job.executions.isEmpty {
            return summary.state.isFinal
                ? "the job \(summary.id) is \(summary.state.rawValue) and never ran"
                : "the job \(summary.id) is \(summary.state.rawValue) and has not run yet: `\(Session.program) logs -f \(summary.id)` waits for it"
        }
        let name = ordinal.map { ExecutionID(summary.id, $0).description } ?? summary.id.description
        return "\(name) has no log lines: it wrote none, or they were pruned"
    }

    /// How a job, or one execution of it, ended.
    static func outcome(of job: JobDetail, ordinal: Int64?) -> String {
        let summary = job.summary
        if let ordinal, let record = job.executions.first(where: { $0.execution.ordinal == ordinal }) {
            let error = record.error.map { ": \(TerminalText.escaped($0.description))" } ?? ""
            return "\(record.execution) \(record.outcome?.rawValue ?? "running")\(error)"
        }
        let attempts = "after \(summary.attempt) attempt\(summary.attempt == 1 ? "" : "s")"
        let error = summary.state == .dead ? job.error.map { ": \(TerminalText.escaped($0.description))" } ?? "" : ""
        let next = summary.state == .dead ? "; next: `\(Session.program) show \(summary.id)`" : ""
        return "\(summary.id) \(summary.state.rawValue) \(attempts)\(error)\(next)"
    }
}
