// Scene 1: the same three jobs at concurrency 3, once with one shared "current ID" and once in execution contexts.

import Errand

/// Plays three analyses twice and compares, line by line, where each was filed.
struct SharedIDScene {
    let queue: JobQueue

    /// What one showing left behind, in the order in which it happened.
    private struct Showing {
        var lines: [FiledLine]
        var reports: [FiledLine]
        /// The document of each execution.
        var documents: [ExecutionID: String]

        var wrongLines: Int { lines.count(where: \.isWrong) }
        var wrongReports: Int { reports.count(where: \.isWrong) }

        /// Where the line or report with this text was filed: the document's letter and the end of the execution's ID.
        func place(of line: FiledLine) -> String {
            guard let execution = line.filedUnder else { return "nobody" }
            return "\(documents[execution] ?? "?") …\(execution.description.suffix(8))"
        }

        func document(under text: String) -> String? {
            (lines + reports).first { $0.text == text }?.filedUnder.flatMap { documents[$0] }
        }
    }

    private static let documents = ["A", "B", "C"]
    private static let cellWidth = 39

    /// Plays the scene and prints both logs side by side.
    func play(on screen: inout Screen) async throws {
        let sharedID = SharedID()
        let shared = try await show(with: sharedID) { _ in sharedID.lines }
        let scoped = try await show(with: ScopedIdentity()) { jobs in
            var lines: [FiledLine] = []
            for job in jobs { lines += try await queue.storedLines(of: job) }
            return lines
        }

        screen.title("1  Three jobs at concurrency 3. Job A fails in its step 2.")
        heading("one shared \"current ID\"", "execution contexts", on: screen)
        heading("filed under    line", "filed under    line", on: screen)
        for text in AnalysisProcessor.order {
            line(text, shared.lines, shared, scoped.lines, scoped, on: screen)
            if text == "A analyse" { line("error report of A", shared.reports, shared, scoped.reports, scoped, on: screen) }
        }
        screen.say()
        for (what, left, right) in [
            ("wrong lines", (shared.wrongLines, shared.lines.count), (scoped.wrongLines, scoped.lines.count)),
            ("wrong error reports", (shared.wrongReports, shared.reports.count), (scoped.wrongReports, scoped.reports.count)),
        ] {
            heading(
                "\(what.padded(to: 20)) \(left.0) of \(left.1)", "\(what.padded(to: 20)) \(right.0) of \(right.1)", on: screen)
        }
        screen.say()
        let steps = AnalysisProcessor.order.count
        screen.claim(
            "with one shared ID, A's step 2 and A's error report are filed under B",
            holds: shared.lines.count == steps && shared.document(under: "A analyse") == "B"
                && shared.document(under: "error report of A") == "B")
        screen.claim(
            "in contexts, no line and no error report is filed under another job",
            holds: scoped.lines.count == steps && scoped.reports.count == 1 && scoped.wrongLines == 0 && scoped.wrongReports == 0)
    }

    /// Enqueues and runs the three jobs; `lines` reads back what they logged.
    private func show(with identity: any Identity, lines: ([JobID]) async throws -> [FiledLine]) async throws -> Showing {
        let jobs = try await queue.enqueue(SharedIDScene.documents.map(Analysis.init(document:))).map(\.id)
        let processor = AnalysisProcessor(identity: identity)
        let recorder = ReportRecorder(identity: identity)
        let handler = Handler(Analysis.self) { job, context in try await processor.run(job, as: context.executionID) }
        try await queue.work([handler], concurrency: jobs.count, reporters: [recorder])
        var showing = Showing(lines: try await lines(jobs), reports: recorder.reports, documents: [:])
        for (job, document) in zip(jobs, SharedIDScene.documents) {
            for execution in try await queue.store.inspection.job(job)?.executions ?? [] {
                showing.documents[execution.execution] = document
            }
        }
        return showing
    }

    private func heading(_ left: String, _ right: String, on screen: Screen) {
        screen.row([
            Screen.Cell(text: left, width: SharedIDScene.cellWidth), Screen.Cell(text: " " + right, width: SharedIDScene.cellWidth),
        ])
    }

    private func line(_ text: String, _ left: [FiledLine], _ l: Showing, _ right: [FiledLine], _ r: Showing, on screen: Screen) {
        func cell(_ lines: [FiledLine], _ showing: Showing, indent: String) -> Screen.Cell {
            guard let line = lines.first(where: { $0.text == text }) else {
                return Screen.Cell(text: "\(indent)missing: \(text)", width: SharedIDScene.cellWidth, isWrong: true)
            }
            return Screen.Cell(
                text: indent + showing.place(of: line).padded(to: 15) + text, width: SharedIDScene.cellWidth, isWrong: line.isWrong)
        }
        screen.row([cell(left, l, indent: ""), cell(right, r, indent: " ")])
    }
}
