// The worker's end of a channel: files the process's log lines as they come, and keeps how its handler ended.

import CErrand
import Errand
import Glibc
import Synchronization

/// Reads the channel of one isolated execution. Runs on ``EventLoop/output``.
struct ChannelPump: Sendable {
    private let channel: Descriptor
    private let watch: Watch
    private let context: ExecutionContext
    private let turn = Turn()

    /// Keeps words to the process whole.
    private final class Turn: Sendable {
        let lock = Mutex(())
    }

    /// Will read `channel` for `context`.
    init(_ channel: Descriptor, for context: ExecutionContext) {
        self.channel = channel
        self.context = context
        watch = Watch(channel, on: .output)
    }

    /// What came over the channel.
    struct Result: Sendable {
        /// How the handler ended, if the process said so.
        var ending: ChannelMessage.Ending?
        /// Of its log.
        var lastWords = LastWords()
        /// Whether something else than a message came.
        var isDamaged = false
    }

    /// Tells the process to cancel its handler.
    func cancel() { say(.cancel) }

    /// Says something to the process; to nobody when it has ended, or has not listened for a second.
    private func say(_ word: WorkerWord) {
        let bytes: [UInt8]
        do {
            bytes = try word.bytes()
        } catch {
            fatalError("what goes over the channel can be written as JSON: \(error)")
        }
        turn.lock.withLock { _ in
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(channel.number, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
                if count < 0, errno == EINTR { continue }
                var request = pollfd(fd: channel.number, events: Int16(POLLOUT), revents: 0)
                if count < 0, errno == EAGAIN, poll(&request, 1, 1000) > 0 { continue }
                guard count > 0 else { return }
                done += count
            }
        }
    }

    /// Records a step for the process, and tells it what became of that.
    private func record(_ step: RecordedStep, number: Int64) async {
        var answer = WorkerWord.StepAnswer(number: number)
        do {
            guard let steps = context.steps else { throw StepError.noWorker }
            try await steps.record(step)
        } catch {
            answer.problem = WorkerWord.Problem(error)
        }
        say(.answer(answer))
    }

    /// Looks up for the process what a job gave that its own has waited for.
    private func answer(_ number: Int64, resultOf job: JobID) async {
        var answer = WorkerWord.ResultAnswer(number: number)
        do {
            guard let ledger = context.prerequisiteLedger else { throw PrerequisiteError.noWorker }
            // Of these jobs only: the process may run somebody else's code.
            guard try await ledger.prerequisites().contains(where: { $0.job == job }) else {
                throw PrerequisiteError.unknown(name: job.description, known: [])
            }
            answer.result = try await ledger.result(of: job)
        } catch {
            answer.problem = "\(error)"
        }
        say(.result(answer))
    }

    /// Ends ``run()`` after what the channel holds now.
    func stop() { watch.stop() }

    /// Files lines until the handler's end has been told, the channel ends, or ``stop()`` is called.
    func run() async -> Result {
        var result = Result()
        var buffer: [UInt8] = []
        var isStopped = false
        while true {
            switch read(into: &buffer) {
            case .some(true):
                do {
                    while let message = try ChannelMessage.take(from: &buffer) {
                        switch message {
                        case .lines(let lines):
                            context.log.adopt(lines)
                            result.lastWords.hear(lines)
                            await context.waitForLogRoom()
                        case .progress(let note): context.pulse.progressed(note)
                        case .heartbeat: context.pulse.beat()
                        case .step(let number, let step): await record(step, number: number)
                        case .asksForResult(let number, let job): await answer(number, resultOf: job)
                        case .ended(let ending):
                            result.ending = ending
                            return result
                        }
                    }
                } catch {
                    result.isDamaged = true
                    return result
                }
                // Others have lines, too.
                await Task.yield()
            case .some(false):
                if isStopped { return result }
                if await watch.ready() == .stopped { isStopped = true }
            case nil: return result
            }
        }
    }

    /// Whether there was something to read now; `nil` at the end.
    private func read(into buffer: inout [UInt8]) -> Bool? {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { space in
            while true {
                let count = Glibc.read(channel.number, space.baseAddress, space.count)
                if count > 0 {
                    buffer.append(contentsOf: space.prefix(count))
                    return true
                }
                if count < 0, errno == EINTR { continue }
                return count < 0 && errno == EAGAIN ? false : nil
            }
        }
    }
}
