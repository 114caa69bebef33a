// The limits and orders that stand and how much of each is used, as the writer remembers them between transactions.

import Errand

/// Queues and kinds with a limit; few, and none in most stores.
struct LimitTable {
    /// One queue's or kind's limit, and what is used of it.
    struct Limit {
        var name: String
        /// How many jobs may run at once.
        var maxRunning: Int64?
        /// How many run; counted only where `maxRunning` is set.
        var running: Int64
        /// How much of the rate is used up.
        var meter: PermitMeter?

        /// How many more jobs may start at `now`.
        func room(at now: Int64) -> Int {
            min(maxRunning.map { Int(max(0, $0 - running)) } ?? .max, meter?.permits(at: now) ?? .max)
        }

        mutating func start(_ count: Int, at now: Int64) {
            if maxRunning != nil { running += Int64(count) }
            meter?.take(count, at: now)
        }

        /// One job less runs; whether that lets another one start.
        mutating func end() -> Bool {
            guard let maxRunning else { return false }
            defer { running = max(0, running - 1) }
            return running >= maxRunning
        }
    }

    /// By the number of the queue.
    var queues: [Int64: Limit] = [:]
    /// By the number of the kind.
    var kinds: [Int64: Limit] = [:]
    /// Fair queues, and the virtual time that each has come to: the rank of the last job that started.
    var fair: [Int64: Int64] = [:]
    /// Weights of queues, other than 1.
    var weights: [Int64: Int64] = [:]
    /// What has changed since it was last written.
    var changedQueues: Set<Int64> = []
    var changedKinds: Set<Int64> = []
    var changedFair: Set<Int64> = []

    var isEmpty: Bool { queues.isEmpty && kinds.isEmpty && fair.isEmpty && weights.isEmpty }

    /// A job of a fair queue has started.
    mutating func move(_ queue: Int64, to rank: Int64) {
        guard let virtualTime = fair[queue], rank > virtualTime else { return }
        fair[queue] = rank
        changedFair.insert(queue)
    }

    mutating func start(_ count: Int, queue: Int64, kind: Int64, at now: Int64) {
        if queues[queue] != nil, count > 0 {
            queues[queue]?.start(count, at: now)
            changedQueues.insert(queue)
        }
        if kinds[kind] != nil, count > 0 {
            kinds[kind]?.start(count, at: now)
            changedKinds.insert(kind)
        }
    }

    /// One job of a queue and kind less runs; whether that lets another one start.
    mutating func end(queue: Int64, kind: Int64) -> Bool {
        var makesRoom = false
        if queues[queue]?.maxRunning != nil {
            makesRoom = queues[queue]?.end() ?? false
            changedQueues.insert(queue)
        }
        if kinds[kind]?.maxRunning != nil {
            makesRoom = kinds[kind]?.end() ?? false || makesRoom
            changedKinds.insert(kind)
        }
        return makesRoom
    }
}
