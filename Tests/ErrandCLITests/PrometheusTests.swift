// Metrics in the text format of Prometheus.

import Errand
import ErrandContext
import ErrandTesting
import Testing

@testable import ErrandCLI

@Suite struct PrometheusTests {
    @Test func `the page has types, labels and cumulative buckets, and every line is one that Prometheus reads`() async throws {
        let world = World()
        for _ in 0..<3 { _ = try await world.enqueue() }
        let worker = try await world.join()
        let claimed = try await world.claim(worker)
        world.clock.advance(by: .seconds(3))
        try await world.end(claimed[0], worker, .completed, next: .complete)
        _ = await world.run("queues", "set", "default", "--limit-key", "a\"b\\c", "--concurrency", "2")
        _ = await world.run("queues", "pause", "--kind", "letter")
        let lines = await world.run("stats", "--prometheus").lines
        let sample = #/[a-z_]+(\{([a-z_]+="([^"\\]|\\["\\n])*",?)+\})? -?[0-9.]+/#
        for line in lines where !line.hasPrefix("# ") { #expect(line.wholeMatch(of: sample) != nil, "\(line)") }
        for line in [
            "# TYPE errand_jobs gauge", #"errand_jobs{queue="default",kind="mail",state="completed"} 1"#,
            #"errand_executions_total{queue="default",kind="mail",outcome="completed"} 1"#, "errand_workers 1",
            #"errand_run_seconds_bucket{queue="default",kind="mail",le="1"} 0"#,
            #"errand_run_seconds_bucket{queue="default",kind="mail",le="5"} 1"#,
            #"errand_run_seconds_bucket{queue="default",kind="mail",le="+Inf"} 1"#,
            #"errand_run_seconds_sum{queue="default",kind="mail"} 3"#,
            #"errand_wait_seconds_count{queue="default",kind="mail"} 3"#, #"errand_paused{kind="letter"} 1"#,
            #"errand_concurrency_limit{queue="default",limit_key="a\"b\\c"} 2"#,
        ] { #expect(lines.contains(line), "\(line) is missing") }
        #expect(await world.run("stats", "--prometheus", "--json").code == 2)
    }
}
