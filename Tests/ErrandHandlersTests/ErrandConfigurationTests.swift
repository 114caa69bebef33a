// errand.yaml: what it may say, and what is said about what it may not.

import Errand
import Foundation
import Testing

@testable import ErrandHandlers

struct ErrandConfigurationTests {
    private func parse(_ text: String, file: String = "/etc/errand/errand.yaml") throws -> ErrandConfiguration {
        try ErrandConfiguration.parse(Array(text.utf8), file: file)
    }

    @Test func `queues and handlers are read with all that they say`() throws {
        let configuration = try parse(
            """
            # what this worker does
            queues: { default: { concurrency: 8 }, reports: {} }
            handlers:
              send-email: { run: [python3, send_email.py, 5], timeout: 1m30s, max_attempts: 3 }
              report:
                run:
                  - ./report
                  - "two words"
                cwd: jobs
                env: { LEVEL: 3, NAME: 'x: y' }
            """)
        #expect(configuration.queues.mapValues(\.concurrency) == ["default": 8, "reports": nil])
        let email = try #require(configuration.handlers["send-email"])
        #expect(email.run == ["python3", "send_email.py", "5"])
        #expect(email.timeout == .seconds(90) && email.maxAttempts == 3)
        #expect(email.directory == "/etc/errand" && email.environment == [:])
        let report = try #require(configuration.handlers["report"])
        #expect(report.run == ["./report", "two words"])
        #expect(report.timeout == nil && report.maxAttempts == nil)
        #expect(report.directory == "/etc/errand/jobs" && report.environment == ["LEVEL": "3", "NAME": "x: y"])
    }

    @Test func `secrets and keys are read by name, never by value`() throws {
        let configuration = try parse(
            """
            redact: { keys: [password, "*_token"], env: [API_TOKEN] }
            encryption: { key: { file: errand.key }, older: [{ env: OLD_KEY }, { file: /keys/older }] }
            """)
        #expect(configuration.redaction.keys == ["password", "*_token"] && configuration.redaction.environment == ["API_TOKEN"])
        let encryption = try #require(configuration.encryption)
        #expect(encryption.key.source == .file("/etc/errand/errand.key"))
        #expect(encryption.older.map(\.source) == [.environment("OLD_KEY"), .file("/keys/older")])
    }

    @Test func `backoff, heartbeat and unrecoverable exit statuses are read, and reach the handler`() throws {
        let configuration = try parse(
            """
            handlers:
              a: { run: [a], heartbeat: 1m, backoff: { base: 10s, maximum: 5m }, unrecoverable: [64, 65] }
              b: { run: [b], backoff: 2h }
              c: { run: [c] }
            """)
        let handlers = configuration.commandHandlers()
        #expect(handlers.map(\.heartbeatTimeout) == [.seconds(60), nil, nil])
        #expect(handlers.map(\.backoff.base) == [.seconds(10), .seconds(7200), .seconds(1)])
        #expect(handlers.map(\.backoff.maximum) == [.seconds(300), .seconds(7200), .seconds(3600)])
        let choose = try #require(handlers[0].retry)
        #expect(choose(StoredError(type: "CommandFailed", message: "", code: 64), 1) == .never)
        #expect(choose(StoredError(type: "CommandFailed", message: "", code: 1), 1) == .backoff)
        #expect(choose(StoredError(type: "TimedOut", message: ""), 1) == .backoff)
        #expect(handlers[1].retry == nil)
    }

