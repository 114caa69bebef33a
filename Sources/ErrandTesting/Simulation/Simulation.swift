// The simulator: real workers and real rescuers on a real store, in a world that goes wrong by chance. Same seed, same history.

import Errand
import ErrandContext

/// Plays the life of a few worker processes on one store, with everything that may come between: replies that are late or lost, processes
/// that are killed, stopped past their lease or crash, a wall clock that jumps, operators, shutdowns. After every commit it compares what
/// the store did with what really happened; after the storm everything must come to its end.
///
/// The processes think with the worker's own state machine and rescue with its own rescuer; handlers are played. Time is the machine's
/// ``ManualClock``, chance a ``SeededGenerator``, so a failing seed fails again.
///
/// ```swift
/// let report = await Simulation(seed: 7).run(on: ModelMachine())
/// #expect(report.violations == [], "\(report)")
/// ```
public struct Simulation: Sendable {
    /// Which history.
    public var seed: UInt64
    /// How many events the storm lasts; 1,000 by default. The calm after it comes on top.
    public var steps = 1000
    package var mutation: Mutation?

    /// The history that belongs to `seed`.
    public init(seed: UInt64, steps: Int = 1000) {
        self.seed = seed
        self.steps = steps
    }

    /// Plays it on a new machine, and closes the machine.
    public func run(on machine: any SimulatedMachine) async -> SimulationReport {
        var stage = SimulationStage(self, machine: machine)
        let report = await stage.play()
        await machine.close()
        return report
    }

    /// What jobs are like.
    enum Kind: String, CaseIterable {
        /// A Swift handler.
        case swift
        /// A command: its child process outlives its worker.
        case command
        /// A handler that takes its process down, and is named by the crash file.
        case trap
        /// A handler for whose sake its process is killed without a word, as one that eats all memory.
        case hog
    }

    /// What happens to a process.
    enum Event {
        /// The call under way reaches the store.
        case call
        /// Its answer arrives.
        case reply
        case wake(Duration)
        case ended(ExecutionID)
        case timedOut(ExecutionID)
        case rang(wantsAttention: Bool)
        /// It leads, and looks which slots are due.
        case readSlots
        /// What it has worked out for them reaches the store.
        case fireSlots([PeriodicFiring])
        /// Looks after the other workers.
        case look
        /// The rescuer's call reaches the store.
        case rescue
    }
}
