// The product `errand`: the app without handlers of its own.

import ErrandCLI

@main struct Tool: ErrandApp {
    init() { OwnProcess.tune() }

    var handlers: [Handler] { [] }
}
