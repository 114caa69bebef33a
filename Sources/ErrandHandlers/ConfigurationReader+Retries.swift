// What errand.yaml says about failed attempts of a kind: how long to wait, and when not to try again.

import Errand

extension ConfigurationReader {
    /// What stands under `backoff`: the first limit, or a mapping of `base` and `maximum`.
    mutating func backoff(_ member: YAMLNode.Member) -> Backoff {
        var backoff = Backoff()
        if case .scalar = member.value.content {
            if let base = duration(member) { backoff.base = base }
            backoff.maximum = max(backoff.base, backoff.maximum)
            return backoff
        }
        var maximum: Duration?
        for part in members(member.value, of: "backoff", keys: ["base", "maximum"]) {
            if part.name == "base" { backoff.base = duration(part) ?? backoff.base } else { maximum = duration(part) }
        }
        if let maximum, maximum < backoff.base {
            report(
                member.value,
                "\"backoff\": the maximum \(DurationText.format(maximum)) is shorter than the base \(DurationText.format(backoff.base)): raise the one or lower the other"
            )
        }
        backoff.maximum = maximum ?? max(backoff.base, backoff.maximum)
        return backoff
    }

    /// What stands under `unrecoverable`: a list of exit statuses.
    mutating func exitStatuses(_ member: YAMLNode.Member) -> Set<Int> {
        guard case .sequence(let nodes) = member.value.content else {
            report(member.value, "\"unrecoverable\" must be a list of exit statuses, such as [64, 65], not \(member.value.description)")
            return []
        }
        var statuses: Set<Int> = []
        for node in nodes {
            guard case .scalar(let text, isPlain: true) = node.content, let status = Int(text), (1...255).contains(status), status != 75
            else {
                report(node, "\"unrecoverable\" holds exit statuses from 1 to 255 without 75, which snoozes, not \(node.description)")
                continue
            }
            statuses.insert(status)
        }
        return statuses
    }
}
