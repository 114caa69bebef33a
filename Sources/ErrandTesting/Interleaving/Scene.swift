// Many executions play one mechanism at once; what was said is compared with where it was filed.

import Errand
import ErrandContext
import FoundationEssentials
import Logging
import Synchronization

/// A number of jobs, all inside the same mechanism at the same time.
package final class Scene: Sendable {
    /// The numbers of jobs that each mechanism is played with.
    package static let concurrencies = [3, 64, 1000]

    static let ordinary = "ordinary"
    static let captured = "captured"
    static let logger: Logger = {
        TestLogCapture.install()
        return Logger(label: "scene")
    }()

    let meetingPoint: MeetingPoint
    let brokenContext: (any BrokenContext)?
    private let cast = Mutex<[Player]>([])
    private let filed = Mutex<[FiledLine]>([])

    var players: [Player] { cast.withLock { $0 } }

    private init(jobs: Int, brokenContext: (any BrokenContext)?) {
        meetingPoint = MeetingPoint(parties: jobs)
        self.brokenContext = brokenContext
    }

    /// Lets `jobs` jobs play `mechanism`, with our API where `isBound`, and tells where their lines were filed. With `brokenContext`,
    /// the identity is kept there, and not in a scope.
    package static func play(
        _ mechanism: Mechanism, isBound: Bool, jobs: Int, in brokenContext: (any BrokenContext)? = nil
    ) async throws -> Finding {
        let scene = Scene(jobs: jobs, brokenContext: brokenContext)
        let players = (0..<jobs).map { Player(number: $0, context: context(of: Int64($0)), scene: scene) }
        scene.cast.withLock { $0 = players }
        // The players know the scene, and the scene them: the ring ends here.
        defer { scene.cast.withLock { $0 = [] } }
        let play = ((isBound ? mechanism.bound : nil) ?? mechanism.plain)(jobs)
        try await withThrowingDiscardingTaskGroup { group in
            for player in players { group.addTask { try await scene.perform(mechanism, play, as: player) } }
        }
        let lines = try scene.filed.withLock { $0 } + players.flatMap { try stored(of: $0.context) }
        return Finding(lines, said: players.map(\.count).reduce(0, +), jobs: jobs)
    }

    private func perform(_ mechanism: Mechanism, _ play: Mechanism.Play, as player: Player) async throws {
        try await enter(player) {
            await player.meet()
            try await play(player)
            if !mechanism.isLate { await player.hasSpoken(mechanism.says) }
        }
        guard mechanism.isLate else { return }
        player.endExecution()
        await player.hasSpoken(mechanism.says)
    }

    private func enter(_ player: Player, _ body: () async throws -> Void) async throws {
        guard let brokenContext else { return try await player.context.run(body) }
        brokenContext.enter(player.context.executionID)
        try await body()
    }

    func file(under id: ExecutionID?, message: String) {
        filed.withLock { $0.append(FiledLine(under: id, message: message)) }
    }

    private static func context(of job: Int64) -> ExecutionContext {
        ExecutionContext(
            executionID: ExecutionID(JobID(rawValue: job), 1), attempt: 1, maxAttempts: 5, queue: "default", kind: "scene", parent: nil,
            root: nil, trace: nil, meta: [:], sink: NoSink(), now: { Timestamp(microseconds: 0) })
    }

    private struct NoSink: LogSink {
        func hasLines(_ log: ExecutionLog, isUrgent: Bool) {}
    }

    /// What the log of `context` holds, read as a reader of the store would.
    private static func stored(of context: ExecutionContext) throws -> [FiledLine] {
        guard let pending = context.log.takePending() else { return [] }
        let fragment = Data("{".utf8) + context.log.fragment + Data(",".utf8)
        return try pending.body.split(separator: UInt8(ascii: "\n")).map { line in
            let record = try JSONDecoder().decode(StoredLine.self, from: fragment + line + Data("}".utf8))
            return FiledLine(under: record.executionID, message: record.message, flags: Set(record.flags), site: record.metadata.site)
        }
    }

    private struct StoredLine: Decodable {
        var executionID: ExecutionID
        var message: String
        var flags: [String]
        var metadata: Metadata

        struct Metadata: Decodable { var site: String? }

        enum CodingKeys: String, CodingKey {
            case executionID = "execution_id"
            case message, flags, metadata
        }
    }
}

/// A line, and where it was found.
struct FiledLine: Sendable {
    /// The execution in whose log it stood.
    var under: ExecutionID?
    /// What was said; it begins with the true execution.
    var message: String
    /// What the record says about itself.
    var flags: Set<String> = []
    /// Where it was written, for a flagged one.
    var site: String?
}
