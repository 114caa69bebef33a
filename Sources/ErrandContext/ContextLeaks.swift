// The leak detector: which places in the code write lines whose execution could not be told, or was not the one they ran in.

import Synchronization

/// A place in the code whose lines were flagged.
public struct ContextLeak: Sendable, Hashable {
    /// What is unusual about its lines: one of `after_end`, `crossed`, `ambient_lost`, `unattributed`.
    public var flag: LogFlags
    /// The place, `Module/File.swift:12`.
    public var site: String
    /// The label of the logger that was used there first.
    public var logger: String
    /// How many lines it has written so far.
    public var count: Int
    /// The execution of its first line; `nil` for a line of none.
    public var firstExecutionID: ExecutionID?
}

/// The flagged places of this process since it started, gathered as lines are logged; printed lines, which do not say where they come
/// from, are not among them.
public enum ContextLeaks {
    private struct Place: Hashable {
        var flag: LogFlags
        var file: String
        var line: UInt
    }

    private struct State {
        var leaks: [Place: ContextLeak] = [:]
        var overlooked = 0
    }

    private static let state = Mutex(State())

    /// How many places are told apart; lines of further ones are only counted: 1,000.
    public static let limit = 1000

    /// The places so far, by flag and place.
    public static var found: [ContextLeak] {
        state.withLock { Array($0.leaks.values) }.sorted { ($0.flag.rawValue, $0.site) < ($1.flag.rawValue, $1.site) }
    }

    /// How many lines places beyond ``limit`` have written.
    public static var overlooked: Int { state.withLock { $0.overlooked } }

    /// Forgets all places and sets ``overlooked`` to 0, for tests.
    public static func reset() { state.withLock { $0 = State() } }

    /// Notes a flagged line.
    static func note(_ flags: LogFlags, file: String, line: UInt, logger: String, execution: ExecutionID?) {
        for (flag, _) in LogFlags.names where LogFlags.leaks.contains(flag) && flags.contains(flag) {
            let place = Place(flag: flag, file: file, line: line)
            state.withLock { state in
                if state.leaks[place] != nil {
                    state.leaks[place]?.count += 1
                } else if state.leaks.count < limit {
                    state.leaks[place] = ContextLeak(
                        flag: flag, site: "\(file):\(line)", logger: logger, count: 1, firstExecutionID: execution)
                } else {
                    state.overlooked += 1
                }
            }
        }
    }
}
