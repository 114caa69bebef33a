// What errand.yaml wants to hold for every worker of the store.

public import Errand

/// Settings of one queue, kind or limit key, as `errand queues set` makes them.
public struct StoreSetting: Sendable, Hashable {
    /// What they hold for.
    public var scope: LimitScope
    /// What is set, in the order of the file; what the file does not name stays as it stands in the store.
    public var changes: [SettingChange]
}

extension ConfigurationReader {
    /// What stands under `queues`: how this worker serves them, and what holds for all workers.
    mutating func queue(_ key: YAMLNode, _ node: YAMLNode) -> ErrandConfiguration.Queue {
        let scope = LimitScope.queue(key.plainText)
        let keys = [
            "concurrency", "total_concurrency", "rate", "key_concurrency", "key_rate", "fair", "weight", "limit_keys",
        ]
        var queue = ErrandConfiguration.Queue()
        for member in members(node, of: "a queue", keys: keys) {
            switch member.name {
            case "concurrency": queue.concurrency = number(member, in: Limits.concurrency)
            case "total_concurrency": set(.concurrency(count(member)), member, scope)
            case "rate": set(.rate(rate(member)), member, scope)
            case "key_concurrency": set(.keyConcurrency(count(member)), member, scope)
            case "key_rate": set(.keyRate(rate(member)), member, scope)
            case "fair": if let isFair = flag(member) { set(.fair(isFair), member, scope) }
            case "weight": if let weight = number(member, in: SettingRules.weights) { set(.weight(weight), member, scope) }
            default: limitKeys(member, of: key.plainText)
            }
        }
        return queue
    }

    private mutating func limitKeys(_ member: YAMLNode.Member, of queue: String) {
        for key in members(member.value, of: "limit_keys", keys: nil) {
            let scope = LimitScope.key(key.name, queue: queue)
            if let problem = SettingRules.problem(with: .weight(1), of: scope) { report(key.key, problem) }
            for part in members(key.value, of: "a limit key", keys: ["total_concurrency", "rate", "weight"]) {
                switch part.name {
                case "total_concurrency": set(.concurrency(count(part)), part, scope)
                case "rate": set(.rate(rate(part)), part, scope)
                default: if let weight = number(part, in: SettingRules.weights) { set(.weight(weight), part, scope) }
                }
            }
        }
    }

    /// Remembers a change; `none` in the file is `nil` here, and lifts a limit.
    mutating func set(_ change: SettingChange, _ member: YAMLNode.Member, _ scope: LimitScope) {
        if let problem = SettingRules.problem(with: change, of: scope) {
            // What is wrong with the name itself is said where it stands.
            if !scope.isMisnamed { report(member.value, problem) }
            return
        }
        if let index = settings.firstIndex(where: { $0.scope == scope }) {
            settings[index].changes.append(change)
        } else {
            settings.append(StoreSetting(scope: scope, changes: [change]))
        }
    }

    /// A limit, or `none`.
    mutating func count(_ member: YAMLNode.Member) -> Int? {
        unlessNone(member) { $0.number($1, in: SettingRules.counts) }
    }

    /// A rate, or `none`.
    mutating func rate(_ member: YAMLNode.Member) -> RateLimit? {
        unlessNone(member) { reader, member in
            guard let text = reader.text(member.value, what: "\"\(member.name)\"") else { return nil }
            do throws(RateText.Problem) {
                return try RateText.parse(text)
            } catch {
                reader.report(member.value, "\"\(member.name)\": \(error)")
                return nil
            }
        }
    }
}

extension LimitScope {
    /// Whether there can be no such queue, kind or key.
    fileprivate var isMisnamed: Bool {
        let fitting: SettingChange = if case .key = self { .weight(1) } else { .pause }
        return SettingRules.problem(with: fitting, of: self) != nil
    }
}
