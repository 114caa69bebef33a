// A reporter of one's own.

// snippet.show
import Errand

struct PagerReporter: ErrorReporter {
    var page: @Sendable (String) async -> Void

    func report(_ report: ErrorReport) async {
        guard report.nextAttemptAt == nil else { return }  // it is tried again
        await page("\(report.kind) died in execution \(report.executionID): \(report.error)")
    }
}
