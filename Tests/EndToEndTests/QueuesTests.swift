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
