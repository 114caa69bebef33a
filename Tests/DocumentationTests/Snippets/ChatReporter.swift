// A reporter of one's own that delivers later: it takes over at once, and delivers when the worker leaves.

// snippet.show
import Errand

struct ChatReporter: ErrorReporter {
    let breadcrumbLimit = 3
    let outbox: any Outbox  // takes a text at once, and delivers by itself

    func report(_ report: ErrorReport) async {
        guard report.isFinal else { return }
        let last = report.breadcrumbs.map(\.message).joined(separator: "\n")
        outbox.add("\(report.executionID): \(report.error)\n\(last)")
    }

    func flush(within limit: Duration) async { await outbox.deliver(within: limit) }
}
// snippet.hide

protocol Outbox: Sendable {
    func add(_ text: String)
    func deliver(within limit: Duration) async
}
