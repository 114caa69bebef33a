// The last words of a process: each test lets one crash, and reads what it wrote.

import CErrand
import Glibc
import ServiceContextModule
import Testing

@testable import ErrandContext

@Suite struct CrashCaptureTests {
    private static let crashed = ExecutionID(JobID(rawValue: 0xabc), 3)

    /// A file for last words, gone with the test.
    private final class Words {
        let path: String

        init() throws {
            path = "/tmp/errand-words-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        }

        /// Every line that was written.
        var lines: [Substring] {
            guard let file = fopen(path, "r") else { return [] }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = fread(&bytes, 1, bytes.count, file)
            return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        }

        deinit { unlink(path) }
    }

    private static func context(_ id: ExecutionID = crashed) -> ExecutionContext {
        struct Sink: LogSink {
            func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
        }
        return ExecutionContext(
            executionID: id, attempt: 1, maxAttempts: 1, queue: "q", kind: "k", parent: nil, root: nil, trace: nil, meta: [:], sink: Sink(),
            now: { Timestamp(microseconds: 0) })
    }

    private static func open(_ path: String) -> Int32 { Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600) }

    /// Captures crashes into `path`; only in a process that is there to die. Backtraces would take their time.
    private static func capture(into path: String) throws {
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] { signal(number, SIG_DFL) }
        try CrashCapture.install()
        precondition(CrashCapture.add(file: open(path)))
    }

    /// Aborts, which the compiler must not know.
    private static func end() { if getpid() > 0 { abort() } }

    private static func writeNowhere() {
        UnsafeMutablePointer<Int>(bitPattern: Int(getpid()) - Int(getpid()) + 8)?.pointee = 1
    }

    @Test func `code of an execution that aborts is named, and the signal stays the same`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = words.path as String] in
            try CrashCaptureTests.capture(into: path)
            await CrashCaptureTests.context().run { CrashCaptureTests.end() }
        }
        #expect(words.lines == ["errand-crash 1 signal=6 address=0 overflow=0 job=abc ordinal=3 end"])
    }

    @Test func `a bad pointer is told with its address`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGSEGV)) { [path = words.path as String] in
            try CrashCaptureTests.capture(into: path)
            await CrashCaptureTests.context().run { CrashCaptureTests.writeNowhere() }
        }
        #expect(words.lines == ["errand-crash 1 signal=b address=8 overflow=0 job=abc ordinal=3 end"])
    }

    @Test func `code that has left its job is nobody's`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = words.path as String] in
            try CrashCaptureTests.capture(into: path)
            await CrashCaptureTests.context().run { ExecutionContext.none { CrashCaptureTests.end() } }
        }
        #expect(words.lines == ["errand-crash 1 signal=6 address=0 overflow=0 job=0 ordinal=0 end"])
    }

    @Test func `where the carriers contradict each other nobody is named`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = words.path as String] in
            try CrashCaptureTests.capture(into: path)
            let other = await CrashCaptureTests.context(ExecutionID(JobID(rawValue: 0xdef), 1)).run { ServiceContext.current }
            await CrashCaptureTests.context().run { ServiceContext.$current.withValue(other) { CrashCaptureTests.end() } }
        }
        #expect(words.lines == ["errand-crash 1 signal=6 address=0 overflow=0 job=0 ordinal=0 end"])
    }

    @Test func `a signal that was sent is nobody's doing`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGSEGV)) { [path = words.path as String] in
            try CrashCaptureTests.capture(into: path)
            await CrashCaptureTests.context().run {
                kill(getpid(), SIGSEGV)
                while true { usleep(1000) }
            }
        }
        #expect(words.lines == ["errand-crash 1 signal=b address=0 overflow=0 job=0 ordinal=0 end"])
    }

    @Test func `a handler that was there before is called afterwards`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .exitCode(7)) { [path = words.path as String] in
            for number in [SIGABRT, SIGSEGV] { signal(number) { _ in _exit(7) } }
            try CrashCapture.install()
            precondition(CrashCapture.add(file: CrashCaptureTests.open(path)))
            await CrashCaptureTests.context().run { CrashCaptureTests.writeNowhere() }
        }
        #expect(words.lines.count == 1)
    }

    @Test func `a fault while asking who runs names nobody, and the process dies of the first signal`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGABRT)) { [path = words.path as String] in
            signal(SIGABRT, SIG_DFL)
            signal(SIGSEGV, SIG_DFL)
            let code = errand_crash_install { culprit in
                culprit?.pointee = errand_culprit(job: 1, ordinal: 1)
                CrashCaptureTests.writeNowhere()
            }
            precondition(code == 0 && CrashCapture.add(file: CrashCaptureTests.open(path)))
            abort()
        }
        #expect(words.lines == ["errand-crash 1 signal=6 address=0 overflow=0 job=0 ordinal=0 end"])
    }

    @Test func `asking who runs never makes a crash hang`() async throws {
        await #expect(processExitsWith: .signal(SIGALRM)) {
            let code = errand_crash_install { _ in while true { usleep(1000) } }
            precondition(code == 0)
            abort()
        }
    }

    @Test func `a stack overflow is told from another bad pointer, on a thread that has entered a scope`() async throws {
        let words = try Words()
        await #expect(processExitsWith: .signal(SIGSEGV)) { [path = words.path as String] in
            try CrashCaptureTests.capture(into: path)
            // A new thread has no alternate stack until its first scope.
            let bound: @Sendable () -> Void = await CrashCaptureTests.context().run {
                ExecutionContext.bind {
                    var depth = 1
                    print(CrashCaptureTests.deeper(&depth))
                }
            }
            onThread { bound() }
        }
        let words0 = try #require(words.lines.first)
        #expect(words0.hasPrefix("errand-crash 1 signal=b address="))
        #expect(words0.hasSuffix(" overflow=1 job=abc ordinal=3 end"))
    }

    @inline(never) private static func deeper(_ depth: UnsafeMutablePointer<Int>) -> Int {
        guard depth.pointee > 0 else { return 0 }
        var next = depth.pointee + 1
        let below = withUnsafeMutablePointer(to: &next) { deeper($0) }
        return below &+ next
    }

    @Test func `64 files are written to, one more is refused, and a place that was given back is taken`() async {
        await #expect(processExitsWith: .success) {
            for file in Int32(100)..<164 { precondition(CrashCapture.add(file: file)) }
            precondition(!CrashCapture.add(file: 164))
            precondition(CrashCapture.remove(file: 130))
            precondition(CrashCapture.add(file: 164))
            exit(0)
        }
    }

    @Test func `the alternate stacks of ten thousand short threads are gone with them`() async {
        await #expect(processExitsWith: .success) {
            func mappings() -> Int {
                guard let file = fopen("/proc/self/maps", "r") else { return 0 }
                defer { fclose(file) }
                var count = 0
                while true {
                    let character = getc(file)
                    if character == EOF { return count }
                    if character == 10 { count += 1 }
                }
            }
            for _ in 0..<10 { onThread { errand_crash_cover() } }
            let before = mappings()
            for _ in 0..<10_000 {
                onThread {
                    errand_crash_cover()
                    var stack = stack_t()
                    precondition(sigaltstack(nil, &stack) == 0 && stack.ss_flags & Int32(SS_DISABLE) == 0)
                }
            }
            precondition(mappings() < before + 100)
            exit(0)
        }
    }
}

/// Runs `body` on a thread of its own and waits for the thread's end.
private func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { pointer in
            Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    precondition(code == 0)
    pthread_join(thread, nil)
}
