// The promise: what errand.yaml calls secret stands in no log, view, error, report or process list.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct SecretsTests {
    private static let payloadSecret = "payload-secret-4711"
    private static let environmentSecret = "environment-secret-0815"
    private static let kindSecret = "kind-secret/ü-2342"

    /// A worker's directory with a kind that tells all it knows, in every way that it can.
    private func sandbox() throws -> (Sandbox, configuration: String) {
        let sandbox = try Sandbox()
        let script = """
            import json, os, sys
            job = json.load(sys.stdin)
            print('plain', job['password'], flush=True)
            print(json.dumps({'level': 'warning', 'message': 'said ' + job['password'], 'password': 'x', 'deep': {'API_TOKEN': 'y'}}))
            print('password=' + job['password'] + ' env ' + os.environ['API_TOKEN'], flush=True)
            print(json.dumps({'env': os.environ['API_TOKEN']}), json.dumps(job['login']['password'][0]).replace('/', '\\\\/'), flush=True)
            print('the worker has ' + '\(SecretsTests.environmentSecret)', flush=True)
            print(' '.join(sorted(os.environ)), flush=True)
            os.write(3, json.dumps({'echo': job['password'], 'password': job['password']}).encode())
            if job['fail']: sys.exit('cannot log in with ' + job['password'] + ' and ' + os.environ['API_TOKEN'])
            """
        try script.write(toFile: sandbox.directory + "/tell.py", atomically: true, encoding: .utf8)
        let configuration = sandbox.directory + "/errand.yaml"
        try """
        handlers:
          tell: { run: [python3, tell.py], max_attempts: 1, env: { API_TOKEN: \(SecretsTests.kindSecret) } }
        redact: { keys: [password], env: [API_TOKEN, WORKER_SECRET] }
        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        return (sandbox, configuration)
    }

    @Test func `no channel shows what is to be redacted`() throws {
        let (sandbox, configuration) = try sandbox()
        let secrets = [SecretsTests.payloadSecret, SecretsTests.environmentSecret, SecretsTests.kindSecret]
        let environment = [
            "ERRAND_CONFIG": configuration, "WORKER_SECRET": SecretsTests.environmentSecret, "AWS_SECRET_ACCESS_KEY": "aws-secret-99",
        ]
        var ids: [String] = []
        for fails in [true, false] {
            let added = try sandbox.run(
                "enqueue", "tell", #"{"password":"\#(SecretsTests.payloadSecret)","login":{"password":["in/array-88"]},"fail":\#(fails)}"#,
                "--key", "\(SecretsTests.environmentSecret) \(fails)", "--meta",
                "note=\(SecretsTests.environmentSecret)", "--meta", "password=in-meta-77", environment: environment)
            #expect(added.status == 0, "\(added.err)")
            ids.append(added.text)
        }
        #if Web
        let server = try LoopbackServer(answering: true)
        let worked = try sandbox.run("work", "--until-empty", environment: environment.merging(["SENTRY_DSN": server.dsn]) { $1 })
        let reports = server.stop()
        #expect(reports.count == 1)
        #else
        let worked = try sandbox.run("work", "--until-empty", environment: environment)
        let reports: [String] = []
        #endif
        #expect(worked.status == 0, "\(worked.err)")

        var channels: [(name: String, text: String)] = [("the worker's own log", worked.err)]
        channels += reports.map { ("the Sentry report", $0) }
        for file in ["logs.db", "logs.db-wal"] {
            let bytes = FileManager.default.contents(atPath: sandbox.store + "/" + file) ?? Data()
            channels.append((file, String(decoding: bytes, as: UTF8.self)))
        }
        for arguments in [
            ["logs"], ["logs", "--json"], ["show", ids[0]], ["show", ids[1]], ["show", ids[0], "--json"], ["show", ids[1], "--json"],
            ["show", ids[0], "--raw"], ["jobs"], ["jobs", "--json"], ["jobs", "-o", "wide"], ["trace", ids[0], "--logs"],
            ["trace", ids[0], "--json", "--logs"], ["wait", ids[0]], ["stats", "--json"], ["doctor", "--json"],
        ] {
            let seen = try sandbox.run(arguments, environment: environment)
            channels.append((arguments.joined(separator: " "), seen.out + seen.err))
        }
        for (name, text) in channels {
            for secret in secrets + ["in-meta-77", "aws-secret-99", "kind-secret", "array-88"] {
                #expect(!text.contains(secret), "\(name) shows \(secret)")
            }
        }
        // The secrets were there to be seen: their places are marked, and the rest of each line is kept.
        let messages = try sandbox.run("logs", ids[0], "--json").objects().compactMap { $0["message"] as? String }
        #expect(messages.contains("plain [redacted]"))
        #expect(messages.contains("said [redacted]"))
        #expect(messages.contains("password=[redacted] env [redacted]"))
        #expect(messages.contains("the worker has [redacted]"))
        #expect(messages.contains(#"{"env": "[redacted]"} "[redacted]""#))
        // Two streams: which line comes first is nobody's promise.
        #expect(messages.contains("cannot log in with [redacted] and [redacted]"))
        let job = try #require(try sandbox.run("show", ids[0], "--json", environment: environment).objects().first)
        #expect((job["payload"] as? [String: Any])?["password"] as? String == "[redacted]")
        #expect((job["error"] as? [String: Any])?["message"] as? String == "exit status 1: cannot log in with [redacted] and [redacted]")
        #expect((job["meta"] as? [String: String])?["password"] == "[redacted]")
        let done = try #require(try sandbox.run("show", ids[1], "--json", environment: environment).objects().first)
        #expect((done["result"] as? [String: Any])?["echo"] as? String == "[redacted]")
        // Who looks without the configuration sees what is stored: errors and logs are redacted there, payloads are not.
        let bare = try sandbox.run("show", ids[0], "--json").out
        #expect(bare.contains(SecretsTests.payloadSecret))
    }

    @Test func `a command gets none of the worker's own variables, and no argument holds a secret`() throws {
        let (sandbox, configuration) = try sandbox()
        let id = try sandbox.run("enqueue", "--", "sh", "-c", "env; echo args; cat /proc/$PPID/cmdline | tr '\\0' ' '").text
        let worked = try sandbox.run(
            "work", "--until-empty",
            environment: [
                "ERRAND_CONFIG": configuration, "WORKER_SECRET": "w-secret", "AWS_SECRET_ACCESS_KEY": "a-secret",
                "ERRAND_SENTRY_DSN": "http://s-secret@127.0.0.1:9/1",
            ])
        #expect(worked.status == 0, "\(worked.err)")
        let lines = try sandbox.run("logs", id, "--json").objects().compactMap { $0["message"] as? String }
        let names = Set(lines.prefix { $0 != "args" }.map { String($0.prefix { $0 != "=" }) })
        let allowed: Set = [
            "PATH", "HOME", "USER", "LANG", "TZ", "ERRAND_STORE", "ERRAND_EXECUTION_ID", "ERRAND_JOB_ID", "ERRAND_ATTEMPT",
            "ERRAND_LEASE_TOKEN", "ERRAND_QUEUE", "ERRAND_KIND", "ERRAND_META", "ERRAND_RESULT_FD", "TRACEPARENT", "TRACESTATE", "BAGGAGE",
            // The shell's own.
            "PWD", "_", "SHLVL", "OLDPWD",
        ]
        #expect(names.contains("ERRAND_EXECUTION_ID"))
        #expect(names.subtracting(allowed) == [])
        #expect(lines.contains { $0.contains("work --until-empty") })
        #expect(!lines.contains { $0.contains("-secret") })
    }

    // MARK: Encryption

    /// 32 bytes that everybody may know.
    private static let key = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="
    private static let otherKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    private func encrypted(_ sandbox: Sandbox, _ encryption: String) throws -> [String: String] {
        let configuration = sandbox.directory + "/errand.yaml"
        try """
        handlers: { charge: { run: [sh, -c, 'cat; printf %s result-in-the-clear >/dev/null; echo \\"made-of-$((40+2))-things\\" >&3'] } }
        encryption: \(encryption)
        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        return ["ERRAND_CONFIG": configuration, "KEY": SecretsTests.key, "OTHER": SecretsTests.otherKey]
    }

    @Test func `encrypted payloads and results are nowhere on the disk, and readable with the key alone`() throws {
        let sandbox = try Sandbox()
        try "\(SecretsTests.key)\n".write(toFile: sandbox.directory + "/errand.key", atomically: true, encoding: .utf8)
        let environment = try encrypted(sandbox, "{ key: { file: errand.key } }")
        let arguments = ["enqueue", "charge", #"{"card":"4111-1111-1111-1111"}"#, "--key", "once"]
        let id = try sandbox.run(arguments, environment: environment).text
        #expect(id.count == 13)
        #expect(try sandbox.run(arguments, environment: environment).text == id)
        func disk() -> String {
            ["queue.db", "queue.db-wal"].map {
                String(decoding: FileManager.default.contents(atPath: sandbox.store + "/" + $0) ?? Data(), as: UTF8.self)
            }.joined()
        }
        #expect(disk().contains("charge") && !disk().contains("4111-1111"))

        // Without the key: nothing runs, no attempt is used up, and everybody says why.
        let blind = try sandbox.run("show", id)
        #expect(blind.out.contains("encrypted with the key") && !blind.out.contains("4111"))
        let object = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(object["payload"] is NSNull && (object["payload_key"] as? String)?.count == 8)

        let worked = try sandbox.run("work", "--until-empty", environment: environment)
        #expect(worked.status == 0, "\(worked.err)")
        let shown = try #require(try sandbox.run("show", id, "--json", environment: environment).objects().first)
        #expect(shown["state"] as? String == "completed")
        #expect((shown["payload"] as? [String: Any])?["card"] as? String == "4111-1111-1111-1111")
        #expect(shown["result"] as? String == "made-of-42-things")
        #expect(!disk().contains("4111-1111") && !disk().contains("made-of-42-things"))
    }

    @Test func `a worker with another key says which one it lacks, and loses no attempt; a rotation reads both`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "charge", "{}", environment: try encrypted(sandbox, "{ key: { env: KEY } }")).text
        let worked = try sandbox.run(
            "work", "--until-empty", "--idle-timeout", "1s", environment: try encrypted(sandbox, "{ key: { env: OTHER } }"))
        #expect(worked.status == 0)
        #expect(worked.err.contains("it is encrypted with the key"), "\(worked.err)")
        let waiting = try #require(try sandbox.run("show", id, "--json").objects().first)
        #expect(waiting["state"] as? String == "scheduled" && waiting["attempt"] as? Int == 0)
        #expect(((waiting["executions"] as? [[String: Any]])?.first?["error"] as? [String: Any])?["type"] as? String == "PayloadUnreadable")
        let rotated = try encrypted(sandbox, "{ key: { env: OTHER }, older: [{ env: KEY }] }")
        let shown = try #require(try sandbox.run("show", id, "--json", environment: rotated).objects().first)
        #expect((shown["payload"] as? [String: Any])?.isEmpty == true)
    }

    @Test func `an enqueue that forgot the key is refused beside an encrypted job, unless it says that it means it`() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("enqueue", "charge").status == 0, "nothing is encrypted yet")
        let environment = try encrypted(sandbox, "{ key: { env: KEY } }")
        #expect(try sandbox.run("enqueue", "charge", environment: environment).status == 0)
        for arguments in [["enqueue", "charge", #"{"card":"4111"}"#], ["enqueue", "--", "true"]] {
            let forgetful = try sandbox.run(arguments)
            #expect(forgetful.status == 2 && forgetful.out == "")
            #expect(forgetful.err.contains("--config") && forgetful.err.contains("--in-the-clear"), "\(forgetful.err)")
        }
        #expect(try sandbox.run("jobs", "-q").lines.count == 2)
        #expect(try sandbox.run("enqueue", "charge", "--in-the-clear").status == 0)
        #expect(try sandbox.run("enqueue", "charge").status == 0, "encryption was turned off")
    }

    @Test(arguments: [
        ("{ key: { file: missing.key } }", "cannot be read"), ("{ key: { env: NOT_SET } }", "NOT_SET, which is not set"),
        ("{ key: { env: HOME } }", "openssl rand -base64 32"),
    ])
    func `a key that cannot be used stops every verb that needs it, exit 2, with its place`(encryption: String, expected: String) throws {
        let sandbox = try Sandbox()
        let environment = try encrypted(sandbox, encryption)
        for arguments in [["enqueue", "charge", "{}"], ["work", "--until-empty"], ["show", "x"], ["jobs"]] {
            let refused = try sandbox.run(arguments, environment: environment)
            #expect(refused.status == 2, "\(arguments): \(refused.err)")
            #expect(refused.err.contains("errand.yaml:2:") && refused.err.contains(expected), "\(refused.err)")
        }
        #expect(!FileManager.default.fileExists(atPath: sandbox.store))
    }

    // MARK: Limits

    @Test func `a runaway command of a kind is ended at its limits, and the worker goes on`() throws {
        let sandbox = try Sandbox()
        let configuration = sandbox.directory + "/errand.yaml"
        try """
        limits: { output: 1MiB }
        handlers:
          spin: { run: [sh, -c, 'while :; do :; done'], max_attempts: 1, limits: { cpu: 1s } }
          eat: { run: [python3, -c, 'a = bytes(1 << 30)'], max_attempts: 1, limits: { memory: 128MiB } }
        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        let environment = ["ERRAND_CONFIG": configuration]
        var ids: [String] = []
        for arguments in [["enqueue", "spin"], ["enqueue", "eat"], ["enqueue", "--", "yes"], ["enqueue", "--", "true"]] {
            ids.append(try sandbox.run(arguments, environment: environment).text)
        }
        #expect(try sandbox.run("work", "--until-empty", environment: environment).status == 0)
        let errors = try ids.map { id in
            (try sandbox.run("show", id, "--json").objects().first?["error"] as? [String: Any])?["message"] as? String
        }
        #expect(errors[0] == "it used more processor time than its limit of 1.0s (cpu) and was ended")
        #expect(errors[1]?.hasSuffix("(it ran under these limits: memory 128MiB)") == true, "\(errors[1] ?? "")")
        #expect(errors[2] == "it printed more than its limit of 1MiB (output) and was ended")
        #expect(errors[3] == nil)
    }
}
