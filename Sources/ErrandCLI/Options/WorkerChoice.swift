// Which workers are told something, and whether they have heard it.

import ArgumentParser
import Errand

/// Live workers, by ID or all of them.
struct WorkerChoice: ParsableArguments {
    @OptionGroup var store: StoreOptions

    @Flag(help: "All live workers.")
    var all = false

    @Option(
        name: .customLong("wait"), help: ArgumentHelp("How long to wait until it has happened.", valueName: "duration"),
        transform: DurationArgument.read)
    var wait: Duration = .seconds(10)

    @Argument(help: ArgumentHelp("IDs of workers, or unique prefixes.", valueName: "worker"), completion: .workers)
    var workers: [String] = []

    func validate() throws {
        if workers.isEmpty, !all {
            throw ValidationError("Which workers? Give IDs, as `\(Session.program) workers list` shows them, or --all.")
        }
        if !workers.isEmpty, all { throw ValidationError("Give either IDs or --all, not both.") }
    }

    /// Tells them `directive` and waits until it has happened; prints each as it does.
    /// - Throws: ``Failure``: 3 for an unknown worker, 4 when the time was up first; `JobStoreError`.
    func tell(_ directive: WorkerDirective, done: String) async throws {
        let session = Session.current
        try await store.withStore { store in
            let chosen = all ? try await store.inspection.stats().workers : try await WorkerChoice.find(workers, in: store)
            guard !chosen.isEmpty else { return try session.talk.line("no worker is alive: nobody was told") }
            if directive != .stop, let leaving = chosen.first(where: \.orders.mustStop) {
                throw Failure(.conflict, "the worker \(leaving.id) is stopping, which cannot be taken back: nobody was told")
            }
            let attention = Attention(to: [.control, .work, .outcome], on: store.doorbell, clock: session.clock)
            defer { attention.stop() }
            _ = try await store.control.direct(chosen.map(\.id), directive)
            let deadline = session.clock.uptime() + wait
            var open = chosen.map(\.id)
            while true {
                let alive = try await store.inspection.stats().workers
                for id in open where WorkerChoice.isDone(directive, alive.first { $0.id == id }) {
                    try session.output.line("\(id)\t\(done)")
                }
                open.removeAll { id in WorkerChoice.isDone(directive, alive.first { $0.id == id }) }
                guard !open.isEmpty else { return }
                let remaining = deadline - session.clock.uptime()
                guard remaining > .zero else { break }
                try session.output.flush()
                await attention.wait(atMost: min(remaining, .milliseconds(200)))
            }
            for id in open { try session.output.line("\(id)\trequested") }
            let running = directive == .stop ? "has not left yet: what it runs may take until its grace is over" : "has not heard it yet"
            throw Failure(.unavailable, "\(open.map(\.description).joined(separator: ", ")) \(running)")
        }
    }

    /// Whether a worker does what it was told; one that is gone does everything.
    private static func isDone(_ directive: WorkerDirective, _ worker: StoreStats.WorkerStatus?) -> Bool {
        guard let worker else { return true }
        return directive != .stop && worker.hasHeard
    }

    /// The live workers that `texts` mean.
    /// - Throws: ``Failure``: 3 for one that is not there, 2 for an ambiguous text; `JobStoreError`.
    static func find(_ texts: [String], in store: Store) async throws -> [StoreStats.WorkerStatus] {
        let alive = try await store.inspection.stats().workers
        return try texts.map { text in
            let meant = alive.filter { !text.isEmpty && $0.id.description.hasPrefix(text.lowercased()) }
            guard let first = meant.first else {
                throw Failure(.notFound, "no live worker \"\(TerminalText.escaped(text))\": `\(Session.program) workers list` shows them")
            }
            guard meant.count == 1 else {
                throw Failure(.usage, "\"\(text)\" may mean several workers: \(meant.map(\.id.description).joined(separator: ", "))")
            }
            return first
        }
    }
}
