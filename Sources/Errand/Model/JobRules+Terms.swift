// What the terms of a job must look like.

extension JobRules {
    /// What is wrong with the terms of `job`, by themselves or beside its start time.
    static func termsProblem(with job: NewJob) -> String? {
        problem(with: job.terms) ?? lifetimeProblem(job.terms, runAt: job.runAt) ?? debounceProblem(with: job)
            ?? dependencyProblem(with: job)
    }

    /// What is wrong with what `job` waits for, or belongs to.
    private static func dependencyProblem(with job: NewJob) -> String? {
        guard !job.after.isEmpty || job.workflow != nil else { return nil }
        guard job.after.count <= Dependency.most else {
            return
                "the job waits for \(job.after.count) others, and at most \(Dependency.most) are allowed: put them into a workflow, and wait for that"
        }
        if let twice = Dictionary(grouping: job.after, by: \.prerequisite).first(where: { $0.value.count > 1 })?.key {
            return "the job waits twice for \(twice): name it once"
        }
        switch job.terms.uniqueness?.onConflict {
        case nil, .reject: return nil
        case .replace, .debounce, .keepLast:
            return
                "a job of a workflow, or one that waits for others, takes nobody's place: let its unique key reject, which is the default"
        }
    }

    /// What is wrong with `terms`, or `nil` when a job may be run on them.
    static func problem(with terms: JobTerms) -> String? {
        tagsProblem(terms.tags)
            ?? textProblem(terms.limitKey, limit: Limits.keyBytes, what: "limit key")
            ?? textProblem(terms.sequence?.key, limit: Limits.keyBytes, what: "sequence")
            ?? terms.name.flatMap { nameProblem($0, what: "job") }
            ?? terms.uniqueness.flatMap(problem)
            ?? terms.expiresAt.flatMap(timeProblem)
            ?? terms.deadline.flatMap(timeProblem)
    }

    /// What is wrong with tags: at most 16, each 1 to 64 of `a-z 0-9 . _ - :`.
    public static func tagsProblem(_ tags: [String]) -> String? {
        guard tags.count <= Limits.tags else { return "the job has \(tags.count) tags, and at most \(Limits.tags) are allowed" }
        return tags.lazy.compactMap { tag in
            nameProblem(tag.replacing(":", with: "."), what: "tag").map { _ in
                "\"\(tag.prefix(80))\" is not a tag: use 1 to 64 characters of a-z, 0-9, '.', '_', '-' and ':'"
            }
        }.first
    }

    /// What is wrong with a job that may not start before `runAt` and ends by itself before that.
    static func lifetimeProblem(_ terms: JobTerms, runAt: Timestamp?) -> String? {
        guard let runAt else { return nil }
        if let expiresAt = terms.expiresAt, expiresAt <= runAt {
            return "the job expires at \(expiresAt), before it may start at \(runAt): let it expire later, or start earlier"
        }
        if let deadline = terms.deadline, deadline <= runAt {
            return "the job's deadline is \(deadline), before it may start at \(runAt): set a later deadline, or an earlier start"
        }
        return nil
    }

    /// What is wrong with a unique key and what goes with it.
    package static func problem(with uniqueness: Uniqueness) -> String? {
        if let problem = textProblem(uniqueness.key, limit: Limits.uniqueKeyBytes, what: "unique key") {
            return uniqueness.fields.isEmpty
                ? problem : "\(problem); it is made of the payload's \(uniqueness.fields.joined(separator: ", "))"
        }
        if let period = uniqueness.period, let problem = durationProblem(period, what: "period of a unique key") { return problem }
        guard uniqueness.until == .ended || uniqueness.period == nil else {
            return "a unique key is kept for a period or until the job starts, not both: leave one of them out"
        }
        switch uniqueness.onConflict {
        case .reject, .replace: return nil
        case .keepLast:
            guard uniqueness.until == .ended, uniqueness.period == nil else {
                return "keep-last lets one job wait behind the one that runs: it goes with neither a period nor a key until the start"
            }
            return nil
        case .debounce(let delay, let maximumWait):
            if let problem = durationProblem(delay, what: "delay of a debounce") { return problem }
            if let maximumWait, let problem = durationProblem(maximumWait, what: "longest wait of a debounce") { return problem }
            return nil
        }
    }

    static func debounceProblem(with job: NewJob) -> String? {
        guard case .debounce = job.terms.uniqueness?.onConflict, job.runAt != nil else { return nil }
        return "a debounced job starts when its delay is over: leave the start time out"
    }
}
