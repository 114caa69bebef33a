// What a command touches besides its arguments, in one value, so that a test can hand it another world.

package import Errand
import ErrandHandlers
import ErrandSQLite
import Glibc
package import Tracing

/// The world of one command: its streams, environment, clock, handlers and the way to a store.
package struct Session: Sendable {
    /// What the program calls itself in help, hints and errors.
    package var program = "errand"
    /// What `work` can run by itself.
    package var handlers: [Handler] = []
    /// Whether this program, started again, runs one execution in a process of its own.
    package var canIsolate = false
    /// Called at the turns of every execution.
    package var hooks: [ExecutionHook] = []
    /// Stands around every handler.
    package var middleware: [ExecutionMiddleware] = []
    /// Told about failed executions; `nil` is the worker's own reporter.
    package var reporters: [any ErrorReporter]?
    /// What the app wants of its worker.
    package var worker = Worker.Configuration()
    /// The environment.
    package var environment: [String: String] = [:]
    /// Where relative paths begin, and where a plain command will run.
    package var directory = "/"
    /// Tells the time.
    package var clock: any ErrandClock = SystemClock.shared
    /// Data.
    package var output: Output
    /// Talk.
    package var talk: Output
    /// Whether a person can be asked.
    package var canAsk = false
    /// Reads standard input, at most so many bytes.
    package var readInput: @Sendable (Int) -> [UInt8]
    /// Reads a file, or standard input for `nil`, piece by piece; `nil` at its end.
    package var openInput: @Sendable (_ path: String?) throws -> ByteSource = ByteSource.open
    /// Reads a file, at most so many bytes.
    package var readFile: @Sendable (String, Int) throws -> [UInt8]
    /// Reads the answer to a question; `nil` at the end of input.
    package var readAnswer: @Sendable () -> String?
    /// Takes the terminal for a program that fills it.
    package var openTerminal: @Sendable () throws -> TerminalSeat = TerminalSeat.process
    /// Whether a program has this name, on this PATH.
    package var findProgram: @Sendable (_ name: String, _ path: String?) -> Bool = { _, _ in false }
    /// Makes a tracer the process's own; may be called once.
    package var installTracer: @Sendable (any Instrument) -> Void = { _ in }
    /// Whether the process has a tracer or instrument of its own already.
    package var hasInstruments: @Sendable () -> Bool = { false }
    /// Opens the store in a directory.
    package var openStore: @Sendable (StoreRequest) async throws(JobStoreError) -> OpenedStore

    /// The session of the command that runs.
    @TaskLocal package static var current: Session = .process()

    /// What the program that runs calls itself.
    static var program: String { current.program }

    /// The name of a program that was started as `path`: its last component, or `errand` when there is none.
    package static func program(startedAs path: String?) -> String {
        guard let name = path?.split(separator: "/").last else { return "errand" }
        return TerminalText.escaped(String(name))
    }

    /// A text of the library, which only knows the stock tool, with the name of the program that the reader has.
    func inOwnName(_ text: String) -> String {
        guard program != "errand" else { return text }
        return text.split(separator: "`errand ", omittingEmptySubsequences: false).joined(separator: "`\(program) ")
    }

    /// Puts together a session; tests replace what they care about.
    package init(
        output: Output, talk: Output, readInput: @escaping @Sendable (Int) -> [UInt8] = { _ in [] },
        readFile: @escaping @Sendable (String, Int) throws -> [UInt8] = InputReading.file,
        readAnswer: @escaping @Sendable () -> String? = { nil },
        openStore: @escaping @Sendable (StoreRequest) async throws(JobStoreError) -> OpenedStore
    ) {
        self.output = output
        self.talk = talk
        self.readInput = readInput
        self.readFile = readFile
        self.readAnswer = readAnswer
        self.openStore = openStore
    }

    /// This process's own streams and environment.
    static func process() -> Session {
        var session = Session(
            output: Output(descriptor: STDOUT_FILENO), talk: Output(descriptor: STDERR_FILENO),
            readInput: { InputReading.descriptor(STDIN_FILENO, limit: $0) },
            readAnswer: { readLine() },
            openStore: OpenedStore.sqlite)
        session.installTracer = { InstrumentationSystem.bootstrap($0) }
        session.hasInstruments = { !(InstrumentationSystem.instrument is NoOpInstrument) }
        session.findProgram = { CommandPayload.isProgram($0, path: $1) }
        session.canAsk = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
        session.environment = InputReading.environment()
        if let path = getcwd(nil, 0) {
            session.directory = String(cString: path)
            free(path)
        }
        return session
    }
}

/// Which store a command wants, and how.
package struct StoreRequest: Sendable, Hashable {
    /// The store's directory.
    package var directory: String
    /// Whether an empty or missing directory becomes a store.
    package var createIfMissing: Bool
    /// How long to wait for a lock that another process holds; `nil` for ever.
    package var lockWait: Duration?
    /// What acknowledgements survive.
    package var durability = Durability.full
    /// How many bytes of the disk are left alone; `nil` is the store's default.
    package var reserveBytes: Int?
}

/// A store, and how to let go of it.
package struct OpenedStore: Sendable {
    /// The seams.
    package var store: Store
    /// Closes it; nothing may use it afterwards.
    package var close: @Sendable () async -> Void

    /// A store that is closed by `close`.
    package init(_ store: Store, close: @escaping @Sendable () async -> Void = {}) {
        self.store = store
        self.close = close
    }
}
