// Where a store may live: on disks of this machine, and nowhere else.

import Errand
import ErrandSQLite
import Glibc
import Synchronization
import Testing

@Suite struct FileSystemTests {
    private func open(_ directory: TemporaryDirectory, on type: Int64) throws -> SQLiteStore {
        var options = SQLiteStoreOptions()
        options.fileSystem = { _ in type }
        return try SQLiteStore.open(directory: directory.path, options: options)
    }

    @Test(
        arguments: [
            (0x6969, "NFS"), (0x517B, "SMB"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB"), (0x0102_1997, "9P"), (0x00C3_6400, "Ceph"),
            (0x5346_414F, "AFS"), (0x0BD0_0BD0, "Lustre"), (0x0116_1970, "GFS2"), (0x7461_636F, "OCFS2"),
        ] as [(Int64, String)])
    func `a store on a network file system is refused, and nothing is made there`(type: Int64, name: String) throws {
        let directory = TemporaryDirectory()
        let error = #expect(throws: JobStoreError.self) { try open(directory, on: type) }
        let text = try #require(error).description
        #expect(text.contains("\(directory.path) is on \(name), a network file system"))
        #expect(text.contains("put the store on a local disk"))
        #expect(access(directory.path, F_OK) != 0)
    }

    @Test(arguments: [(0xEF53, .local), (0x6573_5546, .fuse), (0x0102_1994, .memory), (0x9123_683E, .local)] as [(Int64, FileSystem.Kind)])
    func `a store on a disk, in memory or under FUSE opens`(type: Int64, kind: FileSystem.Kind) throws {
        #expect(FileSystem(type: type).kind == kind)
        try open(TemporaryDirectory(), on: type).close()
    }

    @Test func `a directory that does not exist yet is judged by the one that will hold it`() throws {
        let directory = TemporaryDirectory()
        let asked = Mutex<[String]>([])
        var options = SQLiteStoreOptions()
        options.fileSystem = { path in
            asked.withLock { $0.append(path) }
            return path == "/tmp" || path == "." ? 0x6969 : Int64(-ENOENT)
        }
        #expect(throws: JobStoreError.self) { try SQLiteStore.open(directory: "\(directory.path)/a", options: options) }
        #expect(asked.withLock { $0 } == ["\(directory.path)/a", directory.path, "/tmp"])
        #expect(throws: JobStoreError.self) { try SQLiteStore.open(directory: "a/b", options: options) }
        #expect(asked.withLock { Array($0.dropFirst(3)) }.starts(with: ["a/b", "a", "."]))
    }

    @Test func `the machine tells of its own disks`() {
        #expect(FileSystem.machine("/proc") == 0x9FA0)
        #expect(FileSystem.machine("/no/such/path") == Int64(-ENOENT))
    }
}
