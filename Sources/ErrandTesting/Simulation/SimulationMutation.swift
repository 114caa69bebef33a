// Ways to break a worker, each of which a simulation must find out. Ways to break a store are faults of the ModelStore.

extension Simulation {
    /// A mistake at the seam between a worker's mind and the world.
    package enum Mutation: String, CaseIterable, Sendable {
        /// Loses reports on the way to the store.
        case dropsReport
        /// Sends an accepted report again, as if it had not been answered.
        case repeatsReport
        /// Believes that it has a slot more than it has.
        case overfillsSlots
        /// Forgets the jobs that come during a shutdown.
        case losesLateClaim
        /// Does not hear that it was rescued.
        case deafToRescue
        /// Takes an exchange that failed for one that refused every report.
        case takesFailureForRefusal
        /// Does not say what it holds after an exchange whose answer was lost.
        case hidesWhatItHolds
        /// Starts what came with an answer that is older than its lease.
        case startsStaleClaims
        /// Renews its lease by a clock that stands still while it waits for the store.
        case renewsLate
        /// Does not end the child processes of whom it rescues.
        case leavesOrphans
        /// Takes the crash file of a worker for its own innocence: everybody it held is convicted.
        case convictsNeighbours
    }
}
