// A value that many executions ask for and one computation makes: the computation belongs to none of them.

import Synchronization

/// Makes a value once for all who ask for it, and keeps it (memoising), without giving the first asker's identity to all the others.
///
/// Whoever asks first starts the work, outside of every execution (``ExecutionContext/none(_:)``) and with none of the asker's task-local
/// values: a line of the work is nobody's rather than the first job's. Each asker goes on as itself.
///
/// - An error reaches those who were waiting and is not kept: the next asker starts again.
/// - An asker that is cancelled throws `CancellationError` at once; the work goes on for the others. When the last of them has left, the
///   work is cancelled too, and the next asker starts again.
/// - Values are kept until ``forget(_:)``, without a limit: use keys of a bounded set.
public final class SharedWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let work: @Sendable (Key) async throws -> Value
    private let state = Mutex(State())

    private typealias Waiter = CheckedContinuation<Value, any Error>

    private struct State {
        var values: [Key: Value] = [:]
        var running: [Key: Running] = [:]
        /// Numbers the works and the waiters.
        var next: UInt64 = 0

        mutating func number() -> UInt64 {
            next += 1
            return next
        }
    }

    private struct Running {
        var number: UInt64
        var waiters: [UInt64: Waiter]
        /// `nil` until the task, which is made under the lock's protection but outside of it, is known.
        var task: Task<Void, Never>?
    }

    /// Nothing is made yet; `work` makes the value of a key.
    public init(_ work: @escaping @Sendable (Key) async throws -> Value) { self.work = work }

    /// The value of `key`: kept, or made by work that is under way, or by work that starts now.
    ///
    /// - Throws: What the work throws; `CancellationError` when the calling task is cancelled first.
    public func value(for key: Key) async throws -> Value {
        let number = state.withLock { $0.number() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { join(key, as: number, $0) }
        } onCancel: {
            leave(key, as: number)
        }
    }

    /// Drops the value of `key`, if one is kept; work that is under way is not touched.
    public func forget(_ key: Key) {
        state.withLock { $0.values[key] = nil }
    }

    private enum Joining { case waits, starts(UInt64), knows(Value), isCancelled }

    private func join(_ key: Key, as number: UInt64, _ waiter: Waiter) {
        let joining = state.withLock { state -> Joining in
            if let value = state.values[key] { return .knows(value) }
            // A cancellation that came before this point found nobody to remove.
            if Task.isCancelled { return .isCancelled }
            if state.running[key]?.waiters.updateValue(waiter, forKey: number) != nil {
                preconditionFailure("waiter \(number) joins twice")
            }
            if state.running[key] != nil { return .waits }
            let work = state.number()
            state.running[key] = Running(number: work, waiters: [number: waiter])
            return .starts(work)
        }
        switch joining {
        case .waits: break
        case .starts(let work): start(key, work)
        case .knows(let value): waiter.resume(returning: value)
        case .isCancelled: waiter.resume(throwing: CancellationError())
        }
    }

    private func start(_ key: Key, _ number: UInt64) {
        // Detached: `Task {}` would take the first asker's other task-local values along. Its owners are those who wait for it.
        let task = Task.detached(priority: Task.currentPriority) { [self] in
            let outcome: Result<Value, any Error>
            do {
                outcome = .success(try await ExecutionContext.none { try await work(key) })
            } catch {
                outcome = .failure(error)
            }
            finish(key, number, outcome)
        }
        let isAbandoned = state.withLock { state in
            guard state.running[key]?.number == number else { return true }
            state.running[key]?.task = task
            return false
        }
        if isAbandoned { task.cancel() }
    }

    private func finish(_ key: Key, _ number: UInt64, _ outcome: Result<Value, any Error>) {
        let waiters = state.withLock { state -> [UInt64: Waiter] in
            guard let running = state.running[key], running.number == number else { return [:] }
            state.running[key] = nil
            if case .success(let value) = outcome { state.values[key] = value }
            return running.waiters
        }
        for waiter in waiters.values { waiter.resume(with: outcome) }
    }

    private func leave(_ key: Key, as number: UInt64) {
        let (waiter, abandoned) = state.withLock { state -> (Waiter?, Task<Void, Never>?) in
            guard let waiter = state.running[key]?.waiters.removeValue(forKey: number) else { return (nil, nil) }
            guard let running = state.running[key], running.waiters.isEmpty else { return (waiter, nil) }
            state.running[key] = nil
            return (waiter, running.task)
        }
        abandoned?.cancel()
        waiter?.resume(throwing: CancellationError())
    }
}

/// The key of work that makes one value only.
public struct OneValue: Hashable, Sendable {
    fileprivate init() {}
}

extension SharedWork where Key == OneValue {
    /// Nothing is made yet; `work` makes the one value.
    public convenience init(_ work: @escaping @Sendable () async throws -> Value) {
        self.init { _ in try await work() }
    }

    /// The value: kept, or made by work that is under way, or by work that starts now.
    ///
    /// - Throws: What the work throws; `CancellationError` when the calling task is cancelled first.
    public func value() async throws -> Value { try await value(for: OneValue()) }

    /// Drops the value, if it is kept; work that is under way is not touched.
    public func forget() { forget(OneValue()) }
}
