// The ways in which a process can be taken down, and the places at which code of a job can do it.

import Dispatch
import Errand
import ErrandContext
@preconcurrency import Glibc

/// A way to crash.
enum Trap: String, Codable, Sendable {
    case fatalError = "fatal_error"
    case index
    case unwrap
    case overflow
    case null
    case abort
    case stack
    /// Notices a damaged heap while it holds the heap's lock, and aborts there.
    case doubleFree = "double_free"
    /// Is shot by another thread of the process, as by a watchdog.
    case shot
    /// Says why on standard error, as the C library's `assert` does, and aborts.
    case assertion
    /// Is killed without a word, as by the kernel when memory runs out.
    case killed

    /// Never returns. What a compiler could foresee is hidden from it.
    func spring() -> Never {
        let number = Int(getpid())
        switch self {
        case .fatalError: Swift.fatalError("as the job asked for")
        case .index: print([1, 2, 3][number])
        case .unwrap: print(Int("\(number) is no number")!)
        case .overflow: print(Int.max - 1 + number)
        case .null: UnsafeMutablePointer<Int>(bitPattern: number - number + 8)?.pointee = 1
        case .abort: Glibc.abort()
        case .stack:
            var depth = 1
            print(deeper(&depth))
        case .doubleFree:
            let (block, fence) = (malloc(5000), malloc(5000))
            release(block)
            release(block)
            release(fence)
        case .shot:
            let victim = pthread_self()
            startThread(named: "watchdog") { pthread_kill(victim, SIGSEGV) }
            while true { pause() }
        case .assertion:
            fputs("crash.c:7: ", stderr)
            fputs("Assertion `false' failed.\n", stderr)
            Glibc.abort()
        case .killed: kill(getpid(), SIGKILL)
        }
        Swift.fatalError("\(self) did not crash")
    }
}

/// Not seen through, so that no optimiser leaves the blocks out.
@inline(never) private func release(_ block: UnsafeMutableRawPointer?) { free(block) }

/// Needs its frame, so that no optimiser makes a loop of it.
@inline(never) private func deeper(_ depth: UnsafeMutablePointer<Int>) -> Int {
    guard depth.pointee > 0 else { return 0 }
    var next = depth.pointee + 1
    let below = withUnsafeMutablePointer(to: &next) { deeper($0) }
    return below &+ next
}

/// Where code of a job crashes.
enum Place: String, Codable, Sendable {
    /// In the handler itself.
    case handler
    /// In a child task, on whatever pool thread it gets.
    case child
    /// In a block on a Dispatch queue that was bound.
    case bound
    /// In a block on a Dispatch queue that was not: nobody can know whose it is.
    case unbound
    /// In code of the worker's program that has left the job.
    case outside

    /// Crashes there; never returns.
    func run(_ trap: Trap) async {
        switch self {
        case .handler: trap.spring()
        case .child:
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { await Task.yield() } }
                group.addTask {
                    await Task.yield()
                    trap.spring()
                }
            }
        case .bound:
            let block: @Sendable () -> Void = ExecutionContext.bind { trap.spring() }
            await withCheckedContinuation { (_: CheckedContinuation<Void, Never>) in
                DispatchQueue(label: "crash").async { block() }
            }
        case .unbound:
            await withCheckedContinuation { (_: CheckedContinuation<Void, Never>) in
                DispatchQueue(label: "crash").async { trap.spring() }
            }
        case .outside: ExecutionContext.none { trap.spring() }
        }
    }
}
