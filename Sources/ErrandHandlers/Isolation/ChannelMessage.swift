// What goes over the channel between a worker and an isolated execution's process.

import Errand
import FoundationEssentials
import Logging

/// What the process tells its worker. What the worker says is ``WorkerWord``; the end of that means that the worker is gone.
enum ChannelMessage: Sendable {
    /// Lines of the execution's log.
    case lines(PendingLines)
    /// How far the handler says it is.
    case progress(ProgressNote)
    /// The handler says that it is alive.
    case heartbeat
    /// A step is to be recorded; the worker's answer names the number.
    case step(number: Int64, RecordedStep)
    /// The handler wants to know what a job gave that its own has waited for; the worker's answer names the number.
    case asksForResult(number: Int64, of: JobID)
    /// The handler has ended: the last message.
    case ended(Ending)

    /// How a handler ended.
    enum Ending: Sendable, Hashable {
        /// It returned this result.
        case returned([UInt8]?)
        /// It threw.
        case failed(StoredError)
        /// It wants to run again after this time.
        case snoozed(Duration)
        /// It has given its job up.
        case unrecoverable(StoredError)
        /// It wants its job to be cancelled, for this reason.
        case cancelled(String?)
    }

    /// The first byte of a message.
    private enum Kind: UInt8 {
        case lines = 1
        case returned
        case returnedNothing
        case failed
        case snoozed
        case unrecoverable
        case cancelled
        case cancelledSilently
        case progress
        case heartbeat
        case step
        case asksForResult
    }

    /// The longest message: more than a log keeps in memory.
    static let limitBytes = 8 << 20
    /// Kind and length.
    private static let headBytes = 5

    /// A message's bytes: its kind, its length (four bytes, the lowest first) and its body.
    func bytes() throws -> [UInt8] {
        let (kind, body): (Kind, [UInt8]) =
            switch self {
            case .lines(let lines): (.lines, Array(try JSONEncoder().encode(Facts(lines))) + [UInt8(ascii: "\n")] + lines.body)
            case .ended(.returned(let result?)): (.returned, result)
            case .ended(.returned(nil)): (.returnedNothing, [])
            case .ended(.failed(let error)): (.failed, Array(try JSONEncoder().encode(error)))
            case .ended(.snoozed(let duration)): (.snoozed, Array("\(duration.wholeMicroseconds)".utf8))
            case .ended(.unrecoverable(let error)): (.unrecoverable, Array(try JSONEncoder().encode(error)))
            case .ended(.cancelled(let reason?)): (.cancelled, Array(reason.utf8))
            case .ended(.cancelled(nil)): (.cancelledSilently, [])
            case .progress(let note): (.progress, Array(try JSONEncoder().encode(note)))
            case .heartbeat: (.heartbeat, [])
            case .step(let number, let step):
                (.step, Array(try JSONEncoder().encode(StepHead(number, step))) + [UInt8(ascii: "\n")] + step.result)
            case .asksForResult(let number, let job): (.asksForResult, Array("\(number) \(job)".utf8))
            }
        return [kind.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: body.count >> ($0 * 8)) } + body
    }

    /// Takes the first whole message out of `buffer`; `nil` when none is whole yet.
    /// - Throws: ``Damage`` for what no process of ours writes.
    static func take(from buffer: inout [UInt8]) throws -> ChannelMessage? {
        guard buffer.count >= headBytes else { return nil }
        let length = (0..<4).reduce(0) { $0 | Int(buffer[1 + $1]) << ($1 * 8) }
        guard let kind = Kind(rawValue: buffer[0]), length <= limitBytes else { throw Damage() }
        guard buffer.count >= headBytes + length else { return nil }
        let body = Array(buffer[headBytes..<(headBytes + length)])
        buffer.removeFirst(headBytes + length)
        switch kind {
        case .lines: return .lines(try Facts.lines(in: body))
        case .returned: return .ended(.returned(body))
        case .returnedNothing: return .ended(.returned(nil))
        case .failed: return .ended(.failed(try JSONDecoder().decode(StoredError.self, from: Data(body))))
        case .snoozed:
            guard let microseconds = Int64(String(decoding: body, as: UTF8.self)) else { throw Damage() }
            return .ended(.snoozed(.microseconds(microseconds)))
        case .unrecoverable: return .ended(.unrecoverable(try JSONDecoder().decode(StoredError.self, from: Data(body))))
        case .cancelled: return .ended(.cancelled(String(decoding: body, as: UTF8.self)))
        case .cancelledSilently: return .ended(.cancelled(nil))
        case .progress: return .progress(try JSONDecoder().decode(ProgressNote.self, from: Data(body)))
        case .heartbeat: return .heartbeat
        case .asksForResult:
            let parts = String(decoding: body, as: UTF8.self).split(separator: " ")
            guard parts.count == 2, let number = Int64(parts[0]), let job = JobID(parts[1]) else { throw Damage() }
            return .asksForResult(number: number, of: job)
        case .step:
            guard let end = body.firstIndex(of: UInt8(ascii: "\n")) else { throw Damage() }
            let head = try JSONDecoder().decode(StepHead.self, from: Data(body[..<end]))
            return .step(
                number: head.number,
                RecordedStep(
                    name: head.name, isCursor: head.isCursor, result: Array(body[(end + 1)...]), execution: head.execution))
        }
    }

    /// Somebody else wrote to the channel.
    struct Damage: Error {}
}

/// A step without its result.
private struct StepHead: Codable {
    var number: Int64
    var name: String
    var isCursor: Bool
    var execution: ExecutionID

    init(_ number: Int64, _ step: RecordedStep) {
        (self.number, name, isCursor, execution) = (number, step.name, step.isCursor, step.execution)
    }
}

/// What is known about lines besides their text.
private struct Facts: Codable {
    var first: Int64
    var last: Int64
    var level: Logger.Level
    var flags: Int64
    var counts: [String: Int]
    var crossed: [ExecutionID]

    init(_ lines: PendingLines) {
        first = lines.firstTime.microseconds
        last = lines.lastTime.microseconds
        level = lines.highestLevel
        flags = lines.flags.rawValue
        counts = [:]
        for (flag, name) in LogFlags.names where lines.flagCounts[flag] > 0 { counts[name] = lines.flagCounts[flag] }
        crossed = lines.crossed.sorted()
    }

    static func lines(in body: [UInt8]) throws -> PendingLines {
        guard let end = body.firstIndex(of: UInt8(ascii: "\n")) else { throw ChannelMessage.Damage() }
        let facts = try JSONDecoder().decode(Facts.self, from: Data(body[..<end]))
        var lines = PendingLines()
        lines.firstTime = Timestamp(microseconds: facts.first)
        lines.lastTime = Timestamp(microseconds: facts.last)
        lines.highestLevel = facts.level
        lines.flags = LogFlags(rawValue: facts.flags)
        for (flag, name) in LogFlags.names { if let count = facts.counts[name] { lines.flagCounts[flag] = count } }
        lines.crossed = Set(facts.crossed)
        lines.body = Array(body[(end + 1)...])
        return lines
    }
}
