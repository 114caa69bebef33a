// What happened to jobs, as a stream that any process can read and go on with.

/// One thing that happened to a job.
public struct JobEvent: Sendable, Hashable {
    /// Where the stream goes on behind it.
    public var cursor: EventCursor
    /// When it was recorded.
    public var at: Timestamp
    /// What happened.
    public var change: Change
    /// To which job.
    public var job: JobID
    /// In or to which execution; `nil` for what happens to a job outside of any.
    public var execution: ExecutionID?
    /// The job's queue; `nil` when nothing is known of the job any more.
    public var queue: String?
    /// The job's kind; `nil` when nothing is known of the job any more.
    public var kind: String?

    /// Puts together an event; used by stores and tests.
    public init(
        cursor: EventCursor, at: Timestamp, change: Change, job: JobID, execution: ExecutionID? = nil, queue: String?, kind: String?
    ) {
        self.cursor = cursor
        self.at = at
        self.change = change
        self.job = job
        self.execution = execution
        self.queue = queue
        self.kind = kind
    }

    /// What can happen to a job. An execution that ends tells first how, then where its job goes: `failed`, `retrying`.
    public enum Change: String, Sendable, Hashable, Codable, CaseIterable {
        /// It was added, or has taken the place of one with its unique key, under that one's ID.
        case enqueued
        /// A worker has claimed it.
        case started
        /// Its handler said how far it is.
        case progressed
        /// Its handler returned; the job has ended.
        case completed
        /// Its handler threw.
        case failed
        /// Its handler did not end within its timeout, or was silent for too long.
        case timedOut = "timed_out"
        /// It will run again: after a failure or crash, or because an operator wants it.
        case retrying
        /// Its handler asked to run later.
        case snoozed
        /// It has ended after its last attempt, or was given up.
        case died
        /// It has ended because somebody asked for it.
        case cancelled
        /// The execution was cut by a shutdown, the death of its worker or the loss of its lease; the job is available again.
        case interrupted
        /// The execution was taken from a worker that is dead or overdue; what became of it follows.
        case rescued
        /// The execution took its process down.
        case crashed
        /// The handler ignores that it was told to stop.
        case stuck

        /// What most ends tell.
        private static let justCompleted = [Change.completed]

        /// What the end of an execution tells.
        package static func changes(at outcome: Outcome, next: NextStep) -> [Change] {
            if outcome == .completed, case .complete = next { return justCompleted }
            let end: Change? =
                switch outcome {
                case .completed: .completed
                case .failed: .failed
                case .timedOut: .timedOut
                case .crashed: .crashed
                case .interrupted, .lost: .interrupted
                // These are told by where the job goes.
                case .snoozed, .cancelled: nil
                }
            let step: Change? =
                switch next {
                case .wait: outcome == .snoozed ? .snoozed : .retrying
                case .bury: .died
                case .cancel: .cancelled
                case .complete, .giveBack: nil
                }
            return [end, step].compactMap(\.self)
        }
    }
}

/// A place in the stream of events of one store; survives restarts of whoever keeps it.
public struct EventCursor: RawRepresentable, Sendable, Hashable, Comparable, Codable {
    /// How many events the store has ever recorded up to here.
    public var rawValue: Int64

    /// The place behind so many events.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Earlier places come first.
    public static func < (lhs: EventCursor, rhs: EventCursor) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension EventCursor: CustomStringConvertible {
    /// The number.
    public var description: String { "\(rawValue)" }
}
