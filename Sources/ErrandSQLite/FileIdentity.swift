// Whether two names lead to one file or directory.

#if canImport(Glibc)
import Glibc
#endif

/// What a name leads to, whatever it is called.
struct FileIdentity: Equatable {
    private let device: UInt
    private let inode: UInt

    /// What is at `path`, all links followed; `nil` when nothing can be seen there.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode) = (UInt(status.st_dev), UInt(status.st_ino))
    }
}
