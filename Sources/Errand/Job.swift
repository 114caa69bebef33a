// A typed job: what a Swift program enqueues and what its handler receives.

/// A unit of work: a Codable value, and the stable name that picks its handler.
///
/// ```swift
/// struct Greet: Job {
///     static let kind = "greet"
///     var name: String
/// }
/// ```
public protocol Job: Codable, Sendable {
    /// Picks the handler, in every process and every version of the program: 1 to 64 characters of `a-z 0-9 . _ -`.
    static var kind: String { get }
    /// The queue that it waits in; `default` by default.
    static var queue: String { get }
    /// How many attempts may count, 1 … 1,000; 5 by default.
    static var maxAttempts: Int { get }
    /// How long one execution may take; `nil`, the default, leaves it to the handler.
    static var timeout: Duration? { get }
    /// With whom this job shares limits, a tenant for example; `nil`, the default, with nobody. ``EnqueueOptions/limitKey`` comes before it.
    var limitKey: String? { get }
    /// Which jobs this one runs after; `nil`, the default, waits for none. ``EnqueueOptions/sequence`` comes before it.
    var sequence: JobSequence? { get }
    /// Which jobs this one may not stand beside; `nil`, the default, stands beside all. ``EnqueueOptions/uniqueness`` comes before it.
    var uniqueness: Uniqueness? { get }
}

extension Job {
    /// The queue named `default`.
    public static var queue: String { "default" }
    /// Five attempts.
    public static var maxAttempts: Int { 5 }
    /// No timeout of its own.
    public static var timeout: Duration? { nil }
    /// Shares limits with nobody.
    public var limitKey: String? { nil }
    /// Waits for none.
    public var sequence: JobSequence? { nil }
    /// Stands beside all.
    public var uniqueness: Uniqueness? { nil }
}
