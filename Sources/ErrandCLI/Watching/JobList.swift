// Walks through a list of jobs page by page, so that a list of any length needs little memory.

import Errand

/// The jobs that a selector finds, newest first.
struct JobList {
    let inspection: any JobInspection
    let selector: JobSelector
    /// At most so many; `nil` is all.
    var limit: Int?
    /// Begin below this job.
    var cursor: JobID?

    /// The page size that costs little and hides the round trips.
    private static let page = 500

    /// Calls `body` with page after page; returns the cursor of the rest when the limit cut the list, otherwise `nil`.
    /// - Throws: `JobStoreError`, and what `body` throws.
    @discardableResult
    func forEachPage(_ body: ([JobSummary]) async throws -> Void) async throws -> JobID? {
        var cursor = cursor
        var remaining = limit ?? .max
        while remaining > 0 {
            let page = try await inspection.jobs(matching: selector, before: cursor, limit: min(JobList.page, remaining))
            try await body(page.jobs)
            remaining -= page.jobs.count
            guard let next = page.next else { return nil }
            cursor = next
        }
        return cursor
    }

    /// All of them at once.
    /// - Throws: `JobStoreError`.
    func all() async throws -> [JobSummary] {
        var jobs: [JobSummary] = []
        try await forEachPage { jobs += $0 }
        return jobs
    }
}
