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
        let twins = EnvironmentTwins(environment: session.environment)
        guard let work = try twins.parsed(["work"]) as? Work else { throw Failure(.failed, "there is no verb \"work\"") }
        let directory = try (store.directory == nil ? work.store : store).resolved(in: session)
        let file = try (config.file == nil ? work.config : config).load(in: session)
        let plan = try WorkPlan(
            session: session, directory: directory, file: file, security: try SecurityPlan(file, in: session), options: work.options)
        if json {
            try session.output.object(object(directory, file, plan, session))
        } else {
            for (name, value) in lines(directory, file, plan, session) {
                try session.output.line(name + String(repeating: " ", count: max(1, 15 - name.count)) + TerminalText.escaped(value))
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
        ]
        for value in values(plan.configuration, file, session) {
            lines.append((value.name, "\(value.text)  (\(value.source))"))
        }
        lines.append(
            (
                "retention",
                "completed \(age(retention.completed)), cancelled \(age(retention.cancelled)), dead \(age(retention.dead)), logs \(age(retention.logAge)), rules \(retention.rules.count)  (\(file?.retention == nil ? "default" : "errand.yaml"))"
            ))
        for setting in file?.settings ?? [] {
            lines.append(
                (
                    "sets",
                    "\(setting.scope.what) \(setting.scope.name): \(setting.changes.map(ConfigShow.text).joined(separator: ", "))  (when a worker starts)"
                )
            )
        }
        for (name, setting) in (file?.periodic ?? [:]).sorted(by: { $0.key < $1.key }) {
            // It has been read, so its schedule is one.
            let schedule = (try? setting.periodic.schedule().description) ?? ""
            lines.append(("periodic", "\(name): \(setting.periodic.job.kind), \(schedule)  (set when a worker starts)"))
        }
        for (name, value) in variables(file, session) { lines.append(("variable", "\(name)=\(value)")) }
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
            writer.member(
                "worker",
                raw: JSONWriter.object { writer in
                    for value in values(plan.configuration, file, session) {
                        writer.member(
                            value.name,
                            raw: JSONWriter.object { writer in
                                writer.member("value", value.text)
                                writer.member("from", value.source)
                            })
                    }
                })
            writer.member(
                "variables",
                raw: JSONWriter.object { writer in
                    for (name, value) in variables(file, session) { writer.member(name, value) }
                })
        }
    }

    /// One setting of the worker: what it is, and who says so.
    private struct Value {
        var name: String
        var text: String
        var source: String
    }

    private func values(_ configuration: Worker.Configuration, _ file: ErrandConfiguration?, _ session: Session) -> [Value] {
        func value(_ name: String, _ text: String, isInFile: Bool) -> Value {
            let variable = "ERRAND_WORK_" + name.uppercased()
            let isInEnvironment = session.environment[variable].map { !$0.isEmpty } ?? false
            return Value(name: name, text: text, source: isInEnvironment ? variable : isInFile ? "errand.yaml" : "default")
        }
        let worker = file?.worker
        let queues = configuration.queues.map { queue in queue.concurrency.map { "\(queue.name):\($0)" } ?? queue.name }
        return [
            value("queues", queues.joined(separator: ","), isInFile: file?.queues.isEmpty == false),
            value("concurrency", "\(configuration.concurrency)", isInFile: worker?.concurrency != nil),
            value("order", configuration.queueOrder.rawValue, isInFile: worker?.order != nil),
            value(
                "spare", configuration.spareSlots.map { "\($0.slots) for priority \($0.priority)" } ?? "0", isInFile: worker?.spare != nil),
            value("lease", DurationText.format(configuration.lease), isInFile: worker?.lease != nil),
            value("grace", DurationText.format(configuration.grace), isInFile: worker?.grace != nil),
            value("suspect_after", configuration.suspectThreshold.map { "\($0)" } ?? "0", isInFile: worker?.suspectAfter != nil),
        ]
    }

    /// A change in the words of errand.yaml.
    private static func text(_ change: SettingChange) -> String {
        func limit(_ name: String, _ value: Int?) -> String { "\(name) \(value.map { "\($0)" } ?? "none")" }
        return switch change {
        case .concurrency(let value): limit("total_concurrency", value)
        case .keyConcurrency(let value): limit("key_concurrency", value)
        case .rate(let rate): "rate \(rate.map(RateText.format) ?? "none")"
        case .keyRate(let rate): "key_rate \(rate.map(RateText.format) ?? "none")"
        case .fair(let isFair): "fair \(isFair)"
        case .weight(let weight): "weight \(weight)"
        case .pause: "paused"
        case .resume: "resumed"
        }
    }

    private func storeSource(_ session: Session) -> String {
        if store.directory != nil { return "--store" }
        if session.environment["ERRAND_WORK_STORE"].map({ !$0.isEmpty }) ?? false { return "ERRAND_WORK_STORE" }
        if session.environment["ERRAND_STORE"].map({ !$0.isEmpty }) ?? false { return "ERRAND_STORE" }
        return "default"
    }

    private func configSource(_ session: Session) -> String {
        if config.file != nil { return "--config" }
        if session.environment["ERRAND_WORK_CONFIG"].map({ !$0.isEmpty }) ?? false { return "ERRAND_WORK_CONFIG" }
        if session.environment["ERRAND_CONFIG"].map({ !$0.isEmpty }) ?? false { return "ERRAND_CONFIG" }
        return "found here"
    }

    /// Variables of this program that are set. Most values are nobody's business: a DSN names a key, and a variable may be anything that the
    /// file has made a secret.
    private func variables(_ file: ErrandConfiguration?, _ session: Session) -> [(String, String)] {
        let secret = Set(file?.secretVariables ?? [])
        return session.environment.filter { $0.key.hasPrefix("ERRAND_") }.sorted { $0.key < $1.key }.map { name, value in
            let shown = ConfigShow.isPlain(name) && !secret.contains(name) ? value : "(set)"
            return (name, EnvironmentTwins.standsForFlag(name) == false ? "\(shown)  (no flag has this variable)" : shown)
        }
    }

    /// Whether a variable can hold no secret.
    private static func isPlain(_ name: String) -> Bool {
        let flags = [
            "STORE", "CONFIG", "DURABILITY", "RESERVE", "CONCURRENCY", "QUEUES", "ORDER", "SPARE", "SPARE_PRIORITY", "ONCE", "UNTIL_EMPTY",
            "IDLE_TIMEOUT", "LEASE", "GRACE", "SUSPECT_AFTER", "LOG_FORMAT", "LOG_LEVEL", "SUPERVISE", "JSON", "LIMIT", "INTERVAL", "UTC",
        ]
        return flags.contains { name == "ERRAND_\($0)" || name.hasSuffix("_\($0)") }
    }
}
