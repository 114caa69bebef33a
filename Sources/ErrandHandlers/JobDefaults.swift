// What errand.yaml says about jobs of a kind for those who enqueue them.

public import Errand

/// What a new job of a kind has where its enqueuer says nothing else.
public struct JobDefaults: Sendable, Hashable {
    /// The line that it waits in.
    public var queue: String?
    /// -100 … 100, lower first.
    public var priority: Int?
    /// How many attempts may count, 1 … 1,000.
    public var maxAttempts: Int?
    /// How long after its enqueue it is cancelled unless it has started.
    public var expires: Duration?
    /// How long after its enqueue it must have ended.
    public var deadline: Duration?
    /// Words that it is found by.
    public var tags: [String] = []
    /// By which places in its payload it is unique; its key is worked out when it is enqueued.
    public var uniqueness: Uniqueness?
    /// The place in the payload whose value is its limit key.
    public var limitKey: PayloadPath?
    /// The place in the payload whose value is its sequence.
    public var sequence: PayloadPath?
    /// Whether its death halts that sequence.
    public var haltsOnDeath = false

    /// `job` with all of it. What depends on the payload is left out where the payload has no such place.
    public func apply(to job: inout NewJob, now: Timestamp) {
        if let queue { job.queue = queue }
        if let priority { job.priority = priority }
        if let maxAttempts { job.maxAttempts = maxAttempts }
        if let expires { job.terms.expiresAt = now + expires }
        if let deadline { job.terms.deadline = now + deadline }
        job.terms.tags = Set(job.terms.tags).union(tags).sorted()
        if let uniqueness { job.terms.uniqueness = uniqueness }
    }

    /// `job` with what its payload makes of it, where nothing else was said: to be called when the payload is known.
    public func applyPayload(to job: inout NewJob) {
        if job.terms.limitKey == nil { job.terms.limitKey = limitKey?.text(in: job.payload) }
        if job.terms.sequence == nil {
            job.terms.sequence = sequence?.text(in: job.payload).map { JobSequence($0, haltsOnDeath: haltsOnDeath) }
        }
    }
}

extension ConfigurationReader {
    private static let kindKeys = [
        "total_concurrency", "rate", "queue", "priority", "max_attempts", "expires", "deadline", "tags", "unique", "limit_key", "sequence",
        "halt",
    ]

    /// What stands under `kinds`: what holds for all workers, and what jobs have that say nothing else.
    mutating func kind(_ key: YAMLNode, _ node: YAMLNode) -> JobDefaults {
        let scope = LimitScope.kind(key.plainText)
        var defaults = JobDefaults()
        for member in members(node, of: "a kind", keys: ConfigurationReader.kindKeys) {
            switch member.name {
            case "total_concurrency": set(.concurrency(count(member)), member, scope)
            case "rate": set(.rate(rate(member)), member, scope)
            case "queue": defaults.queue = name(member)
            case "priority": defaults.priority = number(member, in: Limits.priorities)
            case "max_attempts": defaults.maxAttempts = number(member, in: Limits.attempts)
            case "expires": defaults.expires = duration(member)
            case "deadline": defaults.deadline = duration(member)
            case "tags": defaults.tags = tags(member)
            case "unique": defaults.uniqueness = uniqueness(member)
            case "limit_key": defaults.limitKey = place(member)
            case "halt": defaults.haltsOnDeath = flag(member) ?? false
            default: defaults.sequence = place(member)
            }
        }
        return defaults
    }

    mutating func tags(_ member: YAMLNode.Member) -> [String] {
        let tags = texts(member, example: "[import, nightly]") ?? []
        if let problem = JobRules.tagsProblem(tags) { report(member.value, problem) }
        return tags
    }

    private mutating func place(_ member: YAMLNode.Member) -> PayloadPath? {
        text(member.value, what: "\"\(member.name)\"").flatMap { place($0, member.value, of: member.name) }
    }

    private mutating func place(_ text: String, _ node: YAMLNode, of name: String) -> PayloadPath? {
        if let path = PayloadPath(text) { return path }
        report(node, "\"\(name)\": \"\(text.prefix(40))\" is no place in a payload: write account.id, or /account/id")
        return nil
    }

    // MARK: Unique

    private mutating func uniqueness(_ member: YAMLNode.Member) -> Uniqueness? {
        if case .sequence = member.value.content { return fields(member).flatMap { uniqueness(by: $0, member) } }
        var fields: [String]?
        var isNamed = false
        var unique = Uniqueness(by: [])
        for part in members(member.value, of: "unique", keys: ["by", "scope", "until", "for", "on_conflict"]) {
            switch part.name {
            case "by": (fields, isNamed) = (self.fields(part), true)
            case "scope":
                unique.scope = word(part, ["kind": .kind, "queue": .queue, "kind-and-queue": .kindAndQueue, "store": .store]) ?? .kind
            case "until": unique.until = word(part, ["ended": .ended, "started": .started]) ?? .ended
            case "for": unique.period = duration(part)
            default: unique.onConflict = conflict(part) ?? .reject
            }
        }
        guard let fields else {
            if case .mapping = member.value.content, !isNamed {
                report(member.value, "\"unique\" has no \"by\": name the places in the payload, such as by: [account.id]")
            }
            return nil
        }
        unique.fields = fields
        // The key is still to come: here only what goes with what is looked at.
        var keyed = unique
        keyed.key = "key"
        if let problem = JobRules.problem(with: keyed) { report(member.value, problem) }
        return uniqueness(by: fields, member).map { _ in unique }
    }

    private mutating func uniqueness(by fields: [String], _ member: YAMLNode.Member) -> Uniqueness? {
        guard (1...Limits.uniqueFields).contains(fields.count) else {
            report(member.value, "\"unique\" names 1 to \(Limits.uniqueFields) places in the payload, not \(fields.count)")
            return nil
        }
        return Uniqueness(by: fields)
    }

    private mutating func fields(_ member: YAMLNode.Member) -> [String]? {
        let fields = texts(member, example: "[account.id]")
        for field in fields ?? [] { _ = place(field, member.value, of: member.name) }
        return fields
    }

    mutating func word<Value>(_ member: YAMLNode.Member, _ words: [String: Value], or other: String? = nil) -> Value? {
        guard let text = text(member.value, what: "\"\(member.name)\"") else { return nil }
        if let value = words[text] { return value }
        let known = words.keys.sorted() + [other].compactMap(\.self)
        report(member.value, "\"\(member.name)\" is one of \(known.joined(separator: ", ")), not \"\(text.prefix(40))\"")
        return nil
    }

    private mutating func conflict(_ member: YAMLNode.Member) -> Uniqueness.Conflict? {
        guard case .mapping = member.value.content else {
            return word(member, ["reject": .reject, "replace": .replace, "keep-last": .keepLast], or: "{ debounce: 5s, max: 1m }")
        }
        var delay: Duration?
        var maximum: Duration?
        for part in members(member.value, of: "on_conflict", keys: ["debounce", "max"]) {
            if part.name == "debounce" { delay = duration(part) } else { maximum = duration(part) }
        }
        guard let delay else {
            report(member.value, "\"on_conflict\" is reject, replace, keep-last or { debounce: 5s, max: 1m }")
            return nil
        }
        return .debounce(delay: delay, maximumWait: maximum)
    }
}
