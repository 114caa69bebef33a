// How much room the store's file system has, and how much of it the store leaves alone.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// The room on a file system at one moment.
package struct DiskSpace: Sendable, Hashable {
    /// Bytes that anybody may still use.
    package var free: Int
    /// Bytes in all.
    package var total: Int
    /// Bytes that the store's write-ahead logs will need once more, when they are copied into their databases.
    package var pending: Int

    /// A moment.
    package init(free: Int, total: Int, pending: Int = 0) {
        self.free = free
        self.total = total
        self.pending = pending
    }

    /// What is left once the write-ahead logs have been copied.
    var spare: Int { free - pending }

    /// The room around `directory`; `nil` when the file system does not tell, as a tmpfs without a limit.
    static func look(at directory: String) -> DiskSpace? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0, status.f_blocks > 0 else { return nil }
        let block = Int(clamping: status.f_frsize)
        let pending = size(of: "\(StoreDirectory(path: directory).queue)-wal") + size(of: "\(directory)/logs.db-wal")
        return DiskSpace(free: Int(clamping: status.f_bavail) * block, total: Int(clamping: status.f_blocks) * block, pending: pending)
    }

    /// By path only: opening a database file and closing it would drop SQLite's locks.
    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

/// How much room the store keeps free for itself.
package struct SpaceRules: Sendable, Hashable {
    /// Below this nothing is enqueued or claimed; `nil`: a sixteenth of the file system, 64 MiB at most.
    package var reserve: Int?
    /// The size of the ballast; `nil`: a sixty-fourth of the file system, 8 MiB at most.
    package var ballast: Int?

    /// What is wanted; `nil` is the default.
    package init(reserve: Int? = nil, ballast: Int? = nil) {
        self.reserve = reserve
        self.ballast = ballast
    }

    /// Below this nothing is enqueued or claimed.
    package func reserve(of space: DiskSpace) -> Int { reserve ?? min(64 << 20, space.total / 16) }
    /// Below this no log is kept: logs stop before state does.
    package func logReserve(of space: DiskSpace) -> Int { 2 * reserve(of: space) }
    /// The size of the ballast.
    package func ballast(of space: DiskSpace) -> Int { ballast ?? min(8 << 20, space.total / 64) }

    /// Whether there is room to make the ballast: twice its size, besides what is kept free anyway.
    func hasRoomForBallast(in space: DiskSpace) -> Bool { space.spare >= reserve(of: space) + 2 * ballast(of: space) }
}

/// What a store may do with the room that there is.
final class SpaceGuard: Sendable {
    let directory: String
    let rules: SpaceRules
    private let look: @Sendable () -> DiskSpace?

    /// The guard of the store in `directory`; `look` stands in for the file system in tests.
    init(directory: String, rules: SpaceRules, look: (@Sendable () -> DiskSpace?)? = nil) {
        self.directory = directory
        self.rules = rules
        self.look = look ?? { DiskSpace.look(at: directory) }
    }

    /// The room at this moment. One statvfs and two stats, some microseconds.
    var space: DiskSpace? { look() }

    /// Why no job may be enqueued or claimed at this moment; `nil` when one may.
    func shortageForJobs() -> String? {
        guard let space = look() else { return nil }
        let reserve = rules.reserve(of: space)
        guard space.spare < reserve else { return nil }
        return
            "\(directory) has \(room(space)), and the last \(ByteText.short(reserve)) are kept for the outcomes of running jobs: free some space, and work goes on by itself (or keep less, with --reserve or ERRAND_RESERVE)"
    }

    /// Why log lines of `bytes` may not be kept at this moment; `nil` when they may. They are written twice, to the write-ahead log and from
    /// there: a large batch must not take what jobs need.
    func shortageForLogs(of bytes: Int = 0) -> String? {
        guard let space = look() else { return nil }
        let reserve = rules.logReserve(of: space)
        guard space.spare - 2 * bytes < reserve else { return nil }
        return
            "\(directory) has \(room(space)), and the last \(ByteText.short(reserve)) are not for logs: free some space, and lines are kept again"
    }

    private func room(_ space: DiskSpace) -> String {
        let free = "\(ByteText.short(space.free)) free"
        return space.pending > 1 << 20 ? "\(free), \(ByteText.short(space.pending)) of it for write-ahead logs" : free
    }
}

/// The room of a store from outside, for the doctor.
package struct SpaceReport: Sendable, Hashable {
    /// Bytes that are free.
    package var free: Int
    /// Bytes that the write-ahead logs will need once more.
    package var pending: Int
    /// Below this no job is taken in or started.
    package var reserve: Int
    /// Below this no log line is kept.
    package var logReserve: Int
    /// The size of the ballast, 0 when there is none.
    package var ballast: Int
    /// The size that it should have.
    package var wantedBallast: Int

    /// Whether jobs are refused.
    package var isShortForJobs: Bool { free - pending < reserve }
    /// Whether log lines are dropped.
    package var isShortForLogs: Bool { free - pending < logReserve }

    /// The room around the store in `directory`; `nil` when its file system does not tell.
    package static func look(at directory: String, reserve: Int?) -> SpaceReport? {
        guard let space = DiskSpace.look(at: directory) else { return nil }
        let rules = SpaceRules(reserve: reserve)
        return SpaceReport(
            free: space.free, pending: space.pending, reserve: rules.reserve(of: space), logReserve: rules.logReserve(of: space),
            ballast: Ballast.bytes(in: directory), wantedBallast: rules.ballast(of: space))
    }
}
