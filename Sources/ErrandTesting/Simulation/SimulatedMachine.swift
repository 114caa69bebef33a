// What a simulation needs of a store: a machine whose time stands in our hands, and processes on it that can be killed.

public import Errand

/// A machine with one store on it, for ``Simulation``. ``ModelMachine`` is the one in memory; for a store of your own, open it on
/// ``clock`` in each process.
public protocol SimulatedMachine: Sendable {
    /// The machine's clocks. The simulation turns them; whatever the store does by time, it does by these.
    var clock: ManualClock { get }

    /// Starts a process that opens the store, as any other would.
    /// - Throws: what opening the store throws; the simulation counts it as a broken rule.
    func start() async throws -> any SimulatedProcess

    /// Ends what is left and removes it.
    func close() async
}

/// One process that has opened the store.
public protocol SimulatedProcess: Sendable {
    /// The store as this process has opened it.
    var store: Store { get }

    /// Does what `kill -9` of this process would do: its workers have no proof of life any more, what was committed stays.
    func kill() async
}
