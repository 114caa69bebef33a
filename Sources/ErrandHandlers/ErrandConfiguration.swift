// What errand.yaml says: queues, and kinds that are handled by commands.

public import Errand
import Glibc

/// The configuration of a stock worker, as read from `errand.yaml`.
///
/// ```yaml
/// worker: { concurrency: 20, order: strict, spare: 2, lease: 30s, grace: 1m }
/// queues: { default: { concurrency: 8 }, reports: { total_concurrency: 4, rate: 10/s, key_concurrency: 1, fair: true } }
/// kinds: { send-email: { rate: 100/m, max_attempts: 5, expires: 1d, unique: { by: [to], on_conflict: replace }, limit_key: tenant } }
/// handlers:
///   send-email: { run: [python3, send_email.py], timeout: 30s, env: { SMTP: localhost } }
///   resize: { run: [resize.sh], heartbeat: 1m, backoff: { base: 10s, maximum: 5m }, unrecoverable: [64, 65] }
///   convert: { run: [convert.sh], limits: { cpu: 2m, memory: 2GiB, open_files: 64, file_size: 1GiB, output: 10MiB } }
/// periodic:
///   nightly: { cron: "0 3 * * *", tz: Europe/Berlin, kind: report, payload: { full: true }, overlap: skip, missed: latest }
///   sweep: { every: 10m, run: [sh, sweep.sh], jitter: 30s }
/// limits: { output: 100MiB }
/// retention: { completed: 2d, log_bytes: 4GiB, rules: [{ kind: send-email, state: completed, age: 1h, jobs: 10000 }] }
/// redact: { keys: [password, "*_token"], env: [API_TOKEN] }
/// encryption: { key: { file: errand.key }, older: [{ env: OLD_ERRAND_KEY }] }
/// ```
public struct ErrandConfiguration: Sendable, Hashable {
    /// How a queue is worked by the worker that reads the file.
    public struct Queue: Sendable, Hashable {
        /// How many of its jobs run at once, 1 … 10,000; `nil` leaves it to the worker.
        public var concurrency: Int?
    }

    /// How a kind is handled.
    public struct CommandKind: Sendable, Hashable {
        /// The program and its arguments; no shell reads them.
        public var run: [String]
        /// How long an execution may take when the job does not say; `nil` is as long as it wants.
        public var timeout: Duration?
        /// How many attempts of a job may count when its enqueuer does not say, 1 … 1,000; `nil` is the usual default.
        public var maxAttempts: Int?
        /// How long an execution may print nothing until it is stopped as at a timeout; `nil` is as long as it wants.
        public var heartbeatTimeout: Duration?
        /// How long a failed job waits for its next attempt.
        public var backoff = Backoff()
        /// Exit statuses, 1 … 255 without 75, after which the job is dead with the reason `unrecoverable`, whatever attempts are left.
        public var unrecoverable: Set<Int> = []
        /// Where it runs; the configuration file's own directory by default, which relative ones start from too.
        public var directory: String
        /// Variables of its own.
        public var environment: [String: String]
        /// What each of its executions may use; where it does not say, the file's ``ErrandConfiguration/limits`` hold.
        public var limits = CommandLimits()
        /// Where it stands in the file, from 1.
        public var line: Int
        /// Where its program stands in the line, from 1.
        public var column: Int

        func command(input: [UInt8]?) -> Command {
            Command(argv: run, directory: directory, environment: environment, input: input, origin: .configuration, limits: limits)
        }
    }

    /// The file as it was named.
    public let file: String
    /// How the worker runs.
    public var worker = WorkerSettings()
    /// The queues that the file names.
    public var queues: [String: Queue] = [:]
    /// What jobs of a kind have where their enqueuer says nothing else.
    public var kinds: [String: JobDefaults] = [:]
    /// What is to hold for all workers of the store; a worker that starts with the file sets it there.
    public var settings: [StoreSetting] = []
    /// The periodic jobs that the file names; a worker that starts with the file sets them in the store (``periodicJobs()``).
    public var periodic: [String: PeriodicSetting] = [:]
    /// The kinds that commands handle.
    public var handlers: [String: CommandKind] = [:]
    /// What every command of the worker may use, plain ones (`enqueue -- CMD`) among them; for ``CommandOptions/limits``.
    public var limits = CommandLimits()
    /// What is kept of finished jobs; `nil` leaves the defaults.
    public var retention: RetentionPolicy?
    /// What is taken out of logs, errors and views.
    public var redaction = RedactionSettings()
    /// Which keys encrypt payloads and results at rest; `nil` leaves them in the clear.
    public var encryption: EncryptionSettings?

