// The promise: every line under the execution that wrote it, however jobs interleave.

import Foundation
import Testing

@Suite struct AttributionTests {
    @Test func `300 commands at concurrency 64, a third failing once: every line, report and record carries its own execution ID`() throws {
        let sandbox = try Sandbox()
        let script = """
            for i in 1 2 3 4 5; do echo "id=$ERRAND_EXECUTION_ID line=$i"; sleep 0.1; done
            echo "last words of $ERRAND_EXECUTION_ID" >&2
            if [ "$1" = fails ] && [ "$ERRAND_ATTEMPT" = 1 ]; then exit 3; fi
            """
        for number in 0..<300 {
            let added = try sandbox.run(
                "enqueue", "--max-attempts", "2", "--", "sh", "-c", script, "sh", number % 3 == 0 ? "fails" : "works")
            #expect(added.status == 0, "\(added.err)")
        }
        let worked = try sandbox.run("work", "-c", "64", "--until-empty", "--idle-timeout", "30s", "--log-format", "json")
        #expect(worked.status == 0, "\(worked.err.suffix(2000))")

        var failed: Set<String> = []
        var spans: [(start: String, end: String)] = []
        var executionIDs: Set<String> = []
        for summary in try sandbox.run("jobs", "--json").objects() {
            #expect(summary["state"] as? String == "completed")
            let id = try #require(summary["id"] as? String)
            let job = try #require(try sandbox.run("show", id, "--json").objects().first)
            for execution in try #require(job["executions"] as? [[String: Any]]) {
                let executionID = try #require(execution["execution_id"] as? String)
                executionIDs.insert(executionID)
                spans.append((try #require(execution["started_at"] as? String), try #require(execution["finished_at"] as? String)))
                guard execution["outcome"] as? String == "failed" else { continue }
                failed.insert(executionID)
                let error = try #require(execution["error"] as? [String: Any])
                #expect((error["message"] as? String)?.contains(executionID) == true, "stored error under another ID: \(error)")
            }
        }
        #expect(executionIDs.count == 400)
        #expect(failed.count == 100)
        #expect(mostOverlapping(spans) >= 32)

        let records = try sandbox.run("logs", "--json").objects()
        var sequences: [String: [Int]] = [:]
        for record in records {
            let executionID = try #require(record["execution_id"] as? String)
            let message = try #require(record["message"] as? String)
            #expect(message.contains(executionID), "a line of another execution under \(executionID): \(message)")
            sequences[executionID, default: []].append(try #require(record["seq"] as? Int))
        }
        #expect(records.count == 400 * 6)
        #expect(Set(sequences.keys) == executionIDs)
        #expect(sequences.values.allSatisfy { $0.sorted() == Array(1...6) })

        let reports = try worked.err.split(separator: "\n").compactMap { line -> [String: Any]? in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return object?["message"] as? String == "error report" ? object : nil
        }
        let reported = reports.compactMap { ($0["metadata"] as? [String: Any] ?? $0)["execution_id"] as? String }
        #expect(Set(reported) == failed && reported.count == failed.count)
        for report in reports {
            let fields = report["metadata"] as? [String: Any] ?? report
            let executionID = try #require(fields["execution_id"] as? String)
            #expect((fields["error_message"] as? String)?.contains(executionID) == true, "report of another execution: \(fields)")
        }
    }

    /// The largest number of spans that share a moment; times compare as text (RFC 3339, same width).
    private func mostOverlapping(_ spans: [(start: String, end: String)]) -> Int {
        let turns = (spans.map { ($0.start, 1) } + spans.map { ($0.end, -1) }).sorted { $0 < $1 }
        var running = 0
        var most = 0
        for (_, change) in turns {
            running += change
            most = max(most, running)
        }
        return most
    }
}
