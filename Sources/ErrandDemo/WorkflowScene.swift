// Scene 2: the same work as a workflow of atomic jobs; each child names the execution that enqueued it.

import Errand
import FoundationEssentials

/// Runs three workflows at once and reads back who caused whom.
struct WorkflowScene {
    let queue: JobQueue

    /// A job of a workflow as the store knows it.
    private struct Step {
        var document: String
        var kind: String
        var executions: [ExecutionRecord]
        var parent: ExecutionID?
        var root: ExecutionID?

        var completed: ExecutionID? { executions.last { $0.outcome == .completed }?.execution }
    }

    private static let kinds = [StartWorkflow.kind, Fetch.kind, Analyse.kind, Summarise.kind]
    private static let widths = [24, 18, 18, 17]

    /// Plays the scene and prints the lineage of every job.
    func play(on screen: inout Screen) async throws {
        _ = try await queue.enqueue(["A", "B", "C"].map(StartWorkflow.init(document:)))
        try await queue.work(WorkflowProcessor(queue: queue).handlers, concurrency: 3)
        let steps = try await readSteps()

        screen.title("2  The same work as a workflow of atomic jobs. A's analysis fails once.")
        row(["job", "execution", "parent", "root"], on: screen)
        var wrongParents = 0
        var wrongRoots = 0
        var wrongLines = 0
        for document in ["A", "B", "C"] {
            var before: Step?
            var root: ExecutionID?
            for (depth, kind) in WorkflowScene.kinds.enumerated() {
                guard let step = steps.first(where: { $0.document == document && $0.kind == kind }), let completed = step.completed else {
                    screen.claim("\(document) \(kind) completed", holds: false)
                    continue
                }
                root = root ?? completed
                if step.parent != before?.completed { wrongParents += 1 }
                if (step.root ?? completed) != root { wrongRoots += 1 }
                let branch = depth == 0 ? "" : String(repeating: " ", count: depth - 1) + "└ "
                let attempts = step.executions.count > 1 ? " (attempt \(step.executions.count))" : ""
                row(
                    [
                        branch + (depth == 0 ? "\(document) " : "") + kind + attempts, "\(completed)",
                        step.parent.map { "\($0)" } ?? "nobody", step.root.map { "\($0)" } ?? "itself",
                    ], on: screen)
                wrongLines += try await queue.storedLines(of: completed.job).count(where: \.isWrong)
                before = step
            }
        }
        screen.say()
        screen.claim(
            "every child names its parent and its root; wrong: \(wrongParents) and \(wrongRoots)",
            holds: wrongParents == 0 && wrongRoots == 0 && steps.count == 12)
        let retried = steps.first { $0.document == "A" && $0.kind == Analyse.kind }
        screen.claim(
            "A's analysis failed once and completed on its next attempt, alone",
            holds: retried?.executions.map(\.outcome) == [.failed, .completed]
                && steps.allSatisfy { $0.executions.count == ($0.document == "A" && $0.kind == Analyse.kind ? 2 : 1) })
        screen.claim("each job's log holds its own lines only; wrong: \(wrongLines)", holds: wrongLines == 0)
    }

    private func readSteps() async throws -> [Step] {
        var selector = JobSelector()
        selector.kinds = WorkflowScene.kinds
        var steps: [Step] = []
        var cursor: JobID?
        repeat {
            let page = try await queue.store.inspection.jobs(matching: selector, before: cursor, limit: 100)
            cursor = page.next
            for summary in page.jobs {
                guard let detail = try await queue.store.inspection.job(summary.id) else { continue }
                // The kinds of a workflow have the same payload.
                let payload = try JSONDecoder().decode(StartWorkflow.self, from: Data(detail.payload))
                steps.append(
                    Step(
                        document: payload.document, kind: summary.kind, executions: detail.executions, parent: detail.parent,
                        root: detail.root))
            }
        } while cursor != nil
        return steps
    }

    private func row(_ texts: [String], on screen: Screen) {
        screen.row(zip(texts, WorkflowScene.widths).map { Screen.Cell(text: $0, width: $1) })
    }
}
