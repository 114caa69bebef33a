// The promise: queues and kinds are paused and limited from anywhere, for every worker, while they run.

import Foundation
import Testing

@Suite struct QueuesTests {
    @Test func `a paused queue waits and an open one does not; resumed from elsewhere, a live worker goes on`() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("queues", "pause", "slow").status == 0)
        let worker = try sandbox.start(["work", "--queues", "slow,default"])
        let held = try sandbox.run("enqueue", "--queue", "slow", "--", "true").text
        let free = try sandbox.run("enqueue", "--", "true").text
        #expect(try sandbox.run("wait", free).status == 0)
        #expect(try sandbox.run("show", held, "--json").objects().first?["state"] as? String == "available")
        #expect(try sandbox.run("queues", "resume", "slow").status == 0)
        #expect(try sandbox.run("wait", held).status == 0)
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
    }

    @Test func `two workers together run no more jobs of a queue than its concurrency, and all of them in the end`() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("queues", "set", "default", "--concurrency", "2").status == 0)
        let marks = sandbox.directory + "/marks"
        try FileManager.default.createDirectory(atPath: marks, withIntermediateDirectories: true)
        // Each job counts the jobs that run beside it.
        let script = "touch '\(marks)'/$ERRAND_JOB_ID; ls '\(marks)' | wc -l; sleep 0.05; rm '\(marks)'/$ERRAND_JOB_ID"
        let ids = try (0..<12).map { _ in try sandbox.run("enqueue", "--", "sh", "-c", script).text }
        let workers = try (0..<2).map { _ in try sandbox.start(["work", "-c", "8", "--until-empty"]) }
        for worker in workers { #expect(worker.waitForEnd().status == 0) }
        for id in ids {
            let beside = try sandbox.run("logs", id, "--json").objects().compactMap { Int($0["message"] as? String ?? "") }
            #expect(beside.count == 1 && (1...2).contains(beside.first ?? 0), "\(id) ran beside \(beside)")
        }
        let listed = try sandbox.run("queues", "list", "--json").objects().first { $0["queue"] as? String == "default" }
        #expect(listed?["running"] as? Int == 0 && listed?["concurrency"] as? Int == 2)
    }

    @Test func `a worker that runs until empty waits for the permits of a rate`() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("queues", "set", "default", "--rate", "20/s").status == 0)
        let ids = try (0..<6).map { _ in try sandbox.run("enqueue", "--", "true").text }
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        let starts = try ids.map { id in
            let job = try #require(try sandbox.run("show", id, "--json").objects().first)
            return try #require((job["executions"] as? [[String: Any]])?.first?["started_at"] as? String)
        }
        let times = try starts.map { try Date($0, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true)) }.sorted()
        // By the store's own times: never two within an interval.
        for (one, next) in zip(times, times.dropFirst()) { #expect(next.timeIntervalSince(one) >= 0.0499) }
    }
}

/// The promise: jobs of one key share what they are given, and those of a sequence keep their order, whoever runs them.
@Suite struct KeysTests {
    @Test func `two workers together run no more jobs of a limit key than its queue lets it, and other keys go on`() throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run("queues", "set", "default", "--key-concurrency", "1").status == 0)
        let marks = sandbox.directory + "/marks"
        try FileManager.default.createDirectory(atPath: marks, withIntermediateDirectories: true)
        let ids = try (0..<12).map { number in
            let key = "key\(number % 3)"
            // Each job counts the jobs of its key that run beside it.
            let script =
                "touch '\(marks)'/\(key)-$ERRAND_JOB_ID; ls '\(marks)' | grep -c '^\(key)-'; sleep 0.05; rm '\(marks)'/\(key)-$ERRAND_JOB_ID"
            return try sandbox.run("enqueue", "--limit-key", key, "--", "sh", "-c", script).text
        }
        let workers = try (0..<2).map { _ in try sandbox.start(["work", "-c", "8", "--until-empty"]) }
        for worker in workers { #expect(worker.waitForEnd().status == 0) }
        for id in ids {
            #expect(try sandbox.run("logs", id, "--json").objects().compactMap { $0["message"] as? String } == ["1"], "\(id)")
        }
    }

    @Test func `a sequence runs in its order over two workers, through a failed attempt, and stops at a death that halts it`() throws {
        let sandbox = try Sandbox()
        let file = sandbox.directory + "/order"
        func add(_ script: String, _ options: String...) throws -> String {
            try sandbox.run(["enqueue", "--sequence", "ada"] + options + ["--", "sh", "-c", script]).text
        }
        _ = try add("echo 0 >> '\(file)'")
        _ = try add("echo 1 >> '\(file)'; test $ERRAND_ATTEMPT = 2", "--max-attempts", "2")
        let deadly = try add("echo 2 >> '\(file)'; exit 1", "--halt")
        let last = try add("echo 3 >> '\(file)'")
        let workers = try (0..<2).map { _ in try sandbox.start(["work", "-c", "4"]) }
        #expect(try sandbox.run("wait", deadly).status == 1)
        #expect(try sandbox.run("show", last, "--json").objects().first?["state"] as? String == "waiting")
        #expect(try sandbox.run("queues").out.contains("default/ada"))
        #expect(try sandbox.run("queues", "resume", "default", "--sequence", "ada").status == 0)
        #expect(try sandbox.run("wait", last).status == 0)
        for worker in workers {
            worker.signal(SIGTERM)
            #expect(worker.waitForEnd().status == 0)
        }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "0\n1\n1\n2\n3\n")
    }

    @Test func `a story of events is told from any process, and can be read on from any place`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run("enqueue", "--", "true").text
        let follower = try sandbox.start(["events", "-f", "--json", "--cursor", "oldest"])
        #expect(try sandbox.run("work", "--until-empty").status == 0)
        let told = try sandbox.run("events", "--json").objects()
        #expect(told.map { $0["event"] as? String } == ["enqueued", "started", "completed"])
        #expect(told.allSatisfy { $0["job_id"] as? String == id })
        let cursor = try #require(told[1]["cursor"] as? String)
        #expect(try sandbox.run("events", "--json", "--cursor", cursor).objects().map { $0["event"] as? String } == ["completed"])
        #expect(eventually { follower.outputSoFar.contains("completed") })
        follower.signal(SIGINT)
        _ = follower.waitForEnd()
    }
}
