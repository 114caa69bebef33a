// A user's own test of whose lines go where.

// snippet.show
import Errand
import ErrandTesting
import Logging
import Testing

private let logger = Logger(label: "greetings")
private let greet = Handler(Greet.self) { job, context in logger.info("\(context) hello, \(job.name)") }

@Test(arguments: [3, 64, 1000]) func `greetings keep their context`(concurrency: Int) async {
    // In a process of its own: what other tests log meanwhile is not to be found here.
    await #expect(processExitsWith: .success) { [concurrency] in
        let check = ContextCheck(of: [greet], concurrency: concurrency)
        let report = try await check.run { queue, number in try await queue.enqueue(Greet(name: "\(number)")) }
        #expect(report.isClean, "\(report)")
    }
}
