// An application with a SQLite connection of its own, which knows no more of Errand than the documents tell.

import CSQLite
import Errand

/// What SQLite says to an application.
struct SQLiteMessage: Error, Equatable {
    var text: String
}

/// A connection as any program opens one.
final class Application {
    let handle: OpaquePointer

    init(_ path: String) throws {
        var opened: OpaquePointer?
        let code = sqlite3_open(path, &opened)
        guard code == SQLITE_OK, let opened else { throw SQLiteMessage(text: "\(path): \(code)") }
        handle = opened
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit {
        // Unlike sqlite3_close_v2 it refuses where a statement was left behind on the connection.
        precondition(sqlite3_close(handle) == SQLITE_OK, "something was left on the application's connection")
    }

    func run(_ sql: String) throws(SQLiteMessage) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw SQLiteMessage(text: String(cString: sqlite3_errmsg(handle)))
        }
    }

    /// What SQLite says when `sql` is refused; `nil` when it is not.
    func refusal(_ sql: String) -> String? {
        do throws(SQLiteMessage) {
            try run(sql)
            return nil
        } catch {
            return error.text
        }
    }

    /// The first column of all rows.
    func texts(_ sql: String) throws -> [String] {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
            throw SQLiteMessage(text: String(cString: sqlite3_errmsg(handle)))
        }
        var found: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW { found.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "") }
        return found
    }

    func number(_ sql: String) throws -> Int { Int(try texts(sql).first ?? "") ?? -1 }
}
