// SQLite's own judgement of JSON: a second opinion that shares no line with ours.

import CSQLite
import Synchronization

/// `json_valid` of the system's SQLite, RFC 8259 with no look at encodings.
final class SQLiteJSON: Sendable {
    static let shared = SQLiteJSON()

    private struct State: ~Copyable {
        var statement: OpaquePointer?
    }

    private let state: Mutex<State>

    private init() {
        var connection: OpaquePointer?
        var statement: OpaquePointer?
        let opened = sqlite3_open(":memory:", &connection)
        precondition(opened == SQLITE_OK, "no SQLite in memory: \(opened)")
        let prepared = sqlite3_prepare_v2(connection, "SELECT json_valid(?1)", -1, &statement, nil)
        precondition(prepared == SQLITE_OK, "this SQLite has no json_valid: \(prepared)")
        state = Mutex(State(statement: statement))
    }

    /// Whether SQLite takes `bytes`, up to the first NUL among them, for JSON.
    func isValid(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            // One byte more than is read: no text at all would be NULL, which is no text to SQLite.
            let code = (bytes + [0]).withUnsafeBytes { buffer in
                sqlite3_bind_text(
                    state.statement, 1, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count),
                    unsafeBitCast(-1, to: sqlite3_destructor_type.self))
            }
            precondition(code == SQLITE_OK && sqlite3_step(state.statement) == SQLITE_ROW, "json_valid cannot run: \(code)")
            defer { sqlite3_reset(state.statement) }
            return sqlite3_column_int(state.statement, 0) == 1
        }
    }
}
