// What a handler may say about a job that did not succeed: how long to wait, or that it never will.

/// What follows a failed attempt.
public enum RetryChoice: Sendable, Hashable {
    /// The job waits as ``Handler/backoff`` says.
    case backoff
    /// The job waits this long: ten years at most (``Limits/longestDuration``), no time when it is negative.
    case after(Duration)
    /// The job is dead, with the reason `unrecoverable`, whatever attempts are left.
    case never
}

extension Handler {
    /// The same handler, which asks `choose` after each failed attempt what follows.
    ///
    /// ```swift
    /// Handler(Fetch.self) { job, context in try await fetch(job.url) }
    ///     .retrying { error, attempt in
    ///         switch error {
    ///         case let busy as TooManyRequests: .after(busy.retryAfter)
    ///         case is NotFound: .never
    ///         default: .backoff
    ///         }
    ///     }
    /// ```
    /// - Parameter choose: Gets what the handler threw, and which attempt that was (1 or more). A ``StoredError`` stands for what the handler
    ///   did not throw itself: of type `TimedOut` or `HeartbeatTimedOut` when it was stopped for that, of type `ResultTooLarge`; and for all
    ///   that is thrown in a process of its own (``Isolation/process``). The last attempt is the last whatever it answers; crashes are not
    ///   asked about.
    public func retrying(_ choose: @escaping @Sendable (_ error: any Error, _ attempt: Int) -> RetryChoice) -> Handler {
        var handler = self
        handler.retry = choose
        return handler
    }
}

/// Thrown by a handler whose job can never succeed: it is dead at once, with the reason `unrecoverable`, whatever attempts are left.
public struct Unrecoverable: Error, Hashable, Sendable {
    /// What is kept with the execution.
    public var error: StoredError

    /// Gives up for the reason that `message` tells a person.
    public init(_ message: String) { error = StoredError(type: "Unrecoverable", message: message) }

    /// Gives up because of `error`, which is kept as if it had been thrown itself.
    public init(_ error: any Error) { self.error = StoredError(error) }
}

extension Unrecoverable: CustomStringConvertible {
    /// What went wrong.
    public var description: String { error.description }
}

/// Thrown by a handler whose job is not wanted any more: it is cancelled at once, which is no failure.
public struct CancelJob: Error, Hashable, Sendable {
    /// Why, for people; at most 16 KiB (``Limits/errorMessageBytes``) are kept.
    public var reason: String?

    /// Cancels the job.
    public init(reason: String? = nil) { self.reason = reason.map { StoredError(type: "", message: $0).message } }
}
