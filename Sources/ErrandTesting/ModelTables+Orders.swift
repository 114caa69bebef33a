// What operators want of workers, in the in-memory store.

import Errand
import ErrandContext

extension ModelTables {
    mutating func direct(_ worker: WorkerID, _ directive: WorkerDirective) -> Bool {
        guard workers[worker] != nil else { return false }
        workers[worker]?.orders.apply(directive)
        workers[worker]?.hasHeard = false
        rings.insert(.control)
        return true
    }

    /// Tells `worker` its orders.
    mutating func tellOrders(to worker: WorkerID) -> WorkerOrders {
        workers[worker]?.hasHeard = true
        return workers[worker]?.orders ?? WorkerOrders()
    }
}
