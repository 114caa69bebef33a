// Doors into the room for the tests that look behind the seams.

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
