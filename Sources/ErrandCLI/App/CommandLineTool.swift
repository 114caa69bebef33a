// Runs one command line: parses, runs, and turns whatever happens into a sentence and an exit code.

import ArgumentParser
import Errand
import ErrandHandlers
import Glibc
import Logging

/// One command from arguments to exit code.
package enum CommandLineTool {
    /// Runs `arguments` (without the program's name) in `session`; returns the exit code.
    package static func run(_ arguments: [String], session: Session) async -> Int32 {
        let candidates =
            arguments.first == LiveCandidates.request ? await LiveCandidates.load(for: arguments, in: session) : LiveCandidates()
        let code = await LiveCandidates.$current.withValue(candidates) {
            await Session.$current.withValue(session) { await parseAndRun(arguments, session) }
        }
        return flush(session, code)
    }

    /// Reads `arguments` as ``run(_:session:)`` does, says what is wrong with them, and runs nothing; returns the exit code.
    package static func read(_ arguments: [String], session: Session) -> Int32 {
        let code = Session.$current.withValue(session) {
            do {
                _ = try command(of: arguments, session)
                return ExitStatus.ok.rawValue
            } catch {
                return explain(error, arguments, session)
            }
        }
        return flush(session, code)
    }

    private static func flush(_ session: Session, _ code: Int32) -> Int32 {
        var code = code
        do {
            try session.output.flush()
        } catch {
            code = (error as? Output.Closed).map { outcome(of: $0, session) } ?? code
        }
        do {
            try session.talk.flush()
        } catch {
            // Nobody reads standard error: the exit code is all that is left to say it with.
        }
        return code
    }

    /// Supervises a worker if that is what `arguments` ask for, and returns the exit code; `nil` for any other command. Before the program
    /// has set anything up: what the worker does at its start is its own.
    static func supervise(_ arguments: [String], program: String) -> Int32? {
        var session = Session.process()
        session.program = program
        return Session.$current.withValue(session) {
            // Whatever is wrong with the command line is said when it is parsed to be run.
            let twins = EnvironmentTwins(environment: session.environment)
            // The worker that is started must not be supervised in turn.
            let supervise = "ERRAND_WORK_SUPERVISE"
            guard arguments.contains(Supervisor.flag) || session.environment[supervise] != nil,
                let work = (try? ErrandCommand.parseAsRoot(twins.applied(to: arguments))) as? Work, work.supervise
            else {
                return nil
            }
            work.applyLogSettings()
            let logger = Logger(label: "errand.supervisor", factory: { ProcessLogHandler(label: $0) })
            do {
                return try Supervisor(
                    arguments, environment: session.environment.filter { $0.key != supervise }, logger: logger
                ).run()
            } catch {
                return explain(error, arguments, session)
            }
        }
    }

    private static func parseAndRun(_ arguments: [String], _ session: Session) async -> Int32 {
        do {
            let command = try command(of: arguments, session)
            guard var asynchronous = command as? any AsyncParsableCommand else {
                var command = command
                try command.run()
                return ExitStatus.ok.rawValue
            }
            try await asynchronous.run()
            return ExitStatus.ok.rawValue
        } catch {
            return explain(error, arguments, session)
        }
    }

    private static func command(of arguments: [String], _ session: Session) throws -> any ParsableCommand {
        if let problem = VerbCheck(arguments: arguments, program: session.program).problem { throw Failure(.usage, problem) }
        return try EnvironmentTwins(environment: session.environment).parsed(arguments)
    }

    /// Says what happened on the right stream; returns the exit code.
    private static func explain(_ error: any Error, _ arguments: [String], _ session: Session) -> Int32 {
        let (code, message): (Int32, String)
        switch error {
        case let failure as Failure: (code, message) = (failure.code, failure.description)
        case let error as JobStoreError: (code, message) = (status(of: error).rawValue, session.inOwnName(error.description))
        case let error as EventError: (code, message) = (status(of: error).rawValue, session.inOwnName(error.description))
        case let error as EnqueueError: (code, message) = (status(of: error).rawValue, session.inOwnName(error.description))
        case let closed as Output.Closed: return outcome(of: closed, session)
        default: return explainParser(error, arguments, session)
        }
        if !message.isEmpty { say("\(session.program): \(message)", session) }
        return code
    }

    private static func explainParser(_ error: any Error, _ arguments: [String], _ session: Session) -> Int32 {
        let text = ErrandCommand.fullMessage(for: error)
        let code = ErrandCommand.exitCode(for: error)
        guard !code.isSuccess else {
            // Help and version were asked for: they are data.
            do { try session.output.line(text) } catch { return (error as? Output.Closed).map { outcome(of: $0, session) } ?? 1 }
            return ExitStatus.ok.rawValue
        }
        if !text.isEmpty { say(text, session) }
        if let hint = hint(about: error, arguments, session) { say(hint, session) }
        return code == .validationFailure ? ExitStatus.usage.rawValue : ExitStatus.failed.rawValue
    }

    /// What may have been meant by words that `enqueue` has no place for.
    private static func hint(about error: any Error, _ arguments: [String], _ session: Session) -> String? {
        guard let verb = arguments.first, verb == Enqueue._commandName || Enqueue.configuration.aliases.contains(verb) else { return nil }
        // The parser keeps the kinds of its errors to itself: their texts are all there is.
        let message = ErrandCommand.message(for: error)
        guard message.contains("Unknown option") || message.contains("nexpected argument") else { return nil }
        return ForgottenTerminator(words: Array(arguments.dropFirst()), session: session).hint
    }

    private static func status(of error: JobStoreError) -> ExitStatus {
        if case .refused = error { return .conflict }
        return .unavailable
    }

    private static func status(of error: EventError) -> ExitStatus {
        switch error {
        case .cursorTooOld, .cursorUnknown, .notKept: .notFound
        case .store(let error): status(of: error)
        @unknown default: .failed
        }
    }

    private static func status(of error: EnqueueError) -> ExitStatus {
        switch error {
        case .invalid: .usage
        case .keyConflict, .uniqueConflict: .conflict
        case .store(let error): status(of: error)
        @unknown default: .failed
        }
    }

    private static func say(_ text: String, _ session: Session) {
        do {
            // Data that was gathered comes before the remark about it.
            try session.output.flush()
            // Messages repeat what was typed and what jobs hold; the lines they are laid out in are our own.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { TerminalText.escaped(String($0)) }
            try session.talk.line(lines.joined(separator: "\n"))
        } catch {
            // Nobody reads standard error: the exit code is all that is left to say it with.
        }
    }

    /// A reader that went away (`errand jobs | head`) had all that it wanted; any other trouble with a stream is a failure.
    private static func outcome(of closed: Output.Closed, _ session: Session) -> Int32 {
        guard !closed.isBrokenPipe else { return ExitStatus.ok.rawValue }
        say("\(session.program): the output could not be written: \(String(cString: strerror(closed.code)))", session)
        return ExitStatus.failed.rawValue
    }
}
