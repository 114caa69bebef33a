// What a job must look like to be taken in: every refusal says what, where, what is allowed, and what to do.

/// The rules for input.
public enum JobRules {
    /// How the reason of a job begins that was refused when a store found it, after somebody had put it there.
    package static let refusal = "refused: "

    /// What is wrong with `job`, or `nil` when it may be enqueued.
    public static func problem(with job: NewJob) -> String? {
        nameProblem(job.kind, what: "kind")
            ?? nameProblem(job.queue, what: "queue")
            ?? payloadProblem(job.payload)
            ?? priorityProblem(job.priority)
            ?? rangeProblem(job.maxAttempts, in: Limits.attempts, what: "max attempts")
            ?? job.timeout.flatMap { durationProblem($0, what: "timeout") }
            ?? job.runAt.flatMap(timeProblem)
            ?? wordsProblem(with: job)
            ?? termsProblem(with: job)
    }

    private static func wordsProblem(with job: NewJob) -> String? {
        textProblem(job.key, limit: Limits.keyBytes, what: "key")
            ?? textProblem(job.label, limit: Limits.labelBytes, what: "label")
            ?? metaProblem(job.meta)
    }

    /// What is wrong with a queue's or kind's name: 1 to 64 of `a-z 0-9 . _ -` are allowed.
    public static func nameProblem(_ name: String, what: String) -> String? {
        let allowed = name.utf8.allSatisfy { byte in
            (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")) || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
        if allowed, (1...64).contains(name.utf8.count) { return nil }
        return "\"\(name.prefix(80))\" is not a \(what) name: use 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"
    }

    /// What is wrong with a payload.
    public static func payloadProblem(_ payload: [UInt8]) -> String? {
        guard payload.count <= Limits.payloadBytes else {
            return
                "the payload has \(payload.count) bytes, and at most \(Limits.payloadBytes) (1 MiB) are allowed: store the rest elsewhere and pass a reference"
        }
        do throws(JSONValidator.Problem) {
            try JSONValidator.validate(payload)
            return nil
        } catch {
            return "the payload is not valid JSON: \(error)"
        }
    }

    /// What is wrong with a duration that a job asks for.
    public static func durationProblem(_ duration: Duration, what: String) -> String? {
        guard duration > .zero else { return "the \(what) must be longer than 0" }
        guard duration <= Limits.longestDuration else { return "the \(what) is longer than ten years" }
        return nil
    }

    static func timeProblem(_ time: Timestamp) -> String? {
        // 1970 up to the year 9999: what RFC 3339 can say and a wall clock can mean.
        guard time.microseconds >= 0, time.microseconds < 253_402_300_800_000_000 else {
            return "the time \(time) is outside of 1970 … 9999"
        }
        return nil
    }

    /// What is wrong with a priority: −100 … 100 are allowed.
    public static func priorityProblem(_ priority: Int) -> String? { rangeProblem(priority, in: Limits.priorities, what: "priority") }

    private static func rangeProblem(_ value: Int, in range: ClosedRange<Int>, what: String) -> String? {
        range.contains(value) ? nil : "the \(what) \(value) is outside of \(range.lowerBound) … \(range.upperBound)"
    }

    static func textProblem(_ text: String?, limit: Int, what: String) -> String? {
        guard let text else { return nil }
        if text.isEmpty { return "the \(what) is empty: leave it out, or give it some text" }
        if text.utf8.count > limit { return "the \(what) has \(text.utf8.count) bytes, and at most \(limit) are allowed" }
        if text.utf8.contains(0) { return "the \(what) holds a NUL byte, which text cannot" }
        return nil
    }

    private static func metaProblem(_ meta: [String: String]) -> String? {
        if meta.count > Limits.metaEntries { return "meta has \(meta.count) entries, and at most \(Limits.metaEntries) are allowed" }
        let bytes = meta.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        if bytes > Limits.metaBytes { return "meta has \(bytes) bytes, and at most \(Limits.metaBytes) are allowed" }
        if meta.contains(where: { $0.key.isEmpty || $0.key.utf8.contains(0) || $0.value.utf8.contains(0) }) {
            return "a meta name is empty, or meta holds a NUL byte"
        }
        return nil
    }
}
