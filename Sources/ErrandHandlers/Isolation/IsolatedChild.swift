// The other side of isolation: this process was started by a worker to run one handler once.

package import Errand
import Glibc
package import Logging

/// A process that exists for one execution.
package final class IsolatedChild: Sendable {
    /// The only argument of such a process.
    package static let argument = "--isolated-execution"

    private let assignment: Assignment
    private let channel: ChildChannel
    private let signs: ChildSigns
    private let steps: ChildSteps
    private let prerequisites: ChildPrerequisites

    /// Whether `arguments` (without the program's name) say that this process is one.
    package static func isMeant(by arguments: [String]) -> Bool { arguments == [argument] }

    /// Takes the assignment from standard input, which is empty afterwards.
    /// - Throws: ``Problem`` when no worker has started this process.
    package init() throws(Problem) {
        guard fcntl(ChildChannel.number, F_SETFD, FD_CLOEXEC) == 0, let bytes = ChildChannel.assignmentBytes() else {
            throw .notStartedByWorker
        }
        do {
            assignment = try Assignment(bytes: bytes)
        } catch {
            throw .notStartedByWorker
        }
        channel = ChildChannel()
        signs = ChildSigns(to: channel, clock: SystemClock.shared)
        steps = ChildSteps(assignment.steps, over: channel)
        prerequisites = ChildPrerequisites(assignment.prerequisites, over: channel)
    }

    /// Why there is nothing to run.
    package enum Problem: Error, CustomStringConvertible {
        /// Somebody typed what only a worker says.
        case notStartedByWorker

        /// For a person.
        package var description: String {
            switch self {
            case .notStartedByWorker: "\(IsolatedChild.argument) is how a worker starts a process for one execution: it has no other use"
            }
        }
    }

    /// The lowest level that loggers keep.
    package var level: Logger.Level { assignment.level }

    /// Ends the execution: its program could not start.
    package func fail(_ error: any Error) -> Never {
        finish(.failed(StoredError(type: "ProgramNotStarted", message: "the program could not start in a process of its own: \(error)")))
    }

    /// Runs the one handler among `handlers` that is meant, and ends the process with its answer.
    package func run(_ handlers: [Handler]) async -> Never {
        let job = assignment.job
        let context = ExecutionContext(
            executionID: job.execution, attempt: job.attempt, maxAttempts: job.maxAttempts, queue: job.queue, kind: job.kind,
            parent: job.parent, root: job.root, trace: job.trace, span: assignment.position, meta: job.meta,
            redaction: assignment.redaction, sink: channel, pulse: ExecutionPulse(of: job.execution, feltBy: signs), steps: steps,
            prerequisites: prerequisites, workflow: job.workflow,
            now: { SystemClock.shared.now() })
        let signal = CancelSignal()
        let task = Task { [self] in
            let ending = await ending(of: job, handlers, in: context, signal)
            // What was printed without a newline is a line now.
            context.log.end(at: SystemClock.shared.now())
            finish(ending)
        }
        channel.listen(to: assignment.worker) { [steps, prerequisites] word in
            switch word {
            case .cancel:
                signal.note(.shutdown)
                signal.cancelHere(task)
            case .answer(let answer): steps.hear(answer)
            case .result(let answer): prerequisites.hear(answer)
            }
        }
        await task.value
        fatalError("the process has ended by now")
    }

    private func ending(
        of job: ClaimedJob, _ handlers: [Handler], in context: ExecutionContext, _ signal: CancelSignal
    ) async -> ChannelMessage.Ending {
        guard let handler = handlers.first(where: { $0.kind == job.kind }) else {
            return .failed(
                StoredError(
                    type: "NoHandler", message: "the program had no handler of kind \(job.kind) when it was started for this execution"))
        }
        do {
            let result = try await handler.runElsewhere(job, in: context, signal: signal)
            if let result, result.count > Limits.resultBytes { return .failed(.resultTooLarge(bytes: result.count)) }
            return .returned(result)
        } catch let snooze as Snooze {
            return .snoozed(snooze.duration)
        } catch let unrecoverable as Unrecoverable {
            return .unrecoverable(unrecoverable.error)
        } catch let cancel as CancelJob {
            return .cancelled(cancel.reason)
        } catch {
            return .failed(StoredError(error))
        }
    }

    private func finish(_ ending: ChannelMessage.Ending) -> Never {
        signs.flush()
        // Files that the handler wrote with stdio: the process leaves without their usual end.
        fflush(nil)
        channel.send(.ended(ending))
        // Not exit(): what else runs in this process must not run into its own destruction.
        _exit(0)
    }
}
