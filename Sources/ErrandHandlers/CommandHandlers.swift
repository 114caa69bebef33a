// The handlers of kinds whose work is a command.

public import Errand

/// The handler of the reserved kind `command`: runs the payload's own command line, without a shell and without input.
///
/// Output lines become log records of the execution as they are printed, standard output and standard error both at level info;
/// JSON objects with `level` and `message` (or `msg`) keep theirs and their other fields. The exit status is the outcome: 0
/// completes, 75 snoozes, anything else fails the attempt. What the command writes to descriptor 3 (`ERRAND_RESULT_FD`), JSON up to
/// 256 KiB, is the job's result. Cancelling or timing out ends all of its processes.
public func commandHandler(_ options: CommandOptions = CommandOptions()) -> Handler {
    let runner = CommandRunner(options: options)
    return Handler(kind: CommandPayload.kind) { job, context in
        let payload = try CommandPayload(payload: job.payload)
        return try await runner.run(
            Command(argv: payload.argv, directory: payload.cwd, environment: payload.env ?? [:], input: nil), for: context)
    }
}
