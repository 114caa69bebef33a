// Signs of life that an execution gives besides its log: how far it is, and that it is there at all.

import Synchronization

/// How far an execution says it is.
package struct ProgressNote: Sendable, Hashable, Codable {
    /// 0 … 1; `nil` when it cannot be told.
    package var fraction: Double?
    /// For people.
    package var message: String?
    /// When it was said.
    package var at: Timestamp

    package init(fraction: Double?, message: String?, at: Timestamp) {
        self.fraction = fraction
        self.message = message
        self.at = at
    }
}

/// Feels the pulse of executions; called on the thread that gives the sign.
package protocol PulseWatch: AnyObject, Sendable {
    /// `execution` says that it is alive.
    func didBeat(_ execution: ExecutionID)
    /// `execution` says how far it is.
    func didProgress(_ execution: ExecutionID, to note: ProgressNote)
}

/// Counts an execution's signs of life, and passes its progress on.
package final class ExecutionPulse: Sendable {
    private let beats = Atomic<Int64>(0)
    private let execution: ExecutionID
    private let watch: (any PulseWatch)?

    /// The pulse of `execution`, which `watch` feels.
    package init(of execution: ExecutionID, feltBy watch: (any PulseWatch)?) {
        self.execution = execution
        self.watch = watch
    }

    /// How many signs there were.
    package var count: Int64 { beats.load(ordering: .relaxed) }

    /// The execution says that it is alive.
    package func beat() {
        beats.add(1, ordering: .relaxed)
        watch?.didBeat(execution)
    }

    /// The execution says how far it is.
    package func progressed(_ note: ProgressNote) {
        beats.add(1, ordering: .relaxed)
        watch?.didProgress(execution, to: note)
    }
}

extension ExecutionContext {
    /// Says that this execution is alive, for a handler with a `heartbeatTimeout` that is silent for long; cheap, as often as you like.
    /// Progress and log lines say so, too.
    public func heartbeat() { pulse.beat() }

    /// Says how far this execution is: shown by `show`, `wait` and `logs -f`, and told in the event stream. As often as you like: the newest
    /// is written a few times a second. Never fails; what an execution says that has lost its lease is not kept.
    /// - Parameters:
    ///   - fraction: 0 … 1, cut to that; `nil` (or not a number) when it cannot be told.
    ///   - message: For people, at most 500 bytes; the rest is cut. Redacted as the execution's log is.
    public func progress(_ fraction: Double?, _ message: String? = nil) {
        let fraction = fraction.flatMap { $0.isNaN ? nil : min(max($0, 0), 1) }
        let message = message.map { ExecutionContext.cut(log.redaction?.redacted($0) ?? $0, to: ExecutionContext.progressMessageBytes) }
        pulse.progressed(ProgressNote(fraction: fraction, message: message, at: now()))
    }

    /// What is kept of a message about progress: 500 bytes.
    package static let progressMessageBytes = 500

    /// `text`, at most so many bytes; a character is kept or left out as a whole.
    private static func cut(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while end > text.startIndex, text.utf8[end] & 0xC0 == 0x80 { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