    /// The largest file that is read: 1 MiB.
    public static let sizeLimit = 1 << 20

    /// Reads a file.
    /// - Throws: ``ConfigurationError`` with everything that is wrong in it, or why it could not be read.
    public static func load(_ path: String) throws(ConfigurationError) -> ErrandConfiguration {
        let text: [UInt8]
        do throws(SystemError) {
            let file = try Descriptor(open(path, O_RDONLY | O_CLOEXEC))
            text = try file.contents(limit: sizeLimit + 1)
        } catch {
            throw ConfigurationError(problems: [
                ConfigurationProblem(file: path, line: 0, column: 0, message: "cannot be read: \(error)")
            ])
        }
        return try parse(text, file: path)
    }

    /// Reads a file's contents; `file` is its path, for messages and as the place that relative directories start from.
    /// - Throws: ``ConfigurationError`` with everything that is wrong in it.
    public static func parse(_ text: [UInt8], file: String) throws(ConfigurationError) -> ErrandConfiguration {
        guard text.count <= sizeLimit else {
            throw ConfigurationError(problems: [
                ConfigurationProblem(file: file, line: 0, column: 0, message: "is larger than 1 MiB: this is no configuration")
            ])
        }
        let root: YAMLNode?
        do throws(YAMLReader.Problem) {
            root = try YAMLReader.read(text)
        } catch {
            throw ConfigurationError(problems: [
                ConfigurationProblem(file: file, line: error.line, column: error.column, message: error.message)
            ])
        }
        var reader = ConfigurationReader(file: file)
        let configuration = reader.configuration(root)
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.problems, readable: configuration) }
        return configuration
    }

    /// The queues that a worker with this file serves, by name, and how many of each at once.
    public var workedQueues: [(name: String, concurrency: Int?)] {
        queues.sorted { $0.key < $1.key }.map { ($0.key, $0.value.concurrency) }
    }

    /// Variables of the environment that hold what the file keeps secret.
    public var secretVariables: [String] {
        let keys = (encryption.map { [$0.key] + $0.older } ?? []).compactMap { key in
            if case .environment(let name) = key.source { name } else { nil }
        }
        return keys + redaction.environment
    }

    /// What jobs of `kind` have where their enqueuer says nothing else.
    public func defaults(of kind: String) -> JobDefaults {
        var defaults = kinds[kind] ?? JobDefaults()
        defaults.maxAttempts = defaults.maxAttempts ?? handlers[kind]?.maxAttempts
        return defaults
    }

    /// What this machine lacks: commands whose program is not on `PATH` (a handler's own, or `options`'), and directories that do not
    /// exist; empty when all handlers can start.
    public func check(_ options: CommandOptions = CommandOptions()) -> [ConfigurationProblem] {
        handlers.sorted { ($0.value.line, $0.value.column) < ($1.value.line, $1.value.column) }.compactMap { kind, handler in
            func problem(_ message: String) -> ConfigurationProblem {
                ConfigurationProblem(file: file, line: handler.line, column: handler.column, message: "handler \"\(kind)\": \(message)")
            }
            guard ProgramPath.isDirectory(handler.directory) else { return problem("the directory \(handler.directory) does not exist") }
            let path = handler.environment["PATH"] ?? options.workerEnvironment["PATH"]
            do throws(ProgramPath.Problem) {
                _ = try ProgramPath.resolve(handler.run[0], path: path, directory: handler.directory)
                return nil
            } catch {
                return problem(CommandRunner.error(for: error, handler.command(input: nil), path: path).message)
            }
        }
    }

    /// A handler for each kind of ``handlers``: runs its command with the payload on standard input; the rest is as with
    /// ``commandHandler(_:)``. In the order of the kinds' names.
    public func commandHandlers(_ options: CommandOptions = CommandOptions()) -> [Handler] {
        let runner = CommandRunner(options: options)
        return handlers.sorted { $0.key < $1.key }.map { kind, handler in
            var command = Handler(kind: kind, timeout: handler.timeout, backoff: handler.backoff) { job, context in
                try await runner.run(
                    handler.command(input: job.payload), for: context)
            }
            command.heartbeatTimeout = handler.heartbeatTimeout
            guard !handler.unrecoverable.isEmpty else { return command }
            return command.retrying { error, _ in
                guard let code = (error as? StoredError)?.code, handler.unrecoverable.contains(code) else { return .backoff }
                return .never
            }
        }
    }
}
