// What a worker says to an isolated execution's process.

import Errand
import FoundationEssentials

/// A word of the worker over the channel.
enum WorkerWord: Sendable, Hashable {
    /// The handler shall end.
    case cancel
    /// What became of a step that was to be recorded.
    case answer(StepAnswer)
    /// What a job gave that the process's own has waited for.
    case result(ResultAnswer)

    /// What a job gave.
    struct ResultAnswer: Sendable, Hashable {
        /// Which question, by the number that the process gave it.
        var number: Int64
        /// The result; `nil` when the job gave none, or it could not be read.
        var result: [UInt8]?
        /// Why it could not be read.
        var problem: String?
    }

    /// What became of a step.
    struct StepAnswer: Sendable, Hashable, Codable {
        /// Which, by the number that the process gave it.
        var number: Int64
        /// Why it is not recorded; `nil`: it is.
        var problem: Problem?
    }

    /// Why a step is not recorded.
    enum Problem: Sendable, Hashable, Codable {
        case leaseLost
        case refused(String)
        case failed(String)

        init(_ error: any Error) {
            switch error as? StepError {
            case .leaseLost: self = .leaseLost
            case .refused(let reason): self = .refused(reason)
            case .store(let error): self = .failed(error.description)
            default: self = .failed("\(error)")
            }
        }

        /// What the handler gets to see.
        func error(step name: String) -> StepError {
            switch self {
            case .leaseLost: .leaseLost(name: name)
            case .refused(let reason): .refused(reason: reason)
            case .failed(let reason): .store(.unavailable(reason: reason))
            }
        }
    }

    /// The longest answer: a result, and what encryption adds to it.
    static let limitBytes = Limits.resultBytes + (64 << 10)

    /// A word's bytes: one that says what it is, and for an answer its length (four bytes, the lowest first) and JSON.
    func bytes() throws -> [UInt8] {
        switch self {
        case .cancel: return [1]
        case .answer(let answer):
            let body = Array(try JSONEncoder().encode(answer))
            return WorkerWord.framed(2, body)
        case .result(let answer):
            // The number, a mark for what follows, and that as it is.
            let (mark, rest): (String, [UInt8]) =
                switch (answer.problem, answer.result) {
                case (let problem?, _): ("problem", Array(problem.utf8))
                case (nil, let result?): ("result", result)
                case (nil, nil): ("nothing", [])
                }
            return WorkerWord.framed(3, Array("\(answer.number) \(mark)\n".utf8) + rest)
        }
    }

    private static func framed(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        [kind] + (0..<4).map { UInt8(truncatingIfNeeded: body.count >> ($0 * 8)) } + body
    }

    private static func resultAnswer(_ body: ArraySlice<UInt8>) throws -> ResultAnswer {
        guard let end = body.firstIndex(of: UInt8(ascii: "\n")) else { throw ChannelMessage.Damage() }
        let head = String(decoding: body[..<end], as: UTF8.self).split(separator: " ")
        guard head.count == 2, let number = Int64(head[0]) else { throw ChannelMessage.Damage() }
        let rest = Array(body[(end + 1)...])
        switch head[1] {
        case "problem": return ResultAnswer(number: number, problem: String(decoding: rest, as: UTF8.self))
        case "result": return ResultAnswer(number: number, result: rest)
        case "nothing": return ResultAnswer(number: number)
        default: throw ChannelMessage.Damage()
        }
    }

    /// Takes the first whole word out of `buffer`; `nil` when none is whole yet.
    /// - Throws: ``ChannelMessage/Damage`` for what no worker of ours says.
    static func take(from buffer: inout [UInt8]) throws -> WorkerWord? {
        guard let kind = buffer.first else { return nil }
        if kind == 1 {
            buffer.removeFirst()
            return .cancel
        }
        guard kind == 2 || kind == 3 else { throw ChannelMessage.Damage() }
        guard buffer.count >= 5 else { return nil }
        let length = (0..<4).reduce(0) { $0 | Int(buffer[1 + $1]) << ($1 * 8) }
        guard length <= limitBytes else { throw ChannelMessage.Damage() }
        guard buffer.count >= 5 + length else { return nil }
        if kind == 3 {
            let answer = try resultAnswer(buffer[5..<(5 + length)])
            buffer.removeFirst(5 + length)
            return .result(answer)
        }
        let answer = try JSONDecoder().decode(StepAnswer.self, from: Data(buffer[5..<(5 + length)]))
        buffer.removeFirst(5 + length)
        return .answer(answer)
    }
}
