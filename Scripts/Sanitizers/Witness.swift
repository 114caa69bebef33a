// What the sanitizers must report, and what not: Scripts/soak runs it before each suite, with the suite's own settings.

import Glibc
import Synchronization

/// One number with a lock and one without.
private final class Numbers: Sendable {
    let guarded = Mutex(0)
    nonisolated(unsafe) var bare = 0
}

private let numbers = Numbers()

@main enum Witness {
    static func main() async {
        switch CommandLine.arguments.dropFirst().first {
        // Nothing is wrong.
        case "mutex": twice { for _ in 0..<100_000 { numbers.guarded.withLock { $0 += 1 } } }
        // Nothing either: each task waits for an answer that may be there already.
        case "continuation": await Task.detached { await Witness.ask() }.value
        // Two threads, one variable, no lock; the lock beside it is no excuse.
        case "race":
            twice {
                for _ in 0..<100_000 {
                    numbers.guarded.withLock { $0 += 1 }
                    numbers.bare += 1
                }
            }
        case "overflow":
            let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
            bytes[Int(CommandLine.argc) + 6] = 1
            print(bytes[7])
            bytes.deallocate()
        case "leak":
            leak()
        default: fatalError("usage: Witness mutex|continuation|race|overflow|leak")
        }
    }

    private static func ask() async {
        for number in 0..<5_000 {
            let answer = await withUnsafeContinuation { continuation in
                Answers.shared.ask { continuation.resume(returning: number) }
                // Sometimes it comes before the task waits, sometimes after.
                for _ in 0..<number % 30 { sched_yield() }
            }
            precondition(answer == number)
        }
    }

    @inline(never) private static func leak() {
        for size in 1..<100 { memset(malloc(size * 16), 1, size) }
    }

    private static func twice(_ body: @escaping @Sendable () -> Void) {
        let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { Witness.run($0) }
        var threads = [pthread_t(), pthread_t()]
        Witness.body.withLock { $0 = body }
        for index in threads.indices { pthread_create(&threads[index], nil, start, nil) }
        for thread in threads { pthread_join(thread, nil) }
    }

    private static let body = Mutex<(@Sendable () -> Void)?>(nil)

    @Sendable private static func run(_ ignored: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        body.withLock { $0 }?()
        return nil
    }
}

/// A thread that answers.
private final class Answers: @unchecked Sendable {
    // Proof: `pending` is only touched inside `mutex`.
    static let shared = Answers()

    private let mutex = Mutex(())
    private var pending: [() -> Void] = []

    init() {
        var thread = pthread_t()
        pthread_create(&thread, nil, { _ in while true { Answers.shared.answer() } }, nil)
    }

    func ask(_ question: @escaping () -> Void) { mutex.withLock { _ in pending.append(question) } }

    private func answer() {
        let questions = mutex.withLock { _ in
            defer { pending = [] }
            return pending
        }
        for question in questions { question() }
        sched_yield()
    }
}
