// What errand.yaml says about periodic jobs.

public import Errand

/// A periodic job of errand.yaml, and where it stands there.
public struct PeriodicSetting: Sendable, Hashable {
    /// The periodic job, without what `kinds` says about jobs of its kind.
    public var periodic: PeriodicJob
    /// Which parts of the job the file says for it itself; `kinds` does not change them.
    var own: Set<String> = []
    /// The command that its runs are, if they are one.
    var command: CommandPayload?
    /// Where it stands in the file, from 1.
    public var line: Int
    /// Where it stands in the line, from 1.
    public var column: Int
}

extension ErrandConfiguration {
    /// The periodic jobs of the file, by name: complete, with what `kinds` says about jobs of their kinds.
    /// - Throws: ``ConfigurationError`` with all that is wrong with them beyond their form.
    public func periodicJobs() throws(ConfigurationError) -> [PeriodicJob] {
        var jobs: [PeriodicJob] = []
        var problems: [ConfigurationProblem] = []
        for (name, setting) in periodic.sorted(by: { $0.key < $1.key }) {
            func report(_ text: String) {
                problems.append(
                    ConfigurationProblem(
                        file: file, line: setting.line, column: setting.column, message: "periodic job \"\(name)\": \(text)"))
            }
            var periodic = completed(setting)
            do throws(UniqueFieldsProblem) {
                periodic.job.terms.uniqueness = try periodic.job.terms.uniqueness?.resolved(for: periodic.job.payload)
            } catch {
                report(error.description)
                continue
            }
            if let problem = PeriodicRules.problem(with: periodic, now: nil) { report(problem) } else { jobs.append(periodic) }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems, readable: self) }
        return jobs
    }

    /// What is allowed and may be a slip, a sentence each: periodic jobs that are over, and commands that cannot start on this machine.
    public func periodicNotes(now: Timestamp, _ options: CommandOptions = CommandOptions()) -> [String] {
        periodic.sorted { $0.key < $1.key }.flatMap { name, setting -> [String] in
            var notes: [String] = []
            // It has been read, so its schedule is one.
            if (try? setting.periodic.nextSlot(after: now)) == .some(nil) { notes.append("the periodic job \"\(name)\" is over") }
            if let command = setting.command {
                do throws(ProgramPath.Problem) {
                    _ = try ProgramPath.resolve(
                        command.argv[0], path: command.env?["PATH"] ?? options.workerEnvironment["PATH"], directory: command.cwd)
                } catch {
                    notes.append("the periodic job \"\(name)\" runs \(command.argv[0]), which is not found here")
                }
            }
            return notes
        }
    }

    /// `setting` with the defaults of its kind, where it says nothing itself.
    private func completed(_ setting: PeriodicSetting) -> PeriodicJob {
        var periodic = setting.periodic
        let defaults = defaults(of: periodic.job.kind)
        let own = setting.own
        if !own.contains("queue"), let queue = defaults.queue { periodic.job.queue = queue }
        if !own.contains("priority"), let priority = defaults.priority { periodic.job.priority = priority }
        if !own.contains("max_attempts"), let attempts = defaults.maxAttempts { periodic.job.maxAttempts = attempts }
        if !own.contains("expires") { periodic.expires = defaults.expires }
        if !own.contains("deadline") { periodic.deadline = defaults.deadline }
        periodic.job.terms.tags = Set(periodic.job.terms.tags).union(defaults.tags).sorted()
        // Runs that meet are for `overlap` to say.
        if periodic.overlap == .allow { periodic.job.terms.uniqueness = defaults.uniqueness }
        defaults.applyPayload(to: &periodic.job)
        return periodic
    }
}

extension ConfigurationReader {
    private static let periodicKeys = [
        "cron", "every", "tz", "kind", "payload", "run", "cwd", "env", "queue", "priority", "max_attempts", "timeout", "expires",
        "deadline",
        "tags", "label", "limit_key", "sequence", "halt", "overlap", "missed", "catch_up", "jitter", "starts", "ends",
    ]

