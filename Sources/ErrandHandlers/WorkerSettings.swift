// What errand.yaml says about the worker that reads it.

public import Errand

/// How a worker runs where its command line does not say.
public struct WorkerSettings: Sendable, Hashable {
    /// Slots in all, 1 … 10,000.
    public var concurrency: Int?
    /// Which queue gives the next job.
    public var order: QueueOrder?
    /// Slots that are kept free, fewer than there are.
    public var spare: SpareSlots?
    /// How long its hold on jobs lasts without renewal, one second or more.
    public var lease: Duration?
    /// How long a shutdown waits for jobs before it cancels them.
    public var grace: Duration?
    /// At how many deaths in a row a job that ran is a suspect, 1 … 1,000; 0 for never.
    public var suspectAfter: Int?

    /// Puts what is said over `configuration`.
    public func apply(to configuration: inout Worker.Configuration) {
        if let concurrency { configuration.concurrency = concurrency }
        if let order { configuration.queueOrder = order }
        if let spare { configuration.spareSlots = spare }
        if let lease { configuration.lease = lease }
        if let grace { configuration.grace = grace }
        if let suspectAfter { configuration.suspectThreshold = suspectAfter == 0 ? nil : suspectAfter }
    }
}

extension ConfigurationReader {
    /// What stands under `worker`.
    mutating func worker(_ node: YAMLNode) -> WorkerSettings {
        var settings = WorkerSettings()
        var priority: YAMLNode.Member?
        let keys = ["concurrency", "order", "spare", "spare_priority", "lease", "grace", "suspect_after"]
        for member in members(node, of: "worker", keys: keys) {
            switch member.name {
            case "concurrency": settings.concurrency = number(member, in: Limits.concurrency)
            case "order": settings.order = order(member)
            case "spare": settings.spare = number(member, in: 1...(Limits.concurrency.upperBound - 1)).map { SpareSlots($0) }
            case "spare_priority": priority = member
            case "lease": settings.lease = lease(member)
            case "grace": settings.grace = duration(member, orZero: true)
            default: settings.suspectAfter = number(member, in: 0...1000)
            }
        }
        if let priority {
            let number = number(priority, in: Limits.priorities)
            if settings.spare == nil { report(priority.key, "\"spare_priority\" says more about \"spare\": give a number of slots too") }
            if let number { settings.spare?.priority = number }
        }
        return settings
    }

    private mutating func order(_ member: YAMLNode.Member) -> QueueOrder? {
        guard let text = text(member.value, what: "\"order\"") else { return nil }
        if let order = QueueOrder(rawValue: text) { return order }
        report(member.value, "\"order\" is strict or weighted, not \"\(text.prefix(40))\"")
        return nil
    }

    private mutating func lease(_ member: YAMLNode.Member) -> Duration? {
        guard let lease = duration(member) else { return nil }
        if lease >= .seconds(1) { return lease }
        report(member.value, "\"lease\" is 1s or more")
        return nil
    }
}
