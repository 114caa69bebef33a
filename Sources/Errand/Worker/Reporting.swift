// Tells error reporters, each within a time of its own: a slow reporter never holds a slot.

import Logging

/// The reporters of a worker, and the patience with them.
struct Reporting: Sendable {
    let reporters: [any ErrorReporter]
    let clock: any ErrandClock
    let logger: Logger

    /// How long a reporter may take to take a report over: 2 seconds.
    static let limit = Duration.seconds(2)

    /// How many log records the reporter that wants most of them asks for.
    let breadcrumbLimit: Int

    init(reporters: [any ErrorReporter], clock: any ErrandClock, logger: Logger) {
        self.reporters = reporters
        self.clock = clock
        self.logger = logger
        breadcrumbLimit = reporters.map(\.breadcrumbLimit).max() ?? 0
    }

    /// Hands `report` to every reporter, inside the scope that the caller stands in.
    func send(_ report: ErrorReport) async {
        for reporter in reporters {
            let wasInTime = await clock.run(within: Reporting.limit) { await reporter.report(report) }
            if !wasInTime { complain(about: reporter, report.executionID) }
        }
    }

    private func complain(about reporter: any ErrorReporter, _ execution: ExecutionID) {
        ExecutionContext.none {
            logger.error(
                "an error reporter took too long and was left behind",
                metadata: ["reporter": "\(type(of: reporter))", "execution_id": "\(execution)", "limit": "\(Reporting.limit)"])
        }
    }
}
