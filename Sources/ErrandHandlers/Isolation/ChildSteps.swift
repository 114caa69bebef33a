// The steps of an isolated execution: known from the start, recorded by the worker over the channel.

import Errand
import Synchronization

/// Asks the worker to record steps, and waits for its answers.
final class ChildSteps: StepLedger {
    private struct State {
        var used: Set<String> = []
        var lastNumber: Int64 = 0
        /// Who waits for an answer, by number.
        var waiting: [Int64: CheckedContinuation<WorkerWord.Problem?, Never>] = [:]
    }

    private let known: [String: RecordedStep]
    private let channel: ChildChannel
    private let state = Mutex(State())

    init(_ known: [RecordedStep], over channel: ChildChannel) {
        self.known = Dictionary(known.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.channel = channel
    }

    func recorded() async throws -> [RecordedStep] { Array(known.values) }

    func begin(_ name: String, isCursor: Bool) async throws -> RecordedStep? {
        let isFirst = state.withLock { $0.used.insert(name).inserted }
        return try StepRules.begin(name, isCursor: isCursor, isFirst: isFirst, known: known[name])
    }

    func abandon(_ name: String) { _ = state.withLock { $0.used.remove(name) } }

    func record(_ step: RecordedStep) async throws {
        let problem = await withCheckedContinuation { continuation in
            let number = state.withLock { state in
                state.lastNumber += 1
                state.waiting[state.lastNumber] = continuation
                return state.lastNumber
            }
            channel.send(.step(number: number, step))
        }
        if let problem { throw problem.error(step: step.name) }
    }

    /// The worker has answered.
    func hear(_ answer: WorkerWord.StepAnswer) {
        state.withLock { $0.waiting.removeValue(forKey: answer.number) }?.resume(returning: answer.problem)
    }
}
