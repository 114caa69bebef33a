// A periodic job, set from Swift.

import Errand

struct Report: Job {
    static let kind = "report"
    var full: Bool
}

enum NightlyReport {
    static func set(_ queue: JobQueue) async throws {
        // snippet.show
        var nightly = PeriodicJob("nightly", .cron("0 3 * * *", zone: "Europe/Berlin"), try queue.newJob(Report(full: true)))
        nightly.overlap = .skip
        nightly.missed = .latest
        try await queue.setPeriodic(nightly)
        // snippet.hide
    }
}
