// What operators want of workers: kept beside the worker's row, told in its next step.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Keeps a wish about workers; whether each of them is registered.
    func direct(_ workers: [WorkerID], _ directive: WorkerDirective) throws(JobStoreError) -> ([Bool], Set<DoorbellTopic>) {
        var found: [Bool] = []
        for worker in workers {
            guard try connection[RescueSQL.isRegistered].bind(1, worker.rawValue).first({ _ in true }) ?? false else {
                found.append(false)
                continue
            }
            let row = OrderRow(directive)
            if let value = row.value {
                try connection[OrderSQL.keep].bind(1, worker.rawValue).bind(2, row.action).bind(3, value).bind(4, clock.now).run()
            } else {
                // Kept until it has been seen as well: that is how whoever asked knows that it has happened.
                try connection[OrderSQL.lift].bind(1, clock.now).bind(2, worker.rawValue).bind(3, row.action).run()
            }
            found.append(true)
        }
        memory.hasOrders = nil
        return (found, found.contains(true) ? [.control] : [])
    }

    /// What operators want of a worker that makes a step, which notes that it has heard of it.
    func orders(for worker: WorkerID, now: Int64) throws(JobStoreError) -> WorkerOrders {
        guard try hasOrders() else { return WorkerOrders() }
        let (orders, hasHeard) = try WorkerOrders.read(connection, worker)
        if !hasHeard { try connection[OrderSQL.see].bind(1, now).bind(2, worker.rawValue).run() }
        return orders
    }

    /// Whether operators want anything of any worker; asked once for each transaction in which it matters.
    private func hasOrders() throws(JobStoreError) -> Bool {
        if let known = memory.hasOrders { return known }
        let found = try connection[OrderSQL.any].first { _ in true } ?? false
        memory.hasOrders = found
        return found
    }
}

extension WorkerOrders {
    /// What operators want of a worker, and whether it has heard all of it.
    static func read(_ connection: Connection, _ worker: WorkerID) throws(JobStoreError) -> (orders: WorkerOrders, hasHeard: Bool) {
        var orders = WorkerOrders()
        var hasHeard = true
        try connection[OrderSQL.of].bind(1, worker.rawValue).forEach { row in
            if let directive = OrderRow.directive(action: row.integer(0), value: row.optionalInteger(1)) { orders.apply(directive) }
            hasHeard = hasHeard && !row.isNull(2)
        }
        return (orders, hasHeard)
    }
}

/// How a wish is kept: the numbers in `errand_directive`.
private struct OrderRow {
    var action: Int64
    /// `nil` where the wish only lifts another one.
    var value: Int64?

    init(_ directive: WorkerDirective) {
        switch directive {
        case .quiet: (action, value) = (1, 1)
        case .resume: (action, value) = (1, nil)
        case .stop: (action, value) = (2, 1)
        case .scale(let slots): (action, value) = (3, Int64(slots))
        @unknown default: preconditionFailure("no number for the wish \(directive)")
        }
    }

    static func directive(action: Int64, value: Int64?) -> WorkerDirective? {
        switch (action, value) {
        case (1, .some): .quiet
        case (1, nil): .resume
        case (2, _): .stop
        case (3, let slots?): .scale(slots: Int(slots))
        default: nil
        }
    }
}

/// The statements about orders: a few rows, usually none.
enum OrderSQL {
    static let any = SQL("SELECT 1 FROM errand_directive LIMIT 1")

    /// A prefix of the primary key of `errand_directive`.
    static let of = SQL("SELECT action, value, seen_at FROM errand_directive WHERE worker = :worker")

    /// Primary key of `errand_directive`.
    static let keep = SQL(
        """
        INSERT INTO errand_directive(worker, action, value, requested_at) VALUES(:worker, :action, :value, :requested_at)
            ON CONFLICT(worker, action) DO UPDATE SET value = excluded.value, requested_at = excluded.requested_at, seen_at = NULL
        """)

    /// Primary key of `errand_directive`.
    static let lift = SQL(
        "UPDATE errand_directive SET value = NULL, requested_at = :requested_at, seen_at = NULL WHERE worker = :worker AND action = :action"
    )

    /// A prefix of the primary key of `errand_directive`.
    static let see = SQL("UPDATE errand_directive SET seen_at = :seen_at WHERE worker = :worker AND seen_at IS NULL")
}
