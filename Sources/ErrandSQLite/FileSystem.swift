// On what kind of file system a store lies: some cannot keep SQLite's promises.

import CErrand
import Errand

#if canImport(Glibc)
import Glibc
#endif

/// A file system, by the magic number that statfs(2) gives it.
package struct FileSystem: Hashable, Sendable {
    /// What a kind of file system means for a store.
    package enum Kind: Hashable, Sendable {
        /// A disk of this machine, as far as the number tells.
        case local
        /// In memory: the store is gone after a restart of the machine.
        case memory
        /// A program plays file system: it may be a local disk or a server far away, and only its owner knows.
        case fuse
        /// A server's, or one that several machines share. Refused: SQLite's write-ahead log keeps its index in memory that all
        /// its processes share, and its locks must hold among them (https://www.sqlite.org/wal.html, "same host computer").
        case network(name: String)
    }

    /// The magic number.
    package let type: Int64

    /// The file system of a magic number.
    package init(type: Int64) { self.type = type }

    /// What it means for a store.
    package var kind: Kind {
        if let name = FileSystem.networks[type] { return .network(name: name) }
        switch type {
        case 0x0102_1994, 0x8584_58F6: return .memory
        case 0x6573_5546: return .fuse
        default: return .local
        }
    }

    /// Asks for the magic number of the file system that holds a path; gives a negative errno where that fails.
    package typealias Probe = @Sendable (_ path: String) -> Int64

    /// The machine's own answer.
    package static let machine: Probe = { errand_file_system_type($0) }

    /// Refuses a path, which need not exist yet, on a file system where no store can live.
    /// - Throws: `JobStoreError.unavailable`.
    static func refuseNetworks(at path: String, asking probe: Probe) throws(JobStoreError) {
        var place = path
        var type = probe(place)
        while type == Int64(-ENOENT), place != "/", place != "." {
            place = StoreDirectory.parent(of: place)
            type = probe(place)
        }
        guard case .network(let name) = FileSystem(type: type).kind else { return }
        throw .unavailable(
            reason:
                "\(path) is on \(name), a network file system: SQLite's locks and shared memory do not hold there, and jobs would be lost or run twice; put the store on a local disk, and let other machines reach it through a program on this one"
        )
    }

    /// From the kernel's magic.h, coreutils' stat.c and the file systems' own sources.
    private static let networks: [Int64: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x0102_1997: "9P", 0x00C3_6400: "Ceph",
        0x5346_414F: "AFS", 0x6B41_4653: "AFS", 0x2003_0528: "OrangeFS", 0x7375_7245: "Coda", 0x564C: "NCP", 0x0BD0_0BD0: "Lustre",
        0x0116_1970: "GFS2", 0x7461_636F: "OCFS2", 0x4750_4653: "GPFS", 0x0131_11A8: "IBRIX", 0xAAD7_AAEA: "PanFS",
        0x786F_4256: "a VirtualBox shared folder", 0xBACB_ACBC: "a VMware shared folder",
    ]
}
