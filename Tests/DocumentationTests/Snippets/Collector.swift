// A worker whose traces go to a collector.

#if Web
import Errand
import ErrandOTLP
import Tracing

enum Collector {
    static func run(queue: JobQueue, handlers: [Handler]) async throws {
        // snippet.show
        let tracer = OTLPTracer(try OTLPSettings(endpoint: "http://127.0.0.1:4318", serviceName: "mailer"))
        InstrumentationSystem.bootstrap(tracer)
        try await Worker(queue: queue, handlers: handlers).run()
        await tracer.shutdown(within: .seconds(5))
        // snippet.hide
    }
}
#endif
