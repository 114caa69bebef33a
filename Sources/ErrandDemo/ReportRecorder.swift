// An error reporter that asks the same question as an error tracker's SDK: who is running right now?

import Errand
import Synchronization

/// Keeps error reports, each filed under the execution that is current, according to an identity, when the report arrives.
final class ReportRecorder: ErrorReporter {
    private let identity: any Identity
    private let state = Mutex<[FiledLine]>([])

    init(identity: any Identity) { self.identity = identity }

    /// The reports so far.
    var reports: [FiledLine] { state.withLock { $0 } }

    func report(_ report: ErrorReport) async {
        let line = FiledLine(message: report.error.message, filedUnder: identity.current)
        state.withLock { $0.append(line) }
    }
}
