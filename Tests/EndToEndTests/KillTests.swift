// The promise: a worker's death loses nothing that was acknowledged and runs nothing twice without saying so.

import Foundation
import Testing

@Suite struct KillTests {
    @Test func `20 kills at random points: one accepted outcome per job, growing ordinals, cut executions interrupted, their lines kept`()
        throws
    {
        let sandbox = try Sandbox()
        let jobs = 500
        for number in 0..<jobs {
            // Some are slow; each says its ID at once and again at its end.
            let pause = number % 10 == 0 ? "1" : "0.02"
            let added = try sandbox.run(
                "enqueue", "--max-attempts", "1", "--", "sh", "-c",
                "echo begin $ERRAND_EXECUTION_ID $(date +%s%N); sleep \(pause); echo end $ERRAND_EXECUTION_ID $(date +%s%N)")
            #expect(added.status == 0)
        }
        var generator = SystemRandomNumberGenerator()
        var killTimes: [Double] = []
        for _ in 0..<20 {
            let worker = try sandbox.start(["work", "-c", "16"])
            usleep(UInt32.random(in: 100_000...700_000, using: &generator))
            killTimes.append(Date().timeIntervalSince1970)
            worker.signal(SIGKILL)
            #expect(worker.waitForEnd().status == 128 + 9)
        }
        let worked = try sandbox.run("work", "-c", "32", "--until-empty", "--idle-timeout", "5s")
        #expect(worked.status == 0, "\(worked.err.suffix(2000))")

        let printed = try sandbox.run("logs", "--json").objects().filter { $0["stream"] as? String != "system" }
        let lines = Dictionary(grouping: printed) { $0["execution_id"] as? String ?? "" }
        var interruptions = 0
        var lostLines = 0
        for summary in try sandbox.run("jobs", "--json").objects() {
            let id = try #require(summary["id"] as? String)
            #expect(summary["state"] as? String == "completed", "\(summary)")
            #expect(summary["attempt"] as? Int == 1)
            #expect(summary["crashes"] as? Int == 0)
            let job = try #require(try sandbox.run("show", id, "--json").objects().first)
            let executions = try #require(job["executions"] as? [[String: Any]])
            let ordinals = executions.compactMap { $0["ordinal"] as? Int }
            #expect(ordinals == ordinals.sorted() && Set(ordinals).count == ordinals.count)
            let outcomes = executions.compactMap { $0["outcome"] as? String }
            #expect(outcomes.filter { $0 == "completed" }.count == 1)
            #expect(outcomes.dropLast().allSatisfy { $0 == "interrupted" } && outcomes.last == "completed", "\(outcomes)")
            for execution in executions {
                let executionID = try #require(execution["execution_id"] as? String)
                for line in lines[executionID] ?? [] { #expect((line["message"] as? String)?.contains(executionID) == true) }
                guard execution["outcome"] as? String == "interrupted" else { continue }
                interruptions += 1
                let started = try #require(parse(execution["started_at"] as? String))
                let killed = try #require(killTimes.first { $0 > started })
                // A process needs a moment to start and print; what it printed 100 ms before the kill must be there.
                if killed - started > 0.4, lines[executionID] == nil { lostLines += 1 }
            }
        }
        #expect(interruptions > 0)
        #expect(lostLines == 0)
    }

    private func parse(_ text: String?) -> Double? {
        guard let text else { return nil }
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        return formatter.date(from: text)?.timeIntervalSince1970
    }

    @Test func `a live worker rescues what a dead one held, within a second`() throws {
        let sandbox = try Sandbox()
        let id = try sandbox.run(
            "enqueue", "--", "sh", "-c", #"echo $ERRAND_EXECUTION_ID; [ "$ERRAND_LEASE_TOKEN" = 1 ] && sleep 60; true"#
        ).text
        let doomed = try sandbox.start(["work"])
        #expect(try eventually { try sandbox.run("show", id, "--json").objects().first?["state"] as? String == "running" })
        let heir = try sandbox.start(["work"])
        #expect(eventually { heir.errorSoFar.contains("worker") || heir.isRunning })
        doomed.signal(SIGKILL)
        #expect(try eventually(within: 5) { try sandbox.run("show", id, "--json").objects().first?["state"] as? String == "completed" })
        heir.signal(SIGTERM)
        #expect(heir.waitForEnd().status == 0)
        let job = try #require(try sandbox.run("show", id, "--json").objects().first)
        let executions = try #require(job["executions"] as? [[String: Any]])
        #expect(executions.compactMap { $0["outcome"] as? String } == ["interrupted", "completed"])
    }
}
