// The `retention` of errand.yaml: how long finished jobs, their results and their logs are kept.

import Errand

extension ConfigurationReader {
    private static let retentionKeys = ["completed", "cancelled", "dead", "results", "jobs", "bytes", "logs", "log_bytes", "rules"]
    private static let ruleKeys = ["queue", "kind", "state", "age", "jobs", "bytes", "results", "logs"]

    /// What stands under `retention`, put over the defaults; `none` sets no limit.
    mutating func retention(_ node: YAMLNode) -> RetentionPolicy {
        var policy = RetentionPolicy()
        for member in members(node, of: "retention", keys: ConfigurationReader.retentionKeys) {
            switch member.name {
            case "completed": policy.completed = unlessNone(member) { $0.duration($1) }
            case "cancelled": policy.cancelled = unlessNone(member) { $0.duration($1) }
            case "dead": policy.dead = unlessNone(member) { $0.duration($1) }
            case "results": policy.results = unlessNone(member) { $0.duration($1) }
            case "jobs": policy.finishedJobs = unlessNone(member) { $0.number($1, in: 0...Int.max) }
            case "bytes": policy.finishedBytes = unlessNone(member) { $0.size($1, atLeast: 0) }
            case "logs": policy.logAge = unlessNone(member) { $0.duration($1) }
            case "log_bytes": policy.logBytes = unlessNone(member) { $0.size($1, atLeast: 0) }
            default: policy.rules = rules(member)
            }
        }
        return policy
    }

    private mutating func rules(_ member: YAMLNode.Member) -> [RetentionRule] {
        guard case .sequence(let nodes) = member.value.content else {
            report(
                member.value,
                "\"rules\" must be a list, such as [{ kind: mail, state: completed, age: 1h }], not \(member.value.description)")
            return []
        }
        return nodes.map { rule($0) }
    }

    private mutating func rule(_ node: YAMLNode) -> RetentionRule {
        var rule = RetentionRule()
        let members = members(node, of: "a rule of retention", keys: ConfigurationReader.ruleKeys)
        for member in members {
            switch member.name {
            case "queue": rule.queue = name(member)
            case "kind": rule.kind = name(member)
            case "state": rule.state = finalState(member)
            case "age": rule.age = duration(member)
            case "jobs": rule.jobs = number(member, in: 0...Int.max)
            case "bytes": rule.bytes = size(member, atLeast: 0)
            case "results": rule.results = duration(member)
            default: rule.logs = duration(member)
            }
        }
        if case .mapping = node.content, !members.contains(where: { !["queue", "kind", "state"].contains($0.name) }) {
            report(node, "a rule of retention says nothing: give it an age, jobs, bytes, results or logs")
        }
        return rule
    }

    private mutating func finalState(_ member: YAMLNode.Member) -> JobState? {
        let states = JobState.allCases.filter(\.isFinal)
        guard let text = text(member.value, what: "\"state\"") else { return nil }
        if let state = states.first(where: { $0.rawValue == text }) { return state }
        report(member.value, "\"state\" is one of \(states.map(\.rawValue).joined(separator: ", ")), not \"\(text)\"")
        return nil
    }
}
