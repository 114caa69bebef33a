// Scene 3: a callback that is registered inside job A and fires after A has ended, three ways.

import Errand
import Logging

/// Answers a request; the first one registers the callbacks, the second one fires them.
struct Respond: Job {
    static let kind = "respond"
    var name: String
}

/// Lets callbacks of an ended job fire in another job and in nobody's task, and shows where their lines were filed.
struct ResponseScene {
    let queue: JobQueue

    private static let widths = [22, 26, 30]
    private static let byB = "fired by job B"
    private static let byNobody = "fired by nobody's task"

    /// Plays the scene and prints where each line was filed.
    func play(on screen: inout Screen) async throws {
        let jobs = try await queue.enqueue([Respond(name: "A"), Respond(name: "B")]).map(\.id)
        // One slot: B begins when A's execution has ended, scope and all.
        try await queue.work([ResponseScene.handler], concurrency: 1)

        var found: [String: FiledLine] = [:]
        for line in try await queue.storedLinesOfNobody() { found[line.text] = line }
        for job in jobs {
            for line in try await queue.storedLines(of: job) { found[line.text] = line }
        }
        let names = Dictionary(zip(jobs, ["A", "B"])) { first, _ in first }

        screen.title("3  A callback of job A fires after A has ended.")
        row(["callback", ResponseScene.byB, ResponseScene.byNobody], wrong: [false, false, false], on: screen)
        for way in Way.allCases {
            let lines = [ResponseScene.byB, ResponseScene.byNobody].map { found["\(way.rawValue), \($0)"] }
            row(
                [way.rawValue] + lines.map { place(of: $0, names) }, wrong: [false] + lines.map { $0?.isWrong ?? true }, on: screen)
        }
        screen.say()
        func line(_ way: Way, _ caller: String) -> FiledLine? { found["\(way.rawValue), \(caller)"] }
        screen.claim(
            "unbound, the line is filed under job B, or nobody's and flagged",
            holds: line(.unbound, ResponseScene.byB)?.filedUnder?.job == jobs[1]
                && line(.unbound, ResponseScene.byNobody).map { $0.filedUnder == nil && $0.flags == .unattributed } == true)
        screen.claim(
            "the line that is wrongly B's has no flag: nothing but its text tells",
            holds: line(.unbound, ResponseScene.byB)?.flags == [])
        screen.claim(
            "with captured values (Pattern A) it is A's, and flagged",
            holds: line(.values, ResponseScene.byB).map { !$0.isWrong && $0.flags == [.afterEnd, .crossed] } == true
                && line(.values, ResponseScene.byNobody).map { !$0.isWrong && $0.flags == [.afterEnd, .ambientLost] } == true)
        screen.claim(
            "bound (Pattern B) it is A's, as if it had been written in A",
            holds: line(.bound, ResponseScene.byB).map { !$0.isWrong && $0.flags == .afterEnd } == true
                && line(.bound, ResponseScene.byNobody).map { !$0.isWrong && $0.flags == .afterEnd } == true)
    }

    /// How a callback knows who it belongs to.
    private enum Way: String, CaseIterable {
        case unbound
        case values = "captured values"
        case bound
    }

    private static var handler: Handler {
        let emitter = ResponseEmitter()
        // An ordinary logger, made outside of every job, as a library's would be.
        let logger = Logger(label: "response")
        return Handler(Respond.self) { job, context in
            guard job.name == "A" else {
                emitter.finish(by: byB)
                // As an event loop's thread or a timer would call it: in no execution's scope.
                await Task.detached { emitter.finish(by: byNobody) }.value
                return
            }
            let execution = context.executionID
            emitter.onFinish { logger.info("\(execution) \(Way.unbound.rawValue), \($0)") }

            let own = context.logger
            emitter.onFinish { own.info("\(execution) \(Way.values.rawValue), \($0)") }

            emitter.onFinish(ExecutionContext.bind { logger.info("\(execution) \(Way.bound.rawValue), \($0)") })
        }
    }

    private func place(of line: FiledLine?, _ names: [JobID: String]) -> String {
        guard let line else { return "missing" }
        let flags = line.flags.setNames.isEmpty ? "" : "  " + line.flags.setNames.joined(separator: ", ")
        return (line.filedUnder.map { names[$0.job] ?? "?" } ?? "nobody") + flags
    }

    private func row(_ texts: [String], wrong: [Bool], on screen: Screen) {
        screen.row(zip(zip(texts, ResponseScene.widths), wrong).map { Screen.Cell(text: $0.0, width: $0.1, isWrong: $1) })
    }
}
