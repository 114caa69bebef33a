// Doors into the room for the tests that look behind the seams.

import CSQLite
import Glibc

@testable import ErrandSQLite

/// A socket in a doorbell directory whose process is gone.
struct SocketProbe {
    private let directory: DoorbellDirectory
    private let name: String
    private var socket: Int32?

    init(path: String, name: String) {
        directory = DoorbellDirectory(path: path)
        self.name = name
    }

    mutating func bind() -> Bool {
        socket = directory.bind(name)
        return socket != nil
    }

    mutating func close() {
        if let socket { Glibc.close(socket) }
        socket = nil
    }

    static func names(_ path: String) -> [String] { (directoryEntries(path) ?? []).sorted() }
}

/// Counts how much SQLite's virtual machine works, in hundreds of steps.
final class StepCounter {
    private let connection: Connection
    private let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)

    init(_ connection: Connection) {
        self.connection = connection
        count.initialize(to: 0)
        sqlite3_progress_handler(
            connection.handle, 100,
            { pointer in
                pointer!.assumingMemoryBound(to: Int.self).pointee += 1
                return 0
            }, count)
    }

    deinit { count.deallocate() }

    var steps: Int { count.pointee }

    func stop() { sqlite3_progress_handler(connection.handle, 0, nil, nil) }
}