    /// What stands under `periodic`.
    mutating func periodic(_ key: YAMLNode, _ node: YAMLNode) -> PeriodicSetting? {
        let members = members(node, of: "a periodic job", keys: ConfigurationReader.periodicKeys)
        let command = commandOf(members)
        guard let timing = timing(key, members), var job = work(key, members, command) else { return nil }
        var setting = PeriodicSetting(periodic: PeriodicJob(key.plainText, timing, job), line: node.line, column: node.column)
        setting.own = Set(members.map(\.name))
        setting.command = command
        var catchUp: YAMLNode.Member?
        var halt: YAMLNode.Member?
        for member in members {
            switch member.name {
            case "queue": job.queue = name(member) ?? job.queue
            case "priority": job.priority = number(member, in: Limits.priorities) ?? 0
            case "max_attempts": job.maxAttempts = number(member, in: Limits.attempts) ?? job.maxAttempts
            case "timeout": job.timeout = duration(member)
            case "expires": setting.periodic.expires = duration(member)
            case "deadline": setting.periodic.deadline = duration(member)
            case "tags": job.terms.tags = Set(tags(member)).sorted()
            case "label": job.label = text(member.value, what: "\"label\"")
            case "limit_key": job.terms.limitKey = text(member.value, what: "\"limit_key\"")
            case "sequence": job.terms.sequence = text(member.value, what: "\"sequence\"").map { JobSequence($0) }
            case "halt": halt = member
            case "overlap":
                setting.periodic.overlap =
                    word(member, Dictionary(uniqueKeysWithValues: PeriodicJob.Overlap.allCases.map { ($0.rawValue, $0) })) ?? .allow
            case "missed":
                setting.periodic.missed = word(member, ["skip": .skip, "latest": .latest, "all": .all(upTo: 100)]) ?? .latest
            case "catch_up": catchUp = member
            case "jitter": setting.periodic.jitter = duration(member, orZero: true) ?? .zero
            case "starts": setting.periodic.startsAt = time(member)
            case "ends": setting.periodic.endsAt = time(member)
            default: break
            }
        }
        if let halt, let isHalting = flag(halt) {
            if let sequence = job.terms.sequence {
                job.terms.sequence = JobSequence(sequence.key, haltsOnDeath: isHalting)
            } else {
                report(halt.key, "\"halt\" says more about a sequence: give one too, with \"sequence\"")
            }
        }
        if let catchUp, let limit = number(catchUp, in: PeriodicRules.catchUp) {
            if case .all = setting.periodic.missed {
                setting.periodic.missed = .all(upTo: limit)
            } else {
                report(catchUp.key, "\"catch_up\" says how many missed slots are made up for: it goes with \"missed: all\"")
            }
        }
        setting.periodic.job = job
        return setting
    }

    /// When it is due.
    private mutating func timing(_ key: YAMLNode, _ members: [YAMLNode.Member]) -> PeriodicJob.Timing? {
        let cron = members.first { $0.name == "cron" }
        let every = members.first { $0.name == "every" }
        let zone = members.first { $0.name == "tz" }
        switch (cron, every) {
        case (let cron?, nil):
            guard let line = text(cron.value, what: "\"cron\"") else { return nil }
            let name = zone.flatMap { text($0.value, what: "\"tz\"") } ?? "UTC"
            do throws(ScheduleProblem) {
                _ = try Schedule.cron(line, zone: name)
            } catch {
                // Where the zone is at fault, it is said there.
                let isZone = (try? Schedule.cron(line)) != nil
                report(isZone ? zone?.value ?? cron.value : cron.value, error.description)
                return nil
            }
            return .cron(line, zone: name)
        case (nil, let every?):
            if let zone { report(zone.key, "\"tz\" goes with \"cron\": an interval is the same everywhere") }
            return duration(every).map { .every($0) }
        case (nil, nil):
            report(
                key,
                "periodic job \"\(key.plainText)\" has no \"cron\" and no \"every\": say when, such as cron: \"0 3 * * *\" or every: 10m")
            return nil
        case (.some, let every?):
            report(every.key, "a periodic job is due by \"cron\" or by \"every\", not both")
            return nil
        }
    }

    /// What is enqueued: a kind with a payload, or a command.
    private mutating func work(_ key: YAMLNode, _ members: [YAMLNode.Member], _ command: CommandPayload?) -> NewJob? {
        func member(_ name: String) -> YAMLNode.Member? { members.first { $0.name == name } }
        switch (member("kind"), member("run")) {
        case (let kind?, nil):
            for other in ["cwd", "env"] {
                if let other = member(other) {
                    report(other.key, "\"\(other.name)\" goes with \"run\": a kind's handler says where it runs")
                }
            }
            guard let name = name(kind) else { return nil }
            if name == CommandPayload.kind {
                report(kind.value, "a command is said by itself: run: [program, argument]")
                return nil
            }
            return NewJob(kind: name, payload: member("payload")?.value.json ?? Array("{}".utf8))
        case (nil, .some):
            if let payload = member("payload") { report(payload.key, "\"payload\" goes with \"kind\": a command has its arguments") }
            guard let command else { return nil }
            var job = NewJob(kind: CommandPayload.kind, payload: command.json)
            job.maxAttempts = 1
            job.label = String(command.argv.joined(separator: " ").prefix(60))
            return job
        case (nil, nil):
            report(key, "periodic job \"\(key.plainText)\" has no \"kind\" and no \"run\": say what is enqueued")
            return nil
        case (.some, let run?):
            report(run.key, "a periodic job enqueues a \"kind\" or a command (\"run\"), not both")
            return nil
        }
    }

    /// The command under `run`, if there is one.
    mutating func commandOf(_ members: [YAMLNode.Member]) -> CommandPayload? {
        func member(_ name: String) -> YAMLNode.Member? { members.first { $0.name == name } }
        guard let run = member("run") else { return nil }
        let argv = command(run)
        guard !argv.isEmpty else { return nil }
        var payload = CommandPayload(argv: argv)
        payload.cwd = member("cwd").flatMap { text($0.value, what: "cwd") }.map(absolute) ?? absolute(".")
        payload.env = member("env").map { environment($0.value) }
        return payload
    }

    private mutating func time(_ member: YAMLNode.Member) -> Timestamp? {
        guard let text = text(member.value, what: "\"\(member.name)\"") else { return nil }
        if let time = Timestamp(text) { return time }
        report(
            member.value, "\"\(member.name)\": \"\(text.prefix(40))\" is no time: write 2026-05-01T18:30:00Z or 2026-05-01T18:30:00+02:00")
        return nil
    }
}
