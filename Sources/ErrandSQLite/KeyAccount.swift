// One limit key as a value: how many of its jobs run, how many more may start, and where its next job stands in a fair queue.

import Errand

/// What is known of one limit key during a transaction; written once before its commit.
struct KeyAccount {
    var queue: Int64
    /// How many of its jobs may run at once: its own limit, or that of its queue's keys; `nil` for as many as there are.
    var limit: Int64?
    /// How much of its rate is used up: its own rate, or that of its queue's keys.
    var meter: PermitMeter?
    /// How many of its jobs run.
    var running: Int64
    /// How many of its jobs have not ended: at 0 nothing needs its row any more.
    var live: Int64
    /// Where its next job stands in a fair queue.
    var tag: Int64
    /// Its part of a fair queue, compared with other keys.
    var weight: Int64
    /// When its line is looked at again, without anybody ending a job of it.
    var nextAt: Int64?
    var isChanged = false

    /// Steps of virtual time that a job of weight 1 costs its key.
    static let stride: Int64 = 1000

    var isLimited: Bool { limit != nil || meter != nil }

    /// How many more of its jobs may start at `now`.
    func room(at now: Int64) -> Int {
        min(limit.map { Int(max(0, $0 - running)) } ?? .max, meter?.permits(at: now) ?? .max)
    }

    mutating func start(at now: Int64) {
        running += 1
        meter?.take(1, at: now)
    }

    /// Where a job of the key stands from now on in a fair queue that has come to `virtualTime`.
    mutating func takeRank(at virtualTime: Int64) -> Int64 {
        let rank = max(virtualTime, tag)
        tag = rank + max(1, KeyAccount.stride / weight)
        return rank
    }

    /// When one more permit comes, if permits are what keeps its line from moving on.
    func nextPermit(at now: Int64) -> Int64? {
        guard let meter, limit.map({ Int(max(0, $0 - running)) > meter.permits(at: now) }) ?? true else { return nil }
        return meter.nextPermit(after: meter.permits(at: now), at: now)
    }
}

/// A job on its way to where it may start.
struct PlacedJob {
    var id: Int64
    var feed: Int64
    var priority: Int64
    /// Its place in the line for life, except in a fair queue.
    var rank: Int64
    var key: Int64?
    var base: Int64
    var attempt: Int64
    var crashes: Int64
}

/// The jobs of one kind of one limit key: they have a line of their own, so that a kind that may not start holds up no other.
struct KeyLane: Hashable {
    var key: Int64
    var kind: Int64
}
