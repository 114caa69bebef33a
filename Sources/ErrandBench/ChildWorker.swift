// A worker in another process: this very program, started once more with a word that says what it is for.

package import Errand
import ErrandContext
import ErrandSQLite
import Glibc

/// What a child process of a measurement does.
package enum ChildRole: String, Sendable, CaseIterable {
    /// Runs jobs whose handler writes the time of its first line to standard output, on the boot clock.
    case ping
    /// Waits for jobs that never come.
    case idle
    /// Waits for a byte on standard input, enqueues one job after the other for a while, and says how many.
    case enqueue

    static let pingKind = "bench-ping"
    static let idleKind = "bench-nothing"

    /// Serves the store in `directory` until it is ended, or, as ``enqueue``, for so many seconds.
    /// - Throws: what the store or the worker throws.
    package func serve(_ directory: String, seconds: Int, durability: Durability) async throws {
        guard self != .enqueue else { return try await ChildRole.enqueue(directory, seconds, durability) }
        // Standard input ends with whoever measures: nobody needs this process any more.
        startThread(named: "errand-orphan") {
            var byte: UInt8 = 0
            while case let count = read(STDIN_FILENO, &byte, 1), count > 0 || count < 0 && errno == EINTR {}
            _exit(0)
        }
        let queue = try JobQueue.open(directory)
        let handler =
            switch self {
            case .ping:
                Handler(kind: ChildRole.pingKind) { _, _ in
                    ChildRole.tell("\(Stopwatch.seconds(CLOCK_BOOTTIME))")
                    return nil
                }
            case .idle, .enqueue: Handler(kind: ChildRole.idleKind) { _, _ in nil }
            }
        var configuration = Worker.Configuration()
        configuration.logger = BenchPlace.silence
        configuration.onJoin = { ChildRole.tell("ready") }
        try await Worker(queue: queue, handlers: [handler], configuration: configuration).run()
    }

    private static func enqueue(_ directory: String, _ seconds: Int, _ durability: Durability) async throws {
        var options = SQLiteStoreOptions()
        options.durability = durability
        options.lockWait = nil
        let opened = try SQLiteStore.open(directory: directory, options: options)
        defer { opened.close() }
        let queue = JobQueue(store: opened.store)
        let payload = BenchPlace.payload(bytes: 200)
        _ = try await queue.enqueue(kind: idleKind, payload: payload)
        tell("ready")
        var byte: UInt8 = 0
        while case let count = read(STDIN_FILENO, &byte, 1), count != 1 {
            guard count < 0, errno == EINTR else { return }
        }
        let watch = Stopwatch()
        var jobs = 0
        while watch.elapsed < Double(seconds) {
            _ = try await queue.enqueue(kind: idleKind, payload: payload)
            jobs += 1
        }
        tell("\(jobs)")
    }

    private static func tell(_ line: String) {
        var bytes = Array("\(line)\n".utf8)
        _ = write(STDOUT_FILENO, &bytes, bytes.count)
    }
}

/// A running child, and what it says.
final class ChildWorker {
    let pid: pid_t
    private let output: Int32
    private let input: Int32
    private var pending: [UInt8] = []
    private var isOver = false

    /// Starts `role` on the store in `directory`, and waits until it has joined it.
    /// - Throws: ``BenchError``.
    init(_ role: ChildRole, store directory: String, seconds: Int = 0, durability: Durability = .full) throws {
        let (said, heard) = try (ChildWorker.makePipe(), ChildWorker.makePipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, said.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, heard.read, STDIN_FILENO)
        let words = ["bench", "--child", role.rawValue, "--store", directory, "--durability", durability.rawValue]
        let started = ChildWorker.start("/proc/self/exe", words + (seconds > 0 ? ["--seconds", "\(seconds)"] : []), &actions)
        close(said.write)
        close(heard.read)
        (output, input) = (said.read, heard.write)
        switch started {
        case .success(let pid): self.pid = pid
        case .failure(let error):
            close(output)
            close(input)
            throw error
        }
        guard nextLine() == "ready" else { throw BenchError("the worker in another process did not start") }
    }

    deinit {
        end()
        close(output)
        close(input)
    }

    /// A pipe that no other child inherits.
    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw BenchError("no pipe can be made: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// The next line that it writes; `nil` once it is gone.
    func nextLine() -> String? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending.removeSubrange(...end) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            pending += buffer[..<count]
        }
    }

    /// Lets it begin.
    func go() {
        var byte: UInt8 = 0
        _ = write(input, &byte, 1)
    }

    /// Ends it and waits until it is gone.
    func end() {
        guard !isOver else { return }
        isOver = true
        kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Seconds of processor time that it has spent so far.
    var spent: Double {
        var clock = clockid_t()
        return clock_getcpuclockid(pid, &clock) == 0 ? Stopwatch.seconds(clock) : 0
    }

    /// Bytes of memory that are its own and resident, or shared with nobody else.
    var resident: Int {
        guard let file = fopen("/proc/\(pid)/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    /// Starts a program.
    static func start(
        _ path: String, _ arguments: [String], _ actions: inout posix_spawn_file_actions_t
    ) -> Result<pid_t, BenchError> {
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, path, &actions, nil, &argv, environ)
        return code == 0 ? .success(pid) : .failure(BenchError("\(path) cannot be started: \(String(cString: strerror(code)))"))
    }
}
