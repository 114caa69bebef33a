// What a claim gathers: the heads of all open lines, merged lazily, as far as slots, limits and limit keys allow. Nothing is changed.

import Errand

/// What a claim takes out of `errand_available`.
struct Harvest {
    /// The open feeds of the queues that were asked for; candidates name them by their place here.
    var feeds: [ClaimPlan.OpenFeed] = []
    /// What starts, in this order.
    var starting: [QueueDatabase.Candidate] = []
    /// What stands in the way and may not start: its limit key has admitted it, and has no room any more.
    var evicted: [QueueDatabase.Candidate] = []
}

/// One queue in a claim.
private struct ClaimLine {
    let queue: String
    /// How many more jobs of it may start.
    var left: Int
    /// Its part of all feeds.
    let feeds: Range<Int>
    /// Its part beside the others, where queues are weighted.
    let weight: Int64
    /// The first job of each of its feeds; `nil` before anybody has looked.
    var heads: [QueueDatabase.Candidate]?

    /// Where its first job is among its heads.
    var first: Int? {
        guard let heads, !heads.isEmpty else { return nil }
        var first = 0
        for index in heads.indices.dropFirst() where heads[index].precedes(heads[first]) { first = index }
        return first
    }
}

/// How much room limits leave during one claim.
private struct ClaimRooms {
    var queues: [Int64: Int] = [:]
    var kinds: [Int64: Int] = [:]
    var keys: [Int64: Int] = [:]

    init(_ limits: LimitTable?, at now: Int64) {
        guard let limits else { return }
        queues = limits.queues.mapValues { $0.room(at: now) }
        kinds = limits.kinds.mapValues { $0.room(at: now) }
    }

    var isEmpty: Bool { queues.isEmpty && kinds.isEmpty }

    func admits(_ feed: ClaimPlan.OpenFeed) -> Bool { queues[feed.queueID] ?? 1 > 0 && kinds[feed.kindID] ?? 1 > 0 }

    mutating func take(_ feed: ClaimPlan.OpenFeed, key: Int64?) {
        if let room = queues[feed.queueID] { queues[feed.queueID] = room - 1 }
        if let room = kinds[feed.kindID] { kinds[feed.kindID] = room - 1 }
        if let key, let room = keys[key], room < .max { keys[key] = room - 1 }
    }
}

extension QueueDatabase {
    /// At most so many jobs are sent back to the lines of their keys in one claim.
    static let evictionsPerClaim = 1000

    /// Gathers up to `request.limit` jobs: queue after queue in the order asked, or by the queues' weights; each queue by priority, rank and
    /// ID.
    func harvest(_ request: ClaimRequest, now: Int64) throws(JobStoreError) -> Harvest {
        var harvest = Harvest()
        let limits = try limits()
        var rooms = ClaimRooms(limits, at: now)
        var lines: [ClaimLine] = []
        for share in request.queues where share.limit > 0 {
            let feeds = try openFeeds(of: share.queue, kinds: request.kinds)
            guard let queue = feeds.first else { continue }
            let first = harvest.feeds.count
            harvest.feeds += feeds
            lines.append(
                ClaimLine(
                    queue: queue.queue, left: share.limit, feeds: first..<harvest.feeds.count,
                    weight: limits?.weights[queue.queueID] ?? 1))
        }
        while cursors.count < harvest.feeds.count { cursors.append(try connection.prepare(ClaimSQL.candidates)) }
        // No cursor may be open when the rows are taken out.
        defer { for index in harvest.feeds.indices { cursors[index].reset() } }

        while harvest.starting.count < request.limit, harvest.evicted.count < QueueDatabase.evictionsPerClaim {
            guard let index = try nextLine(&lines, rooms, harvest.feeds, isWeighted: request.order == .weighted) else { break }
            guard let head = lines[index].first, let candidate = lines[index].heads?[head] else { break }
            if let spare = request.spare, harvest.starting.count >= request.limit - spare.slots, candidate.priority > spare.priority {
                // What comes behind it in this queue is no more urgent.
                lines[index].left = 0
                continue
            }
            if let next = try advance(candidate.feed) {
                lines[index].heads?[head] = next
            } else {
                lines[index].heads?.remove(at: head)
            }
            if let key = candidate.key {
                let room = if let known = rooms.keys[key] { known } else { try account(ofKey: key).room(at: now) }
                rooms.keys[key] = room
                guard room > 0 else {
                    harvest.evicted.append(candidate)
                    continue
                }
            }
            rooms.take(harvest.feeds[candidate.feed], key: candidate.key)
            lines[index].left -= 1
            if request.order == .weighted { passes.take(lines[index].queue, weight: lines[index].weight) }
            harvest.starting.append(candidate)
        }
        return harvest
    }

    /// The line that gives the next job; `nil` when none does.
    private func nextLine(
        _ lines: inout [ClaimLine], _ rooms: ClaimRooms, _ feeds: [ClaimPlan.OpenFeed], isWeighted: Bool
    ) throws(JobStoreError) -> Int? {
        var found: Int?
        for index in lines.indices where lines[index].left > 0 {
            if lines[index].heads == nil {
                lines[index].heads = []
                for feed in lines[index].feeds where rooms.admits(feeds[feed]) {
                    cursors[feed].bind(1, feeds[feed].id)
                    if let head = try advance(feed) { lines[index].heads?.append(head) }
                }
            }
            if !rooms.isEmpty { lines[index].heads?.removeAll { !rooms.admits(feeds[$0.feed]) } }
            guard lines[index].heads?.isEmpty == false else { continue }
            guard isWeighted else { return index }
            if found.map({ passes.time(of: lines[index].queue) < passes.time(of: lines[$0].queue) }) ?? true { found = index }
        }
        return found
    }

    private func advance(_ feed: Int) throws(JobStoreError) -> Candidate? {
        let cursor = cursors[feed]
        guard try cursor.step() else { return nil }
        return Candidate(
            feed: feed, priority: cursor.integer(0), rank: cursor.integer(1), id: cursor.integer(2), key: cursor.optionalInteger(3),
            base: cursor.integer(4), attempt: cursor.integer(5), crashes: cursor.integer(6))
    }
}
