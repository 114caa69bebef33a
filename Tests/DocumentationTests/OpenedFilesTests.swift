// The second hazard of SQLite as a test: whoever opens a database file outside of SQLite and closes it again drops all of SQLite's
// locks of the process, and later commits can vanish. So every place that opens files by itself is listed here.

import Foundation
import Testing

@Suite struct OpenedFilesTests {
    /// Who may open files, and which; a new place is a decision, made here. Databases are nobody's but SQLite's.
    private static let openers: [String: String] = [
        "ErrandBench/ChildWorker.swift": "/proc",
        "ErrandBench/MachineFacts.swift": "/proc",
        "ErrandCLI/App/InputReading.swift": "a payload that a person names, before the store is opened",
        "ErrandHandlers/ErrandConfiguration.swift": "errand.yaml",
        "ErrandHandlers/Isolation/ChildChannel.swift": "/dev/null",
        "ErrandHandlers/ProcessCensus.swift": "/proc",
        "ErrandSchedules/ZoneDirectory.swift": "the files of time zones",
        "ErrandSQLite/Ballast.swift": "the ballast",
        "ErrandSQLite/BootIdentity.swift": "/proc",
        "ErrandSQLite/CrashDirectory.swift": "crash files",
        "ErrandSQLite/DoorbellDirectory.swift": "a directory",
        "ErrandSQLite/StoreDirectory.swift": "a directory",
        "ErrandSQLite/StoreLock.swift": "the lock file",
        "ErrandSQLite/WriteAheadLog.swift": "a write-ahead log, which SQLite takes no locks on",
        "ErrandTesting/ModelCrashLedger.swift": "/dev/null",
        "ErrandCLI/App/ByteSource.swift": "what the caller names: a batch, or an export, which does not lie in the store",
        "ErrandCLI/Transfer/ExportFile.swift": "an export, which does not lie in the store",
        "CErrand/process.c": "/dev/null, in a child",
        "CErrand/streams.c": "/dev/null",
    ]

    /// Calls that open files: of the C library, of Foundation, of SwiftSystem and of NIO.
    private static var calls: Regex<Substring> {
        #/(?:\bGlibc\.open|(?:^|[^.\w`])open|\bopenat|\bopen64|\bfopen|\bfreopen|\bcreat)\([^)]*O_|\bfopen\(|FileHandle\(for|contentsOfFile:|contents\(atPath:|FileDescriptor\.open|Data\(contentsOf:|NonBlockingFileIO/#
    }

    @Test func `only the listed places open files by themselves`() throws {
        var found: Set<String> = []
        for (file, lines) in try OpenedFilesTests.sources() {
            for line in lines where line.contains(OpenedFilesTests.calls) { found.insert(file) }
            // A flag word in a variable is an opening as well.
            if lines.contains(where: { $0.contains("O_RDONLY") || $0.contains("O_RDWR") || $0.contains("O_WRONLY") }) { found.insert(file) }
        }
        #expect(found.sorted() == OpenedFilesTests.openers.keys.sorted())
    }

    @Test func `the search finds openings as people write them`() {
        for line in [
            "let file = open(path, O_RDONLY)", "Glibc.open(file, flags | O_CLOEXEC)", #"fopen(path, "r")"#,
            "try FileHandle(forReadingFrom: url)", "FileManager.default.contents(atPath: path)", "try Data(contentsOf: url)",
        ] { #expect(line.contains(OpenedFilesTests.calls), "\(line)") }
        #expect(!"try SQLiteStore.open(directory: path)".contains(OpenedFilesTests.calls))
    }

    @Test func `one place opens SQLite connections, so that every one of them keeps its hands off checkpoints`() throws {
        var openers: Set<String> = []
        var checkpointers: Set<String> = []
        for (file, lines) in try OpenedFilesTests.sources() {
            if lines.contains(where: { $0.contains("sqlite3_open") }) { openers.insert(file) }
            if lines.contains(where: { $0.contains("sqlite3_wal_checkpoint") || $0.contains("PRAGMA wal_checkpoint") }) {
                checkpointers.insert(file)
            }
        }
        #expect(openers == ["ErrandSQLite/Connection.swift"])
        #expect(checkpointers == ["ErrandSQLite/Connection.swift"])
        let code = try #require(try OpenedFilesTests.sources().first { $0.file == "ErrandSQLite/Connection.swift" })
        let connection = code.lines.joined(separator: "\n")
        for part in ["wal_autocheckpoint=0", "errand_sqlite_no_checkpoint_on_close(handle)", "SQLITE_CHECKPOINT_TRUNCATE", "mmap_size=0"] {
            #expect(connection.contains(part), "\(part)")
        }
        for mode in ["SQLITE_CHECKPOINT_PASSIVE", "SQLITE_CHECKPOINT_FULL", "SQLITE_CHECKPOINT_RESTART"] {
            #expect(!connection.contains(mode))
        }
    }

    /// The lines of code of all sources, comments left out.
    private static func sources() throws -> [(file: String, lines: [String])] {
        let folder = RoomsTests.root + "/Sources"
        return try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
            .filter { $0.hasSuffix(".swift") || $0.hasSuffix(".c") }.sorted().map { file in
                let lines = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8).split(separator: "\n").map(String.init)
                return (file, lines.filter { !$0.drop { $0 == " " }.hasPrefix("//") })
            }
    }
}
