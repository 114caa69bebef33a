// `work --check`: everything that would keep a worker from running, all at once, and nothing run.

import Errand
import ErrandHandlers

/// Looks at what `work` was given without opening the store.
struct WorkCheck {
    let work: Work
    let session: Session

    /// What is fine, a line each.
    /// - Throws: ``Failure`` with status 2 and all that is wrong, a line each.
    func report() throws -> [String] {
        var problems: [String] = []
        func look<Value>(_ body: () throws -> Value) -> Value? {
            do {
                return try body()
            } catch {
                problems.append((error as? Failure)?.description ?? "\(error)")
                return nil
            }
        }
        var file: ErrandConfiguration?
        do throws(ConfigurationError) {
            file = try work.config.read(in: session)
        } catch {
            problems += error.problems.map(\.description)
            file = error.readable
        }
        let directory = look { try work.store.resolved(in: session) }
        _ = look { try work.durability.resolved(in: session) }
        _ = look { try work.reserve.resolved(in: session) }
        _ = look { try work.reports.reporters(in: session, logger: session.worker.logger) }
        _ = look { try work.checkTracing(in: session) }
        if let file {
            do throws(ConfigurationError) {
                _ = try file.periodicJobs()
            } catch {
                problems += error.problems.map(\.description)
            }
            problems += SecurityPlan.problems(with: file, in: session) + WorkPlan.problems(with: file, CommandOptions(), session)
        }
        problems += look { try WorkPlan.configuration(session.worker, file, work.options) }?.problems ?? []
        guard problems.isEmpty, let directory else { throw Failure(.usage, problems.joined(separator: "\n")) }
        return lines(file, directory)
    }

    private func lines(_ file: ErrandConfiguration?, _ directory: String) -> [String] {
        let kinds = (session.handlers.map(\.kind) + (file?.handlers.keys.sorted() ?? [])).joined(separator: ", ")
        return [
            "\(file?.file ?? "no errand.yaml"): nothing is wrong",
            "kinds: \(kinds.isEmpty ? CommandPayload.kind : "\(kinds), \(CommandPayload.kind)")", "store: \(directory)",
        ] + (file.map { notes(on: $0) } ?? [])
    }

    /// What is allowed and may be a slip: names that nothing here answers to.
    private func notes(on file: ErrandConfiguration) -> [String] {
        let handled = Set(session.handlers.map(\.kind) + file.handlers.keys + [CommandPayload.kind])
        let ruled = (file.retention?.rules ?? []).compactMap(\.kind) + file.periodic.values.map(\.periodic.job.kind)
        let kinds = Set(Array(file.kinds.keys) + ruled).subtracting(handled).sorted()
        let queues = Set(file.kinds.values.compactMap(\.queue) + file.periodic.values.map(\.periodic.job.queue)).subtracting(
            file.queues.isEmpty ? ["default"] : Set(file.queues.keys)
        )
        .sorted()
        return file.periodicNotes(now: session.clock.now()).map { "note: \($0)" }
            + kinds.map { "note: nothing here handles the kind \"\($0)\"" }
            + queues.map { "note: this worker does not serve the queue \"\($0)\", which a kind is enqueued to" }
    }
}
