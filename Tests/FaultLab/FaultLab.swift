// The laboratory for faults: sweeps over every point at which a process can die, a disk can fail, or the power can go.

import ArgumentParser

@main struct FaultLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put faults into the real store, one at a time, and count what is lost.",
        discussion: "Exit codes: 0 nothing is lost (for a broken variant: it was caught), 1 the opposite.",
        subcommands: [KillSweep.self, ErrorSweep.self, SyncSweep.self, PowerCut.self, Victim.self, Mixed.self])
}
