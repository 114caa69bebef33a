// A program with every verb of `errand` and handlers of its own.

// snippet.show
import Errand
import ErrandCLI

// snippet.text: @main
struct App: ErrandApp {
    var handlers: [Handler] {
        Handler(Greet.self) { job, context in
            context.logger.info("hello, \(job.name)")
        }
    }
}