    @Test(arguments: [
        ("backoff: { base: 1h, maximum: 1m }", "the maximum 1m is shorter than the base 1h"),
        ("backoff: { bass: 1h }", "did you mean \"base\"?"),
        ("backoff: soon", "\"backoff\": "),
        ("unrecoverable: [75]", "without 75, which snoozes"),
        ("unrecoverable: [0]", "from 1 to 255"),
        ("unrecoverable: 64", "must be a list of exit statuses, such as [64, 65]"),
        ("heartbeat: 0s", "heartbeat"),
        ("hartbeat: 1s", "did you mean \"heartbeat\"?"),
    ])
    func `what is wrong about failed attempts is said`(setting: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try parse("handlers:\n  a: { run: [a], \(setting) }") }
        #expect(error?.problems.contains { $0.message.contains(message) } == true, "\(String(describing: error))")
    }

    @Test func `what holds for all workers is read as the settings of the store`() throws {
        let configuration = try parse(
            """
            queues:
              reports:
                { concurrency: 2, total_concurrency: 4, rate: "10/s,20", key_concurrency: 1, key_rate: 5/m, fair: true, weight: 3,
                  limit_keys: { Acme Corp: { total_concurrency: 2, rate: 1/s, weight: 7 }, other: { rate: none } } }
              default: { total_concurrency: none }
            kinds: { mail: { total_concurrency: 3, rate: 100/m } }
            """)
        #expect(configuration.queues.mapValues(\.concurrency) == ["reports": 2, "default": nil])
        #expect(
            configuration.settings == [
                StoreSetting(
                    scope: .queue("reports"),
                    changes: [
                        .concurrency(4), .rate(RateLimit(10, per: .seconds(1), burst: 20)), .keyConcurrency(1),
                        .keyRate(RateLimit(5, per: .seconds(60))), .fair(true), .weight(3),
                    ]),
                StoreSetting(
                    scope: .key("Acme Corp", queue: "reports"),
                    changes: [.concurrency(2), .rate(RateLimit(1, per: .seconds(1))), .weight(7)]),
                StoreSetting(scope: .key("other", queue: "reports"), changes: [.rate(nil)]),
                StoreSetting(scope: .queue("default"), changes: [.concurrency(nil)]),
                StoreSetting(scope: .kind("mail"), changes: [.concurrency(3), .rate(RateLimit(100, per: .seconds(60)))]),
            ])
    }

    @Test func `how the worker runs is read`() throws {
        let worker = try parse(
            "worker: { concurrency: 20, order: strict, spare: 2, spare_priority: -50, lease: 10s, grace: 1m, suspect_after: 0 }"
        ).worker
        #expect(try parse("worker: { grace: 0s }").worker.grace == .zero)
        var configuration = Worker.Configuration()
        worker.apply(to: &configuration)
        #expect(configuration.concurrency == 20 && configuration.queueOrder == .strict)
        #expect(configuration.spareSlots == SpareSlots(2, priority: -50))
        #expect(configuration.lease == .seconds(10) && configuration.grace == .seconds(60) && configuration.suspectThreshold == nil)
    }

    @Test func `what is usual for jobs of a kind is read, and put on them`() throws {
        let configuration = try parse(
            """
            kinds:
              mail:
                queue: post
                priority: -5
                max_attempts: 7
                expires: 2h
                deadline: 1d
                tags: [nightly, mail]
                unique: { by: [to, template], scope: kind-and-queue, until: ended, for: 10m, on_conflict: { debounce: 5s, max: 1m } }
                limit_key: tenant
                sequence: account.id
              plain: { unique: [to] }
            handlers: { plain: { run: [x], max_attempts: 3 } }
            """)
        let defaults = configuration.defaults(of: "mail")
        var job = NewJob(kind: "mail", payload: Array(#"{"to":"ada","tenant":"acme","account":{"id":7}}"#.utf8))
        let now = Timestamp(microseconds: 1_000_000)
        defaults.apply(to: &job, now: now)
        defaults.applyPayload(to: &job)
        #expect(job.queue == "post" && job.priority == -5 && job.maxAttempts == 7)
        #expect(job.terms.expiresAt == now + .seconds(7200) && job.terms.deadline == now + .seconds(86_400))
        #expect(job.terms.tags == ["mail", "nightly"] && job.terms.limitKey == "acme" && job.terms.sequence == JobSequence("7"))
        #expect(
            job.terms.uniqueness
                == Uniqueness(
                    by: ["to", "template"], scope: .kindAndQueue, until: .ended,
                    onConflict: .debounce(delay: .seconds(5), maximumWait: .seconds(60)), period: .seconds(600)))
        #expect(configuration.defaults(of: "plain").maxAttempts == 3)
        #expect(configuration.defaults(of: "plain").uniqueness == Uniqueness(by: ["to"]))
        #expect(configuration.defaults(of: "other") == JobDefaults())
    }

    @Test(arguments: [
        ("worker: { concurency: 3 }", "1:11: unknown key \"concurency\" in worker: did you mean \"concurrency\"?"),
        ("worker: { order: random }", "1:18: \"order\" is strict or weighted, not \"random\""),
        ("worker: { lease: 10ms }", "1:18: \"lease\" is 1s or more"),
        ("worker: { spare_priority: -3 }", "1:11: \"spare_priority\" says more about \"spare\": give a number of slots too"),
        ("queues: { a: { rate: often } }", "1:22: \"rate\": that is no rate: write 10/s, 100/m or 5/30s"),
        ("queues: { a: { rate: \"1/s,0\" } }", "1:22: "),
        ("queues: { a: { total_concurrency: 0 } }", "1:35: \"total_concurrency\" must be a whole number from 1 to 1000000, not \"0\""),
        ("queues: { a: { fair: maybe } }", "1:22: \"fair\" is true or false, not \"maybe\""),
        ("queues: { a: { weight: 0 } }", "1:24: \"weight\" must be a whole number from 1 to 1000, not \"0\""),
        ("queues: { a: { limit_keys: { k: { fair: true } } } }", "1:35: unknown key \"fair\" in a limit key"),
        ("queues: { a: { limit_keys: { K: { rate: \"1/s,0\" } } } }", "1:41: "),
        ("kinds: { a: { unique: [] } }", "1:23: \"unique\" names 1 to 16 places in the payload, not 0"),
        ("kinds: { a: { unique: { scope: kind } } }", "1:23: \"unique\" has no \"by\""),
        ("kinds: { a: { unique: [a..b] } }", "1:23: \"unique\": \"a..b\" is no place in a payload"),
        (
            "kinds: { a: { unique: { by: [b], on_conflict: explode } } }",
            "1:47: \"on_conflict\" is one of keep-last, reject, replace, { debounce: 5s, max: 1m }, not \"explode\""
        ),
        (
            "kinds: { a: { unique: { by: [b], until: started, for: 1m } } }",
            "1:23: a unique key is kept for a period or until the job starts, not both"
        ),
        ("kinds: { a: { unique: { by: to } } }", "1:29: \"by\" must be a list, such as [account.id]"),
        ("kinds: { a: { expires: 0s } }", "1:24: "),
        ("kinds: { a: { tags: [A B] } }", "1:21: "),
        ("kinds: { a: { limit_key: \"\" } }", "1:26: "),
        ("kinds: { a: { run: [x] } }", "1:15: unknown key \"run\" in a kind"),
    ])
    func `what is wrong about limits, workers and kinds is said, with its place`(text: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try parse(text) }
        #expect(error?.problems.count == 1, "\(String(describing: error))")
        #expect(error?.description.contains("errand.yaml:" + message) == true, "\(String(describing: error))")
    }

    @Test func `limits are read for all commands and for one kind`() throws {
        let configuration = try parse(
            """
            limits: { output: 100MiB, cpu: 10m }
            handlers:
              convert: { run: [convert], limits: { cpu: 10s, memory: 512MiB, open_files: 64, file_size: 1GiB, output: 10MB } }
            """)
        #expect(configuration.limits.cpu == .seconds(600) && configuration.limits.outputBytes == 100 << 20)
        #expect(configuration.limits.memoryBytes == nil)
        let own = try #require(configuration.handlers["convert"]?.limits)
        #expect(own.cpu == .seconds(10) && own.memoryBytes == 512 << 20 && own.openFiles == 64)
        #expect(own.fileBytes == 1 << 30 && own.outputBytes == 10_000_000)
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "queues:\nhandlers:\n", "\u{FEFF}handlers: {}\n"])
    func `a file may be empty`(text: String) throws {
        let configuration = try parse(text)
        #expect(configuration.queues.isEmpty && configuration.handlers.isEmpty)
    }

    @Test(arguments: [
        // Not a YAML document that a configuration can be.
        ("handlers:\n\tmail: {}\n", ["2:1: a tab in the indentation: YAML allows spaces only"]),
        ("queues: {a: {}\n", ["2:1: did not find expected ',' or '}' while parsing a flow mapping"]),
        ("queues: {}\n---\nhandlers: {}\n", ["2:1: a second document: one file holds one configuration, remove the \"---\""]),
        ("queues: &q {}\n", ["1:9: anchors (&name) are not supported: write the value out"]),
        ("queues: *q\n", ["1:9: aliases (*name) are not supported: write the value out"]),
        ("queues: !!map {}\n", ["1:9: tags (!name) are not supported: remove it"]),
        ("%YAML 1.1\n---\nqueues: {}\n", ["1:1: directives (lines that begin with %) are not supported"]),
        ("queues: {}\nqueues: {}\n", ["2:1: \"queues\" is given twice, first in line 1: remove one"]),
        ("? [a]\n: b\n", ["1:3: a key must be text, not a list"]),
        ("- a\n", ["1:1: the configuration must be a mapping (key: value), not a list"]),
        (String(repeating: "[", count: 40), ["1:34: values nest deeper than 32 levels"]),
        // Keys.
        ("handlers: {mail: {run: [a], timout: 3s}}\n", ["1:29: unknown key \"timout\" in a handler: did you mean \"timeout\"?"]),
        ("handler: {}\n", ["1:1: unknown key \"handler\" in the configuration: did you mean \"handlers\"?"]),
        (
            "workflows: {}\n",
            [
                "1:1: unknown key \"workflows\" in the configuration: valid keys are worker, queues, kinds, handlers, periodic, limits, retention, redact, encryption"
            ]
        ),
        ("queues: {a: {concurency: 3}}\n", ["1:14: unknown key \"concurency\" in a queue: did you mean \"concurrency\"?"]),
        (
            "handlers: {a: {run: [x], max-attempts: 3}}\n",
            ["1:26: unknown key \"max-attempts\" in a handler: did you mean \"max_attempts\"?"]
        ),
        // Limits.
        ("limits: {cpus: 3s}\n", ["1:10: unknown key \"cpus\" in limits: did you mean \"cpu\"?"]),
        ("limits: {cpu: 1500ms}\n", ["1:15: \"cpu\" counts whole seconds of processor time, such as 10s or 2m"]),
        (
            "limits: {memory: 512}\n",
            ["1:18: \"memory\": \"512\" is no size: write a whole number and its unit, such as 64KiB, 512MiB or 2GiB"]
        ),
        ("limits: {memory: 1MiB}\n", ["1:18: \"memory\" must be 16MiB or more, not 1MiB"]),
        ("limits: {open_files: 3}\n", ["1:22: \"open_files\" must be a whole number from 8 to 1048576, not \"3\""]),
        ("limits: {output: 0B}\n", ["1:18: \"output\" must be 1B or more, not 0B"]),
        // Secrets.
        ("redact: [a]\n", ["1:9: redact must be a mapping (key: value), not a list"]),
        ("redact: {key: [a]}\n", ["1:10: unknown key \"key\" in redact: did you mean \"keys\"?"]),
        ("redact: {keys: password}\n", ["1:16: \"keys\" must be a list of names, such as [password, \"*_token\"], not \"password\""]),
        (
            "redact: {keys: ['*']}\n",
            ["1:17: a name in \"keys\" that is empty or only \"*\" would hide everything: name the members that are secret"]
        ),
        (
            "encryption: {key: q83vASNFZ4k=}\n",
            ["1:19: a key is not written into this file: say where it is, { file: PATH } or { env: NAME }"]
        ),
        // Wherever a key was written, no message repeats it.
        ("encryption: swordfish\n", ["1:13: a key is not written into this file: say where it is, { file: PATH } or { env: NAME }"]),
        (
            "encryption: {key: {file: a}, older: swordfish}\n",
            ["1:37: a key is not written into this file: say where it is, { file: PATH } or { env: NAME }"]
        ),
        (
            "encryption: {key: {env: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}}\n",
            ["1:25: a key is not written into this file: say where it is, { file: PATH } or { env: NAME }"]
        ),
        (
            "encryption: {key: {file: a}, older: [{file: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}]}\n",
            ["1:45: a key is not written into this file: say where it is, { file: PATH } or { env: NAME }"]
        ),
        (
            "encryption: {AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=: a}\n",
            ["1:14: a key is not written into this file: say where it is, { file: PATH } or { env: NAME }"]
        ),
        ("encryption: {older: []}\n", ["1:13: encryption has no \"key\": say where it is, such as key: { file: errand.key }"]),
        ("encryption: {key: {file: a, env: B}}\n", ["1:19: a key has one place: { file: PATH } or { env: NAME }"]),
        // Values.
        ("retention: {completed: soon}\n", ["1:24: \"completed\": \"soon\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"]),
        (
            "retention: {rules: {kind: a}}\n",
            ["1:20: \"rules\" must be a list, such as [{ kind: mail, state: completed, age: 1h }], not a mapping"]
        ),
        (
            "retention: {rules: [{kind: a}]}\n",
            ["1:21: a rule of retention says nothing: give it an age, jobs, bytes, results or logs"]
        ),
        (
            "retention: {rules: [{state: running, jobs: 3}]}\n",
            ["1:29: \"state\" is one of completed, cancelled, dead, not \"running\""]
        ),
        ("queues: {a: 3}\n", ["1:13: a queue must be a mapping (key: value), not \"3\""]),
        ("queues: {a: {concurrency: 0}}\n", ["1:27: \"concurrency\" must be a whole number from 1 to 10000, not \"0\""]),
        ("queues: {a: {concurrency: '8'}}\n", ["1:27: \"concurrency\" must be a whole number from 1 to 10000, not \"8\""]),
        ("queues: {a: {concurrency: many}}\n", ["1:27: \"concurrency\" must be a whole number from 1 to 10000, not \"many\""]),
        ("queues: {A: {}}\n", ["1:10: \"A\" is not a queue name: use 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"]),
        ("handlers: {a b: {run: [x]}}\n", ["1:12: \"a b\" is not a kind name: use 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"]),
        (
            "handlers: {mail: {timeout: 3s}}\n",
            ["1:12: handler \"mail\" has no \"run\": say which command handles it, such as run: [python3, mail.py]"]
        ),
        (
            "handlers: {a: {run: echo hi}}\n",
            ["1:21: \"run\" must be a list of the program and its arguments, such as [python3, work.py], not \"echo hi\""]
        ),
        ("handlers: {a: {run: []}}\n", ["1:21: the command is empty: give at least a program"]),
        ("handlers: {a: {run: [x, [y]]}}\n", ["1:25: an argument of \"run\" must be text, not a list"]),
        ("handlers: {a: {run: [x, ~]}}\n", ["1:25: an argument of \"run\" must be text, not nothing"]),
        (
            "handlers: {a: {run: [x], timeout: 3 s}}\n",
            ["1:35: \"timeout\": \"3 s\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m"]
        ),
        ("handlers: {a: {run: [x], timeout: 0s}}\n", ["1:35: the timeout must be longer than 0"]),
        ("handlers: {a: {run: [x], timeout: 99999d}}\n", ["1:35: \"timeout\": a duration is at most ten years: \"99999d\""]),
        ("handlers: {a: {run: [x], max_attempts: 1001}}\n", ["1:40: \"max_attempts\" must be a whole number from 1 to 1000, not \"1001\""]),
        ("handlers: {a: {run: [x], env: [y]}}\n", ["1:31: env must be a mapping (key: value), not a list"]),
        ("handlers: {a: {run: [x], env: {'A=B': c}}}\n", ["1:31: \"A=B\" cannot be the name of an environment variable"]),
        (
            "handlers: {command: {run: [x]}}\n",
            ["1:12: the kind \"command\" is reserved for commands that are enqueued as such: choose another name"]
        ),
        // All of them, in the order of the file.
        (
            "queues:\n  a: {concurrency: no}\nhandlers:\n  b: {run: [x], timeout: soon, retries: 3}\n",
            [
                "2:20: \"concurrency\" must be a whole number from 1 to 10000, not \"no\"",
                "4:26: \"timeout\": \"soon\" is no duration: write 500ms, 30s, 10m, 2h, 1d or 1h30m",
                "4:32: unknown key \"retries\" in a handler: valid keys are run, timeout, heartbeat, max_attempts, backoff, unrecoverable, cwd, env, limits",
            ]
        ),
    ])
    func `what a file may not say is refused with its place`(text: String, messages: [String]) {
        let error = #expect(throws: ConfigurationError.self) { try parse(text, file: "errand.yaml") }
        let places = messages.map { "errand.yaml:" + $0 }
        #expect(error?.problems.map(\.description) == places)
    }

    @Test func `bytes that are no text are refused with their line`() {
        let error = #expect(throws: ConfigurationError.self) {
            try ErrandConfiguration.parse(Array("queues: {}\n# x".utf8) + [0xFF, 0x0A], file: "e.yaml")
        }
        #expect(error?.description == "e.yaml:2:4: invalid leading UTF-8 octet")
    }

    @Test func `a file past the size limit is refused, and one at the limit is read`() throws {
        let comment = [UInt8(ascii: "#")] + [UInt8](repeating: 0x20, count: ErrandConfiguration.sizeLimit - 1)
        #expect(try ErrandConfiguration.parse(comment, file: "e.yaml").handlers.isEmpty)
        let error = #expect(throws: ConfigurationError.self) { try ErrandConfiguration.parse(comment + [0x20], file: "e.yaml") }
        #expect(error?.description == "e.yaml: is larger than 1 MiB: this is no configuration")
    }

    @Test func `a file that is not there is an error that names it`() {
        let error = #expect(throws: ConfigurationError.self) { try ErrandConfiguration.load("/nowhere/errand.yaml") }
        #expect(error?.description == "/nowhere/errand.yaml: cannot be read: No such file or directory")
    }

    @Test func `the check names every command that cannot start here`() throws {
        let configuration = try parse(
            """
            handlers:
              good: { run: [sh, -c, "true"] }
              relative: { run: [bin/sh] , cwd: / }
              missing: { run: [no-such-program] }
              plain: { run: [/etc/passwd] }
              lost: { run: [sh], cwd: /nowhere }
              other-path: { run: [sh], env: { PATH: /nowhere } }
            """, file: "/tmp/errand.yaml")
        var options = CommandOptions()
        options.workerEnvironment = ["PATH": "/usr/bin:/bin"]
        #expect(
            configuration.check(options).map(\.description) == [
                "/tmp/errand.yaml:4:19: handler \"missing\": no-such-program is not on the worker's PATH (/usr/bin:/bin)",
                "/tmp/errand.yaml:5:17: handler \"plain\": /etc/passwd is not an executable file",
                "/tmp/errand.yaml:6:16: handler \"lost\": the directory /nowhere does not exist",
                "/tmp/errand.yaml:7:22: handler \"other-path\": sh is not on the PATH that errand.yaml gives its kind (/nowhere)",
            ])
    }

    @Test func `a configured kind gets the payload on standard input, in the file's directory`() async throws {
        let configuration = try parse(
            "handlers: { sum: { run: [sh, -c, 'cat; pwd; echo $WHO'], timeout: 9s, env: { WHO: me } } }", file: "/usr/errand.yaml")
        let handler = try #require(configuration.commandHandlers().first)
        #expect(handler.kind == "sum" && handler.timeout == .seconds(9))
        let room = CommandRoom(kind: "sum")
        _ = try await handler.run(room.job(payload: "{\"n\":1}\n"), room.context)
        #expect(room.collector.messages == ["{\"n\":1}", "/usr", "me"])
    }

    @Test func `the nearest name is only a guess when it is near`() {
        let keys = ["run", "timeout", "max_attempts", "cwd", "env"]
        #expect(Nearest.name(to: "tiemout", among: keys) == "timeout")
        #expect(Nearest.name(to: "Timeout", among: keys) == "timeout")
        #expect(Nearest.name(to: "maxAttempts", among: keys) == "max_attempts")
        #expect(Nearest.name(to: "http", among: keys) == nil)
        #expect(Nearest.name(to: "", among: keys) == nil)
    }
}
