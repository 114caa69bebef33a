// `errand config`: what is in force, and where each of it comes from.

import ArgumentParser
import Errand
import ErrandHandlers

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is in force: store, configuration, handlers, retention, and which variables stand for flags.",
        subcommands: [ConfigShow.self], defaultSubcommand: ConfigShow.self)
}

struct ConfigShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what is in force, and where it comes from.",
        discussion: "Exit codes: 0 shown, 2 bad usage, or a configuration that cannot work.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    func run() async throws {
        let session = Session.current
        let directory = try store.resolved(in: session)
        let file = try config.load(in: session)
        let plan = try WorkPlan(
            session: session, directory: directory, file: file, security: try SecurityPlan(file, in: session),
            options: WorkOptions.parse([]))
        if json {
            try session.output.object(object(directory, file, plan, session))
        } else {
            for (name, value) in lines(directory, file, plan, session) {
                try session.output.line(name + String(repeating: " ", count: max(1, 12 - name.count)) + TerminalText.escaped(value))
            }
        }
        try session.output.flush()
    }

    private func lines(_ directory: String, _ file: ErrandConfiguration?, _ plan: WorkPlan, _ session: Session) -> [(String, String)] {
        let retention = plan.configuration.retention ?? RetentionPolicy()
        func age(_ duration: Duration?) -> String { duration.map { DurationText.format($0) } ?? "for ever" }
        var lines = [
            ("store", "\(directory)  (\(storeSource(session)))"),
            ("config", file.map { "\($0.file)  (\(configSource(session)))" } ?? "none: no --config, ERRAND_CONFIG or ./errand.yaml"),
            ("kinds", plan.handlers.map(\.kind).sorted().joined(separator: ", ")),
            (
                "queues",
                plan.configuration.queues.map { queue in queue.concurrency.map { "\(queue.name):\($0)" } ?? queue.name }.joined(
                    separator: ", ")
            ),
            ("slots", "\(plan.configuration.concurrency)"), ("lease", DurationText.format(plan.configuration.lease)),
            ("grace", DurationText.format(plan.configuration.grace)),
            (
                "retention",
                "completed \(age(retention.completed)), cancelled \(age(retention.cancelled)), dead \(age(retention.dead)), logs \(age(retention.logAge)), rules \(retention.rules.count)"
            ),
        ]
        for (name, value) in variables(session) { lines.append(("variable", "\(name)=\(value)")) }
        return lines
    }

    private func object(_ directory: String, _ file: ErrandConfiguration?, _ plan: WorkPlan, _ session: Session) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("store", directory)
            writer.member("store_from", storeSource(session))
            writer.member("config", file?.file)
            writer.member("kinds", raw: JSONWriter.array(plan.handlers.map(\.kind).sorted().map(JSONWriter.string)))
            writer.member(
                "queues",
                raw: JSONWriter.object { writer in
                    for queue in plan.configuration.queues { writer.member(queue.name, queue.concurrency) }
                })
            writer.member("concurrency", plan.configuration.concurrency)
            writer.member("lease_ms", Int(plan.configuration.lease.wholeMicroseconds / 1000))
            writer.member("grace_ms", Int(plan.configuration.grace.wholeMicroseconds / 1000))
            writer.member(
                "variables",
                raw: JSONWriter.object { writer in
                    for (name, value) in variables(session) { writer.member(name, value) }
                })
        }
    }

    private func storeSource(_ session: Session) -> String {
        if store.directory != nil { return "--store" }
        if session.environment["ERRAND_STORE"].map({ !$0.isEmpty }) ?? false { return "ERRAND_STORE" }
        return "default"
    }

    private func configSource(_ session: Session) -> String {
        if config.file != nil { return "--config" }
        if session.environment["ERRAND_CONFIG"].map({ !$0.isEmpty }) ?? false { return "ERRAND_CONFIG" }
        return "found here"
    }

    /// Variables of this program that are set; what looks like a secret is not shown.
    private func variables(_ session: Session) -> [(String, String)] {
        session.environment.filter { $0.key.hasPrefix("ERRAND_") }.sorted { $0.key < $1.key }.map { name, value in
            (name, name.contains("KEY") || name.contains("SECRET") || name.contains("TOKEN") ? "(set)" : value)
        }
    }
}
