// One prepared statement: bind by position, step, read by position.

import CSQLite
import Errand

/// A prepared statement. Parameters are numbered in the order in which their names first occur, from 1; columns from 0.
final class Statement {
    private let handle: OpaquePointer
    private unowned let connection: Connection
    private var bindCode: Int32 = SQLITE_OK

    init(_ handle: OpaquePointer, on connection: Connection) {
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    // MARK: Running

    /// Steps to the next row; `false` at the end, which also resets.
    func step() throws(JobStoreError) -> Bool {
        guard bindCode == SQLITE_OK else { throw failed(bindCode) }
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        guard code == SQLITE_DONE else { throw failed(code) }
        sqlite3_reset(handle)
        return false
    }

    /// Runs to the end, ignoring rows.
    func run() throws(JobStoreError) {
        while try step() {}
    }

    /// Runs `row` for each row.
    func forEach(_ row: (Statement) throws(JobStoreError) -> Void) throws(JobStoreError) {
        defer { reset() }
        while try step() { try row(self) }
    }

    /// What `read` makes of the first row, or `nil` when there is none.
    func first<Value>(_ read: (Statement) throws(JobStoreError) -> Value) throws(JobStoreError) -> Value? {
        defer { reset() }
        return try step() ? try read(self) : nil
    }

    /// Ends a walk before its last row, so that the statement holds no snapshot and no cursor.
    func reset() { sqlite3_reset(handle) }

    private func failed(_ code: Int32) -> JobStoreError {
        let error = connection.failure(code)
        bindCode = SQLITE_OK
        sqlite3_reset(handle)
        return error
    }

    // MARK: Parameters

    @discardableResult func bind(_ index: Int32, _ value: Int64) -> Statement {
        bindCode |= sqlite3_bind_int64(handle, index, value)
        return self
    }

    @discardableResult func bind(_ index: Int32, _ value: Int64?) -> Statement {
        bindCode |= value.map { sqlite3_bind_int64(handle, index, $0) } ?? sqlite3_bind_null(handle, index)
        return self
    }

    @discardableResult func bind(_ index: Int32, real value: Double?) -> Statement {
        bindCode |= value.map { sqlite3_bind_double(handle, index, $0) } ?? sqlite3_bind_null(handle, index)
        return self
    }

    @discardableResult func bind(_ index: Int32, text: String?) -> Statement {
        guard var text else {
            bindCode |= sqlite3_bind_null(handle, index)
            return self
        }
        bindCode |= text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { sqlite3_bind_text(handle, index, $0.baseAddress, Int32($0.count), Statement.copied) }
        }
        return self
    }

    @discardableResult func bind(_ index: Int32, blob: [UInt8]?) -> Statement {
        guard let blob else {
            bindCode |= sqlite3_bind_null(handle, index)
            return self
        }
        bindCode |= blob.withUnsafeBytes { bytes in
            // A null pointer would bind NULL, so an empty blob needs a length of its own.
            bytes.isEmpty
                ? sqlite3_bind_zeroblob(handle, index, 0)
                : sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), Statement.copied)
        }
        return self
    }

    /// SQLITE_TRANSIENT: SQLite keeps a copy of its own.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    // MARK: Columns

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    func optionalReal(_ column: Int32) -> Double? { isNull(column) ? nil : sqlite3_column_double(handle, column) }

    func text(_ column: Int32) -> String { optionalText(column) ?? "" }

    func optionalText(_ column: Int32) -> String? {
        guard let start = sqlite3_column_text(handle, column) else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self)
    }

    /// Whether a column holds nothing, or text that is UTF-8: SQLite takes any bytes as text.
    func isUTF8(_ column: Int32) -> Bool {
        guard let start = sqlite3_column_text(handle, column) else { return true }
        return String(validating: UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self) != nil
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    func optionalBytes(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
}
