// The job of the first scene: a small workflow in one handler, which fetches, analyses and summarises.

import Errand

/// Fetches, analyses and summarises one document. Document A fails in its second step.
struct Analysis: Job {
    static let kind = "analysis"
    static let maxAttempts = 1
    var document: String
}

/// A step of an analysis.
enum AnalysisStep: String, CaseIterable, Sendable {
    case fetch, analyse, summarise
}

/// Why a document could not be analysed; the text begins with the execution that it is about.
struct AnalysisFailed: Error, CustomStringConvertible {
    var description: String
}

/// Performs analyses. Every line and every error says which execution it truly belongs to, so that it can be compared later with
/// the one under which it was filed.
struct AnalysisProcessor: Sendable {
    let identity: any Identity
    let turnstile = Turnstile()

    /// The order in which the steps of the three jobs happen: all have begun, B last, before any goes on.
    static let order = [
        "A fetch", "C fetch", "B fetch", "A analyse", "B analyse", "C analyse", "B summarise", "C summarise",
    ]

    /// Analyses one document, one step at each of its turns.
    func run(_ job: Analysis, as execution: ExecutionID) async throws {
        let logger = identity.logger
        for step in AnalysisStep.allCases {
            let text = "\(job.document) \(step)"
            guard let turn = AnalysisProcessor.order.firstIndex(of: text) else {
                throw AnalysisFailed(description: "\(execution) the demo has no turn for \"\(text)\"")
            }
            try await turnstile.take(turn) {
                if step == .fetch { identity.enter(execution) }
                logger.info("\(execution) \(text)")
                if text == "A analyse" { throw AnalysisFailed(description: "\(execution) error report of A") }
            }
        }
    }
}
