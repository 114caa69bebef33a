// `errand stats`: the store at a glance.

import ArgumentParser
import Errand

struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Show counts by queue, kind and state, the live workers, wait and run times, sizes, and how many log lines are flagged.",
        discussion: "Exit codes: 0 shown, 2 bad usage, 4 store unavailable.")

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    @Flag(help: "Print metrics for Prometheus: what stands, and what was counted since the store was made.")
    var prometheus = false

    func validate() throws {
        if json, prometheus { throw ValidationError("Give either --json or --prometheus, not both.") }
    }

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            let stats = try await store.inspection.stats()
            let sizes = StoreSizes(
                metrics: try await store.inspection.metrics(), logBytes: try await store.logs.totalBytes(),
                settings: try await store.queues.settings())
            if prometheus {
                let page = PrometheusText.page(
                    stats, sizes.metrics, sizes.settings, logBytes: sizes.logBytes, now: session.clock.now())
                for line in page { try session.output.line(line) }
                return
            }
            let flags = try await store.logs.flagCounts()
            guard !json else {
                try session.output.object(StatsJSON.object(stats, flags, sizes))
                return
            }
            let style = TextStyle(on: session.output, in: session)
            for line in StatsText(style: style, now: session.clock.now()).lines(stats, flags, sizes) { try session.output.line(line) }
        }
    }
}
