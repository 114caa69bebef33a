// What the terms of a job must look like.

extension JobRules {
    /// What is wrong with `terms`, or `nil` when a job may be run on them.
    static func problem(with terms: JobTerms) -> String? {
        tagsProblem(terms.tags)
            ?? textProblem(terms.limitKey, limit: Limits.keyBytes, what: "limit key")
            ?? textProblem(terms.uniqueness?.key, limit: Limits.keyBytes, what: "unique key")
            ?? terms.uniqueness?.period.flatMap { durationProblem($0, what: "period of a unique key") }
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
}
