// What a worker asks for, given its free slots.

extension WorkerState {
    /// What the free slots could take; `nil` when none may take anything.
    func claimRequest(at now: Moment) -> ClaimRequest? {
        guard phase == .serving, orders.allowsClaims, pauses.hinderedUntil == nil, !isOutboxFull else { return nil }
        // A suspect runs alone; stuck executions run beside everything, and cannot be helped.
        guard !slots.holdsSuspect, slots.occupied == 0 || !clearance.holdsBack(at: now.uptime) else { return nil }
        var free = (orders.slots ?? settings.concurrency) - slots.occupied
        if settings.until == .once { free = hasClaimed ? 0 : min(free, 1) }
        guard free > 0 else { return nil }
        let shares = settings.queues.compactMap { share -> ClaimRequest.QueueShare? in
            let room = min(queueLimit(share) - slots.occupied(in: share.queue), free)
            return room > 0 ? ClaimRequest.QueueShare(queue: share.queue, limit: room) : nil
        }
        guard !shares.isEmpty else { return nil }
        return ClaimRequest(
            limit: free, queues: shares, kinds: settings.kinds, asksAboutOthers: runsUntilEmpty && slots.isEmpty,
            mayRunAlone: slots.isEmpty, order: settings.order,
            // Who runs one job and leaves keeps no slot for a later one.
            spare: settings.until == .once ? nil : settings.spare)
    }

    /// A queue without a cap of its own has as many slots as the worker, also when that has been given more.
    private func queueLimit(_ share: ClaimRequest.QueueShare) -> Int {
        share.limit < settings.concurrency ? share.limit : max(share.limit, orders.slots ?? 0)
    }
}
