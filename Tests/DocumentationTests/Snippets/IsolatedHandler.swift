// A handler whose executions run in processes of their own.

import ErrandCLI

enum IsolatedHandler {
    struct Resize: Job {
        static let kind = "resize"
        var path: String
    }

    // Stands for a C library that does not survive every file.
    static func decode(_ path: String) -> (width: Int, height: Int) { (path.utf8.count, 0) }

    // snippet.show
    struct App: ErrandApp {
        var handlers: [Handler] {
            Handler(Resize.self, isolation: .process) { job, context in
                let size = IsolatedHandler.decode(job.path)
                context.logger.info("decoded \(size.width) × \(size.height)")
            }
        }
    }
    // snippet.hide
}
