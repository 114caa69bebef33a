// The product `errand`: the app without handlers of its own.

import ErrandCLI

@main struct Tool: ErrandApp { var handlers: [Handler] { [] } }
