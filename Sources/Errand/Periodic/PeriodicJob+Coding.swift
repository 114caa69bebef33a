// How a periodic job is kept: everything but the payload, which stands beside it as that of every job does.

private struct StoredPeriodic: Codable {
    var name: String
    var cron: String?
    var zone: String?
    var every: Int64?
    var kind: String
    var queue: String
    var priority: Int?
    var maxAttempts: Int
    var timeout: Int64?
    var meta: [String: String]?
    var label: String?
    var terms: JobTerms?
    var overlap: PeriodicJob.Overlap
    var missed: String
    var missedLimit: Int?
    var jitter: Int64?
    var startsAt: Timestamp?
    var endsAt: Timestamp?
    var expires: Int64?
    var deadline: Int64?

    private enum CodingKeys: String, CodingKey {
        case name, cron, zone, kind, queue, priority, timeout = "timeout_us", meta, label, terms, overlap, missed
        case every = "every_us"
        case maxAttempts = "max_attempts"
        case missedLimit = "missed_limit"
        case jitter = "jitter_us"
        case startsAt = "starts_at"
        case endsAt = "ends_at"
        case expires = "expires_us"
        case deadline = "deadline_us"
    }
}

extension PeriodicJob: Codable {
    /// Reads what ``encode(to:)`` has written; the payload is empty.
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let stored = try StoredPeriodic(from: decoder)
        func broken(_ text: String) -> DecodingError {
            DecodingError.dataCorrupted(DecodingError.Context(codingPath: decoder.codingPath, debugDescription: text))
        }
        let timing: Timing
        if let cron = stored.cron {
            timing = .cron(cron, zone: stored.zone ?? "UTC")
        } else if let every = stored.every {
            timing = .every(.microseconds(every))
        } else {
            throw broken("a periodic job without a schedule")
        }
        var job = NewJob(kind: stored.kind, payload: [])
        job.queue = stored.queue
        job.priority = stored.priority ?? 0
        job.maxAttempts = stored.maxAttempts
        job.timeout = stored.timeout.map { .microseconds($0) }
        job.meta = stored.meta ?? [:]
        job.label = stored.label
        job.terms = stored.terms ?? JobTerms()
        self.init(stored.name, timing, job)
        overlap = stored.overlap
        switch stored.missed {
        case "skip": missed = .skip
        case "latest": missed = .latest
        case "all": missed = .all(upTo: stored.missedLimit ?? 1)
        default: throw broken("\"\(stored.missed)\" is no way to treat missed slots")
        }
        jitter = .microseconds(stored.jitter ?? 0)
        (startsAt, endsAt) = (stored.startsAt, stored.endsAt)
        expires = stored.expires.map { .microseconds($0) }
        deadline = stored.deadline.map { .microseconds($0) }
    }

    /// Writes everything but the payload; durations in whole microseconds.
    /// - Throws: `EncodingError`.
    public func encode(to encoder: any Encoder) throws {
        var stored = StoredPeriodic(
            name: name, kind: job.kind, queue: job.queue, maxAttempts: job.maxAttempts, overlap: overlap, missed: missed.word)
        switch timing {
        case .cron(let line, let zone): (stored.cron, stored.zone) = (line, zone)
        case .every(let interval): stored.every = interval.wholeMicroseconds
        }
        if job.priority != 0 { stored.priority = job.priority }
        stored.timeout = job.timeout?.wholeMicroseconds
        if !job.meta.isEmpty { stored.meta = job.meta }
        stored.label = job.label
        if !job.terms.isEmpty { stored.terms = job.terms }
        if case .all(let limit) = missed { stored.missedLimit = limit }
        if jitter > .zero { stored.jitter = jitter.wholeMicroseconds }
        (stored.startsAt, stored.endsAt) = (startsAt, endsAt)
        stored.expires = expires?.wholeMicroseconds
        stored.deadline = deadline?.wholeMicroseconds
        try stored.encode(to: encoder)
    }
}

extension PeriodicJob.Missed {
    /// The word for it in JSON and on the command line.
    package var word: String {
        switch self {
        case .skip: "skip"
        case .latest: "latest"
        case .all: "all"
        }
    }
}
