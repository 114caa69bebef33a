// Adds the lines of a batch, commit after commit, and tells what became of each.

import Errand

/// Reads lines and enqueues them.
struct BatchIntake {
    let queue: JobQueue
    let session: Session
    let isJSON: Bool
    /// Completes a job with what all have in common, such as the execution that enqueues them.
    var stamp: (inout NewJob) -> Void = { _ in }

    private var counts = BulkCounts()
    private var firstOpen = 1
    private let startedAt: Duration

    /// The longest line: a payload and all that may stand beside it.
    static let lineLimit = Limits.payloadBytes + (64 << 10)

    init(queue: JobQueue, session: Session, isJSON: Bool) {
        (self.queue, self.session, self.isJSON) = (queue, session, isJSON)
        startedAt = session.clock.uptime()
    }

    /// Adds every line of `source`. Empty lines are passed over.
    /// - Throws: ``Failure``: 6 when some lines could not be added, 2 when none could, 4 when the store took no more; what the source throws.
    mutating func run(_ source: ByteSource, _ form: BatchLine) async throws {
        var lines = LineReader(source, limit: BatchIntake.lineLimit)
        var bulk = BulkIntake(queue: queue)
        var number = 0
        do {
            while let line = try lines.next() {
                number += 1
                guard case .bytes(let bytes) = line else {
                    try refuse(number, "it has more than \(BatchIntake.lineLimit) bytes: pass a reference instead of the data")
                    continue
                }
                if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
                var job: NewJob
                do throws(BatchLine.Problem) {
                    job = try form.job(bytes)
                } catch {
                    try refuse(number, error.text)
                    continue
                }
                stamp(&job)
                try await tell(try await bulk.add(job, number: number))
            }
            try await tell(try await bulk.finish())
        } catch let error as EnqueueError {
            try showProgress(isLast: true)
            try session.output.flush()
            throw Failure(
                .unavailable,
                "\(session.inOwnName(error.description)); line \(firstOpen) is the first that is not added: go on with `tail -n +\(firstOpen)`, or with all lines where each has a key"
            )
        }
        try showProgress(isLast: true)
        try session.output.flush()
        try conclude()
    }

    private mutating func tell(_ outcomes: [BulkIntake.Outcome]) async throws {
        for (number, result) in outcomes {
            firstOpen = number + 1
            switch result {
            case .success(.conflict(let id)):
                try refuse(number, "its key belongs to the job \(id), whose kind or payload is another")
            case .success(.unique(let id)): try refuse(number, "the job \(id) has its unique key")
            case .success(let taken):
                counts.count(result)
                try show(taken, number)
            case .failure(let error): try refuse(number, session.inOwnName(error.description))
            }
        }
        if !outcomes.isEmpty {
            try session.output.flush()
            try showProgress(isLast: false)
        }
    }

    private func show(_ result: EnqueueResult, _ number: Int) throws {
        guard isJSON else { return try session.output.line(result.id.description) }
        let object = JSONWriter.versioned { writer in
            writer.member("line", number)
            writer.member("id", result.id.description)
            writer.member("existing", result != .added(result.id))
            writer.member("result", result.word)
        }
        try session.output.object(object)
    }

    private mutating func refuse(_ number: Int, _ problem: String) throws {
        counts.refused += 1
        try session.talk.line("\(session.talk.isTerminal ? "\r\u{1B}[K" : "")line \(number): \(TerminalText.escaped(problem))")
    }

    /// One line on a terminal, written over itself.
    private func showProgress(isLast: Bool) throws {
        guard session.talk.isTerminal else { return }
        let seconds = Double((session.clock.uptime() - startedAt) / .milliseconds(1)) / 1000
        let jobs = counts.taken
        let rate = seconds > 0 ? ", \(Int(Double(jobs) / seconds)) a second" : ""
        let refused = counts.refused > 0 ? ", \(counts.refused) refused" : ""
        let existing = counts.existing > 0 ? ", \(counts.existing) there before" : ""
        let replaced = counts.replaced > 0 ? ", \(counts.replaced) in another's place" : ""
        try session.talk.write("\r\u{1B}[K\(counts.added) added\(existing)\(replaced)\(refused)\(rate)\(isLast ? "\n" : "")".utf8)
        try session.talk.flush()
    }

    private func conclude() throws {
        guard counts.refused > 0 else {
            if counts.taken == 0 { try session.talk.line("no line: nothing was added") }
            return
        }
        let all = counts.taken + counts.refused
        if counts.refused == all { throw Failure(.usage, "no line could be added") }
        throw Failure(.partial, "\(counts.refused) of \(all) lines could not be added")
    }
}
