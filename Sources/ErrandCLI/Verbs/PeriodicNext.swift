// `errand periodic next`: when periodic jobs are due.

import ArgumentParser
import Errand

struct PeriodicNext: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Print the next slots, and the schedule in plain language.",
        discussion: """
            Of periodic jobs, of all of them without a name, or of a schedule that is only looked at: --cron or --every, which needs no \
            store. Times are those of the schedule's zone.

            Exit codes: 0 printed, 2 bad usage or schedule, 3 no such periodic job, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions

    @Argument(help: ArgumentHelp("Periodic jobs.", valueName: "name"), completion: .periodicJobs)
    var names: [String] = []

    @OptionGroup var timing: TimingOptions

    @Option(
        name: [.customShort("n"), .customLong("count")], parsing: .unconditional,
        help: ArgumentHelp("How many of each, 1 to 1000; default 5.", valueName: "number"),
        transform: { try NumberArgument.read($0, "a number from 1 to 1000, such as 10") })
    var count: Int?

    @Flag(name: .customLong("json"), help: "Print one JSON object per slot.")
    var json = false

    func validate() throws {
        if let count, !(1...1000).contains(count) { throw ValidationError("--count is 1 to 1000, not \(count).") }
        if timing.timing != nil, !names.isEmpty { throw ValidationError("Give either names or a schedule to look at, not both.") }
    }

    func run() async throws {
        let session = Session.current
        if let timing = timing.timing {
            // Nothing is enqueued: only its times are asked for.
            return try show(PeriodicJob("schedule", timing, NewJob(kind: "schedule", payload: [])), isNamed: false, session)
        }
        try await store.withStore { store in
            let entries = try await store.periodic.periodicJobs()
            for name in names where !entries.contains(where: { $0.periodic.name == name }) {
                throw Failure(.notFound, PeriodicNames.unknown(name, among: entries))
            }
            for entry in entries where entry.problem == nil && (names.isEmpty || names.contains(entry.periodic.name)) {
                try show(entry.periodic, isNamed: true, isPaused: entry.isPaused, session)
            }
        }
    }

    private func show(_ periodic: PeriodicJob, isNamed: Bool, isPaused: Bool = false, _ session: Session) throws {
        let now = session.clock.now()
        let schedule: Schedule
        let slots: [Timestamp]
        do throws(ScheduleProblem) {
            schedule = try periodic.schedule()
            slots = try periodic.slots(after: now, count: count ?? 5)
        } catch {
            throw Failure(.usage, error.description)
        }
        if json {
            for slot in slots { try session.output.object(object(periodic, schedule, slot, isNamed: isNamed)) }
        } else if session.output.isTerminal {
            let style = TextStyle(on: session.output, in: session)
            try session.output.line((isNamed ? "\(style.bold(periodic.name)): " : "") + schedule.description + (isPaused ? ", paused" : ""))
            for slot in slots {
                try session.output.line("  \(schedule.zone.text(slot))  \(TextStyle.distance(of: slot, from: now))")
            }
            if slots.isEmpty { try session.output.line("  no slot comes any more") }
        } else {
            for slot in slots {
                try session.output.line(
                    ((isNamed ? [periodic.name] : []) + [slot.description, schedule.zone.text(slot), schedule.description]).joined(
                        separator: "\t"))
            }
        }
    }

    private func object(_ periodic: PeriodicJob, _ schedule: Schedule, _ slot: Timestamp, isNamed: Bool) -> [UInt8] {
        JSONWriter.versioned { writer in
            if isNamed { writer.member("name", periodic.name) }
            writer.member("slot", slot)
            writer.member("local", schedule.zone.text(slot))
            writer.member("schedule", schedule.description)
        }
    }
}
