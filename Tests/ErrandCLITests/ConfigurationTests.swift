// What errand.yaml does to verbs: work --check, enqueue, config show.

import Errand
import ErrandTesting
import Foundation
import Testing

@testable import ErrandCLI

@Suite struct ConfigurationTests {
    /// Runs `body` with a file that says `text`.
    private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "/errand-config-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try text.write(toFile: directory + "/errand.yaml", atomically: true, encoding: .utf8)
        try await body(directory + "/errand.yaml")
    }

    @Test func `work --check finds everything at once, and runs nothing`() async throws {
        let text = """
            worker: { concurrency: 2, spare: 5 }
            queus: {}
            handlers:
              mail: { run: [no-such-program-anywhere] }
              letter: { run: [sh], timout: 3s }
            encryption: { key: { env: NO_SUCH_KEY } }
            """
        try await withFile(text) { file in
            var world = World()
            world.environment["ERRAND_DURABILITY"] = "some"
            let ended = await world.run("work", "--check", "--config", file)
            #expect(ended.code == 2 && ended.out.isEmpty)
            for part in [
                ":2:1: unknown key \"queus\" in the configuration: did you mean \"queues\"?",
                ":5:24: unknown key \"timout\" in a handler: did you mean \"timeout\"?", ":4:16: handler \"mail\": ",
                ":6:20: the key is to be in the environment variable NO_SUCH_KEY, which is not set",
                "5 spare slots leave no others: of 2 slots 1 to 1 may be spare", "ERRAND_DURABILITY is \"some\": set it to full or normal",
            ] {
                #expect(ended.err.contains(part), "\(part) in \(ended.err)")
            }
        }
    }

    @Test func `work --check says what a sound file would run`() async throws {
        try await withFile("handlers: { mail: { run: [sh, -c, 'true'] } }") { file in
            var world = World()
            world.environment["PATH"] = "/bin:/usr/bin"
            let ended = await world.run("work", "--check", "--config", file)
            #expect(ended.code == 0 && ended.err.isEmpty, "\(ended)")
            #expect(ended.lines == ["\(file): nothing is wrong", "kinds: mail, command", "store: /store"])
        }
    }

    @Test func `enqueue puts what is usual for a kind on its jobs, and flags come before it`() async throws {
        let text = """
            kinds:
              mail: { queue: post, priority: -5, max_attempts: 7, tags: [nightly], limit_key: tenant, unique: { by: [to], on_conflict: replace } }
            """
        try await withFile(text) { file in
            let world = World()
            let payload = #"{"to":"ada","tenant":"acme"}"#
            let first = await world.run("enqueue", "mail", payload, "--config", file)
            let id = try #require(first.lines.first.flatMap { JobID($0) })
            let job = try #require(try await world.model.job(id))
            #expect(job.summary.queue == "post" && job.summary.priority == -5 && job.summary.maxAttempts == 7)
            #expect(job.summary.tags == ["nightly"] && job.terms.limitKey == "acme")
            #expect(await world.run("enqueue", "mail", payload, "--config", file).lines == first.lines)
            let flags = await world.run(
                "enqueue", "mail", payload, "--config", file, "--queue", "other", "--priority", "3", "--max-attempts", "1", "--unique",
                "own",
                "--limit-key", "me")
            let ownID = try #require(flags.lines.first.flatMap { JobID($0) })
            let own = try #require(try await world.model.job(ownID))
            #expect(own.summary.queue == "other" && own.summary.priority == 3 && own.summary.maxAttempts == 1)
            #expect(own.terms.uniqueness?.key == "own" && own.terms.limitKey == "me")
            let without = await world.run("enqueue", "mail", "{}", "--config", file)
            #expect(without.code == 2 && without.err.contains("the payload has none of to"))
        }
    }

    @Test func `a line of a batch gets the same, and flags hold for all lines`() async throws {
        try await withFile("kinds: { mail: { queue: post, limit_key: tenant, unique: [to] } }") { file in
            var world = World()
            world.input = Array(
                [
                    #"{"payload":{"to":"ada","tenant":"acme"}}"#, #"{"payload":{"to":"ada"}}"#,
                    #"{"payload":{"to":"eve"},"queue":"own","unique":"k"}"#,
                ].joined(separator: "\n").utf8)
            let ended = await world.run("enqueue", "mail", "--batch", "-", "--config", file, "--sequence", "s", "--expires", "1h")
            #expect(ended.code == 6, "\(ended)")
            let ids = ended.lines.compactMap { JobID($0) }
            #expect(ids.count == 2)
            let jobs = try await [world.model.job(ids[0]), world.model.job(ids[1])].compactMap(\.self)
            #expect(jobs.map(\.summary.queue) == ["post", "own"])
            #expect(jobs.map(\.terms.limitKey) == ["acme", nil])
            #expect(jobs.map(\.terms.sequence) == [JobSequence("s"), JobSequence("s")])
            #expect(jobs.map(\.terms.expiresAt) == Array(repeating: world.clock.now() + .seconds(3600), count: 2))
            #expect(jobs[1].terms.uniqueness?.key == "k")
        }
    }

    @Test func `what a line says comes before what the flags say of the same, part by part`() async throws {
        try await withFile("kinds: { mail: { unique: [to], sequence: row, halt: true } }") { file in
            var world = World()
            world.input = Array(
                [
                    #"{"payload":{"a":1},"unique":"u1"}"#, #"{"payload":{"a":2},"unique":"u1"}"#,
                    #"{"payload":{"to":"x","row":7}}"#, #"{"payload":{"to":"y"},"sequence":"own"}"#,
                ].joined(separator: "\n").utf8)
            let ended = await world.run("enqueue", "mail", "--batch", "-", "--config", file, "--sequence", "all", "--halt")
            #expect(ended.code == 6 && ended.lines.count == 3 && ended.err.contains("line 2:"), "\(ended)")
            let last = try #require(ended.lines.last.flatMap { JobID($0) })
            #expect(try await world.model.job(last)?.terms.sequence == JobSequence("own", haltsOnDeath: true))
            let single = await world.run("enqueue", "mail", #"{"to":"z","row":8}"#, "--config", file)
            let id = try #require(single.lines.first.flatMap { JobID($0) })
            #expect(try await world.model.job(id)?.terms.sequence == JobSequence("8", haltsOnDeath: true))
        }
    }

    @Test func `--env is refused with a batch`() async {
        let ended = await World().run("enqueue", "--batch", "-", "--env", "A=1")
        #expect(ended.code == 2 && ended.err.contains("--env is for one command"))
    }

    @Test func `a worker that will not run sets nothing`() async throws {
        try await withFile("worker: { concurrency: 2, spare: 2 }\nqueues: { default: { total_concurrency: 1 } }") { file in
            let world = World()
            let ended = await world.run("work", "--once", "--config", file)
            #expect(ended.code == 2 && ended.err.contains("2 spare slots leave no others"))
            let settings = try await world.model.store.queues.settings()
            #expect(settings.isEmpty)
            #expect(await world.run("config", "show", "--config", file).code == 2)
        }
    }

    @Test func `config show names where each value comes from`() async throws {
        let text = """
            worker: { concurrency: 20, grace: 1m }
            queues: { mail: { concurrency: 4, rate: 10/s } }
            """
        try await withFile(text) { file in
            var world = World()
            world.environment["ERRAND_WORK_CONCURRENCY"] = "7"
            for name in ["ERRAND_API_TOKEN", "ERRAND_DB_PASSWORD", "ERRAND_PAYLOAD_CIPHER", "ERRAND_WORK_OTLP", "ERRAND_ENQUEUE_META"] {
                world.environment[name] = "swordfish"
            }
            world.environment["ERRAND_WORK_SENTRY_DSN"] = "https://swordfish@host/1"
            let ended = await world.run("config", "show", "--config", file)
            #expect(ended.code == 0)
            for line in [
                "store          /store  (ERRAND_STORE)", "config         \(file)  (--config)",
                "queues         mail:4  (errand.yaml)", "concurrency    7  (ERRAND_WORK_CONCURRENCY)",
                "grace          1m  (errand.yaml)", "lease          30.0s  (default)",
                "sets           queue mail: rate 10/s  (when a worker starts)",
                "variable       ERRAND_API_TOKEN=(set)",
            ] {
                #expect(ended.lines.contains(line), "\(line) in \(ended.out)")
            }
            let json = await world.run("config", "show", "--json", "--config", file)
            #expect(!ended.out.contains("swordfish") && !json.out.contains("swordfish"))
            #expect(json.out.contains(#""concurrency":{"value":"7","from":"ERRAND_WORK_CONCURRENCY"}"#), "\(json.out)")
        }
    }
}
