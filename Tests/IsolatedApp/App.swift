// A worker with handlers in processes of their own, which do what the job says: the isolation tests' subject.

import Errand
import ErrandCLI
import ErrandContext
import ErrandSQLite
@preconcurrency import Glibc
import Logging

/// What a job of kind `do` asks for.
struct Deed: Job {
    static let kind = "do"
    /// One after another.
    var deeds: [String]
}

/// A job of twenty steps.
struct Staircase: Job {
    static let kind = "staircase"
    static let maxAttempts = 1
    /// The file that it writes to.
    var book: String
}

/// A job without trouble of its own, in the worker's process.
struct Good: Job {
    static let kind = "good"
    /// Whether it stays until the process ends, in its first execution.
    var stays: Bool?
}

@main struct App: ErrandApp {
    var handlers: [Handler] {
        Handler(Deed.self, backoff: Backoff(base: .milliseconds(20)), isolation: .process) { job, context in
            for deed in job.deeds { try await Doer(context: context).perform(deed) }
            return "done in \(context.executionID)"
        }
        // Says in a file when each of its twenty steps begins, ends, and is recorded.
        Handler(Staircase.self, backoff: Backoff(base: .milliseconds(1), maximum: .milliseconds(1))) { job, context in
            let book = open(job.book, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(book) }
            func note(_ text: String) {
                let line = "\(context.jobID) \(text)\n"
                _ = write(book, line, line.utf8.count)
            }
            for number in 1...20 {
                let given = try await context.step("step \(number)") {
                    note("begin \(number)")
                    try await Task.sleep(for: .milliseconds(2))
                    note("end \(number)")
                    return number * number
                }
                guard given == number * number else { throw Trouble() }
                note("recorded \(number)")
            }
        }
        Handler(kind: "raw", isolation: .process) { job, _ in job.payload }
        // The same in the worker's own process.
        Handler(kind: "trap", backoff: Backoff(base: .milliseconds(20))) { _, context in
            try await Doer(context: context).perform("trap")
            return nil
        }
        Handler(Good.self) { job, context in
            context.logger.notice("worker \(getpid())")
            guard job.stays == true, context.leaseToken == 1 else { return }
            while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
        }
    }
}

/// Something that a person would understand.
struct Trouble: Error, CustomStringConvertible {
    var description: String { "the printer is on fire" }
}
