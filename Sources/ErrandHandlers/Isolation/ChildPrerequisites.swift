// What the job of an isolated execution has waited for: known from the start, but for results, which the worker is asked for.

import Errand
import Synchronization

/// Asks the worker for results, and waits for its answers.
final class ChildPrerequisites: PrerequisiteLedger {
    private struct State {
        var lastNumber: Int64 = 0
        /// Who waits for an answer, by number.
        var waiting: [Int64: CheckedContinuation<WorkerWord.ResultAnswer?, Never>] = [:]
    }

    private let known: [KnownPrerequisite]
    private let channel: ChildChannel
    private let state = Mutex(State())

    init(_ known: [KnownPrerequisite], over channel: ChildChannel) {
        self.known = known
        self.channel = channel
    }

    func prerequisites() async throws -> [KnownPrerequisite] { known }

    func result(of job: JobID) async throws -> [UInt8]? {
        let answer = await withCheckedContinuation { continuation in
            let number = state.withLock { state in
                state.lastNumber += 1
                state.waiting[state.lastNumber] = continuation
                return state.lastNumber
            }
            channel.send(.asksForResult(number: number, of: job))
        }
        if let problem = answer?.problem { throw PrerequisiteError.store(.unavailable(reason: problem)) }
        return answer?.result
    }

    /// The worker has answered.
    func hear(_ answer: WorkerWord.ResultAnswer) {
        state.withLock { $0.waiting.removeValue(forKey: answer.number) }?.resume(returning: answer)
    }
}
