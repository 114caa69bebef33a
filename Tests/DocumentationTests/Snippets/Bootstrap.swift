// Log capture for programs that do not build on ErrandApp.

// snippet.show
import Errand
import Logging

// snippet.hide

enum BootstrapSnippet {
    static func run() {
        // snippet.show
        LoggingSystem.bootstrap { label in
            ExecutionLogHandler(label: label, outside: StreamLogHandler.standardError(label: label))
        }
        // snippet.hide
    }
}
