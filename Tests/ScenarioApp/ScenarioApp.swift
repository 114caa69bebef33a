// A program as users write them, with handlers that make trouble on purpose; the end-to-end tests run it.

import ErrandCLI
import Logging

@main struct ScenarioApp: ErrandApp {
    var handlers: [Handler] {
        Handler(PrintStorm.self) { job, context in await job.rage(as: context.executionID) }
        Handler(LostCallback.self) { job, context in await job.lose(context) }
        Handler(Patience.self) { _, context in
            context.logger.info("waiting")
            try await Task.sleep(for: .seconds(3600))
        }
    }
}
