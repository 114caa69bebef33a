// The promise: each slot is fired once, however its workers die.

import Foundation
import Testing

@Suite struct PeriodicTests {
    @Test func `no slot is fired twice and none is left out while two workers are killed by chance`() throws {
        let sandbox = try Sandbox()
        let added = try sandbox.run("periodic", "add", "tick", "--every", "1s", "--missed", "all", "--", "true")
        #expect(added.status == 0 && added.out.contains("tick added: every second"), "\(added)")
        var generator = SystemRandomNumberGenerator()
        var workers = [try sandbox.start(["work"]), try sandbox.start(["work"])]
        for _ in 0..<12 {
            usleep(UInt32.random(in: 300_000...1_200_000, using: &generator))
            let doomed = Int.random(in: 0...1, using: &generator)
            workers[doomed].signal(SIGKILL)
            #expect(workers[doomed].waitForEnd().status == 128 + 9)
            workers[doomed] = try sandbox.start(["work"])
        }
        func slots() throws -> [String] {
            try sandbox.run("jobs", "--json", "--limit", "0").objects().compactMap { ($0["meta"] as? [String: String])?["slot"] }.sorted()
        }
        let count = try slots().count
        #expect(eventually { ((try? slots().count) ?? 0) >= count + 2 }, "nobody leads any more")
        for worker in workers {
            worker.signal(SIGTERM)
            #expect(worker.waitForEnd().status == 0)
        }
        let fired = try slots()
        #expect(Set(fired).count == fired.count, "\(fired)")
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let times = try fired.map { try #require(formatter.date(from: $0)).timeIntervalSince1970 }
        for (one, next) in zip(times, times.dropFirst()) { #expect(next - one == 1, "\(fired)") }
        #expect(times.count >= 5)
    }

    @Test func `periodic jobs of errand yaml are set when a worker starts, and go with the file`() throws {
        let sandbox = try Sandbox()
        let file = "\(sandbox.directory)/errand.yaml"
        try """
        periodic:
          hello: { every: 1s, run: [sh, -c, 'echo "hello from $ERRAND_META in $PWD"'], overlap: skip, label: greeting }
          nightly: { cron: "0 3 * * *", tz: Europe/Berlin, kind: report, payload: { full: true, n: 12345678901234567890 } }
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let worker = try sandbox.start(["work", "--config", file])
        #expect(eventually { (try? sandbox.run("logs", "-n", "5").out.contains("hello from")) == true })
        worker.signal(SIGTERM)
        #expect(worker.waitForEnd().status == 0)
        let listed = try sandbox.run("periodic", "--json").objects()
        #expect(listed.compactMap { $0["name"] as? String } == ["hello", "nightly"])
        #expect(listed.allSatisfy { $0["source"] as? String == file })
        #expect(try sandbox.run("periodic", "--json").out.contains(#""payload":{"full":true,"n":12345678901234567890}"#))
        #expect(
            try sandbox.run("logs", "-n", "1").out.contains("in \(URL(fileURLWithPath: sandbox.directory).resolvingSymlinksInPath().path)"))
        // The file is where it is changed.
        let refused = try sandbox.run("periodic", "add", "nightly", "--every", "1h", "report")
        #expect(refused.status == 5 && refused.err.contains("errand.yaml: change it there"), "\(refused)")
        try "periodic: { nightly: { every: 1h, kind: report } }\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try sandbox.run("work", "--once", "--config", file).status == 0)
        #expect(try sandbox.run("periodic", "-q").lines == ["nightly"])
    }
}
