// The ballast: a file whose deletion makes room for outcomes when the disk is full.

import Errand

#if canImport(Glibc)
import Glibc
#endif

/// The file `ballast` of a store. It is made with the store, deleted for an outcome that met a full disk, and made again by maintenance
/// alone: an opener that made it would hand to enqueues what outcomes need.
struct Ballast: Sendable {
    let directory: StoreDirectory
    let space: SpaceGuard

    /// The ballast that there is, in bytes; 0 for none.
    static func bytes(in directory: String) -> Int {
        var status = stat()
        // What it has been given, not what it claims: a maker may have died in between.
        return stat("\(directory)/ballast", &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }

    /// Deletes the ballast; `false` when there was none. Its blocks can be used as soon as this returns.
    func release() -> Bool {
        guard unlink(directory.ballast) == 0 else { return false }
        // A journalling file system gives the blocks of a deleted file out again after a commit of its own.
        do throws(JobStoreError) {
            try directory.synchronize()
        } catch {
            // The blocks are free all the same, at the latest when the file system's own next commit is due.
        }
        return true
    }

    /// Makes the ballast if it is missing or of another size and there is room for it. Without one the store works all the same.
    func make() {
        guard let room = space.space else { return }
        let wanted = space.rules.ballast(of: room)
        // File systems count in blocks of their own: a little more than was asked for is what was asked for.
        let found = Ballast.bytes(in: directory.path)
        if wanted > 0, (wanted...wanted + (1 << 20)).contains(found) { return }
        if found > 0 { unlink(directory.ballast) }
        guard wanted > 0, space.rules.hasRoomForBallast(in: room) else { return }
        let file = open(directory.ballast, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        fchmod(file, 0o600)
        if posix_fallocate(file, 0, off_t(wanted)) != 0 { unlink(directory.ballast) }
    }
}
