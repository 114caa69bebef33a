// What a worker runs, and which of its slots that takes. Pure.

/// The executions of one worker. Each takes a slot, until it ends, or is found stuck and may give it up.
package struct WorkerSlots: Sendable {
    /// One execution.
    struct Slot: Sendable {
        var queue: String
        var isSuspect: Bool
        /// Why it was told to stop, and when.
        var cancelled: CancelCause?
        var cancelledAt: Duration?
        /// Whether it has ignored that for too long.
        var isStuck = false
        /// Whether its slot is free for others all the same.
        var isSlotFree = false
    }

    private var slots: [ExecutionID: Slot] = [:]
    private var occupiedByQueue: [String: Int] = [:]
    private var freed = 0
    /// Those that are told to stop and have not given up their slot; as a rule none.
    private var stopping: Set<ExecutionID> = []
    private var suspects = 0

    var isEmpty: Bool { slots.isEmpty }
    /// Executions that run.
    var count: Int { slots.count }
    /// Slots that are taken.
    var occupied: Int { slots.count - freed }
    /// Executions that run, in the order of their IDs.
    var executions: [ExecutionID] { slots.keys.sorted() }
    /// Whether one of them is a suspect's, which nothing may run beside.
    var holdsSuspect: Bool { suspects > 0 }

    /// Slots that jobs of `queue` take.
    func occupied(in queue: String) -> Int { occupiedByQueue[queue, default: 0] }

    mutating func take(_ job: ClaimedJob) {
        slots[job.execution] = Slot(queue: job.queue, isSuspect: job.isSuspect)
        occupiedByQueue[job.queue, default: 0] += 1
        if job.isSuspect { suspects += 1 }
    }

    /// Forgets an execution that has ended.
    mutating func release(_ execution: ExecutionID) -> Slot? {
        guard let slot = slots.removeValue(forKey: execution) else { return nil }
        if slot.isSlotFree { freed -= 1 } else { occupiedByQueue[slot.queue, default: 0] -= 1 }
        if slot.isSuspect { suspects -= 1 }
        if slot.cancelled != nil { stopping.remove(execution) }
        return slot
    }

    /// Notes that an execution is told to stop; whether it must be told. The first cause stays, but for the loss of the lease.
    mutating func cancel(_ execution: ExecutionID, because cause: CancelCause, at uptime: Duration) -> Bool {
        guard var slot = slots[execution], slot.cancelled == nil || cause == .leaseLost && slot.cancelled != .leaseLost else {
            return false
        }
        slot.cancelled = cause
        slot.cancelledAt = slot.cancelledAt ?? uptime
        slots[execution] = slot
        if !slot.isSlotFree { stopping.insert(execution) }
        return true
    }

    /// Executions that have turned out to be stuck, and stuck ones whose slots have become free since others ended.
    mutating func findStuck(
        at uptime: Duration, after patience: Duration, limit: Int
    ) -> [(execution: ExecutionID, isNew: Bool, isSlotFree: Bool)] {
        var found: [(ExecutionID, Bool, Bool)] = []
        guard !stopping.isEmpty else { return found }
        for execution in stopping.sorted() {
            guard var slot = slots[execution], let since = slot.cancelledAt, since + patience <= uptime, !slot.isSlotFree else { continue }
            let isNew = !slot.isStuck
            guard isNew || freed < limit else { continue }
            slot.isStuck = true
            if freed < limit {
                slot.isSlotFree = true
                freed += 1
                stopping.remove(execution)
                occupiedByQueue[slot.queue, default: 0] -= 1
            }
            slots[execution] = slot
            found.append((execution, isNew, slot.isSlotFree))
        }
        return found
    }

    /// When the next execution will have ignored its cancellation for too long.
    func nextStuck(after patience: Duration) -> Duration? {
        stopping.lazy.compactMap { slots[$0] }.compactMap { $0.isStuck ? nil : $0.cancelledAt.map { $0 + patience } }.min()
    }
}
