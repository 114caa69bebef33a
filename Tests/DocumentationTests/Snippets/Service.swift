// A worker beside the other services of a server program.

// snippet.show
import Errand
import ErrandSQLite
import Logging
import ServiceLifecycle

// snippet.hide

enum ServiceSnippet {
    static func group(_ directory: String) throws -> ServiceGroup {
        // snippet.show
        let queue = try JobQueue.open(directory)
        let worker = Worker(
            queue: queue,
            handlers: [
                Handler(Greet.self, timeout: .seconds(30)) { job, context in
                    context.logger.info("hello, \(job.name)")
                }
            ],
            configuration: Worker.Configuration {
                $0.concurrency = 20
                $0.queues = [("default", nil), ("reports", 2)]
            })
        let group = ServiceGroup(services: [worker], logger: Logger(label: "app"))
        // snippet.hide
        return group
    }
}
