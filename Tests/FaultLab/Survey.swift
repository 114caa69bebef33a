// What a fresh opener finds: the files checked by SQLite itself, the tables by rules that hold at every moment.

import CSQLite
import Errand
import ErrandContext
import Glibc

/// The tables of a store that nobody has open, read with plain SQL.
struct Survey {
    struct Row {
        var id: JobID
        var end: (state: Int64, ordinal: Int64, outcome: Int64)?
    }

    /// Jobs by idempotency key.
    var jobs: [String: Row] = [:]
    /// Executions on record that were not their jobs' last, with the codes of their outcomes.
    var executions: [ExecutionID: Int64] = [:]
    var findings: [Finding] = []

    /// Reads the store in `directory`; whatever is wrong with it is a finding.
    init(directory: String) {
        do throws(Unreadable) {
            try read(directory)
        } catch {
            findings.append(.init(.damaged, error.text))
        }
    }

    private struct Unreadable: Error { var text: String }

    /// Facts that hold whenever no transaction is open: the query gives what contradicts them.
    private static let rules = [
        "a job in no or in several states": """
        SELECT count(*) FROM errand_job j WHERE 1 <> (SELECT count(*) FROM (
            SELECT id FROM errand_available UNION ALL SELECT id FROM errand_waiting UNION ALL SELECT id FROM errand_scheduled
            UNION ALL SELECT id FROM errand_held UNION ALL SELECT id FROM errand_running UNION ALL SELECT id FROM errand_finished) s
            WHERE s.id = j.id)
        """,
        "a state without a job": """
        SELECT count(*) FROM (SELECT id FROM errand_available UNION ALL SELECT id FROM errand_scheduled UNION ALL
            SELECT id FROM errand_running UNION ALL SELECT id FROM errand_finished) s
         WHERE NOT EXISTS (SELECT 1 FROM errand_job j WHERE j.id = s.id)
        """,
        "a counter that is off": """
        SELECT (SELECT count(*) FROM errand_finished) <> (SELECT coalesce(sum(jobs), 0) FROM errand_counter)
        """,
        "a completed execution that was not the last": "SELECT count(*) FROM errand_execution WHERE outcome = 0",
        "an ordinal that did not grow": """
        SELECT count(*) FROM errand_execution e JOIN errand_finished f ON f.id = e.job WHERE e.ordinal >= f.ordinal
        """,
        "a key of another job":
            "SELECT count(*) FROM errand_idempotency i WHERE NOT EXISTS (SELECT 1 FROM errand_job j WHERE j.id = i.job)",
    ]

    private mutating func read(_ directory: String) throws(Unreadable) {
        let queue = try Survey.open("\(directory)/queue.db")
        defer { sqlite3_close_v2(queue) }
        try check(queue, "queue.db")
        for (what, query) in Survey.rules {
            try Survey.rows(queue, query) { row in
                if sqlite3_column_int64(row, 0) != 0 { findings.append(.init(.damaged, "\(what) (\(sqlite3_column_int64(row, 0)))")) }
            }
        }
        try Survey.rows(
            queue,
            """
            SELECT j.id, coalesce(j.idempotency_key, ''), f.state, f.ordinal, coalesce(f.outcome, -1)
              FROM errand_job j LEFT JOIN errand_finished f ON f.id = j.id
            """
        ) { row in
            let isFinished = sqlite3_column_type(row, 2) != SQLITE_NULL
            jobs[String(cString: sqlite3_column_text(row, 1))] = Row(
                id: JobID(rawValue: sqlite3_column_int64(row, 0)),
                end: isFinished ? (sqlite3_column_int64(row, 2), sqlite3_column_int64(row, 3), sqlite3_column_int64(row, 4)) : nil)
        }
        try Survey.rows(queue, "SELECT job, ordinal, outcome FROM errand_execution") { row in
            executions[ExecutionID(JobID(rawValue: sqlite3_column_int64(row, 0)), sqlite3_column_int64(row, 1))] =
                sqlite3_column_int64(row, 2)
        }
        guard access("\(directory)/logs.db", F_OK) == 0 else { return }
        let logs = try Survey.open("\(directory)/logs.db")
        defer { sqlite3_close_v2(logs) }
        try check(logs, "logs.db")
        try Survey.rows(
            logs, "SELECT (SELECT bytes FROM errand_log_meta) - (SELECT coalesce(sum(length(body)), 0) FROM errand_log_chunk)"
        ) { row in
            if sqlite3_column_int64(row, 0) != 0 { findings.append(.init(.damaged, "logs.db: the number of bytes is off")) }
        }
    }

    private mutating func check(_ database: OpaquePointer, _ name: String) throws(Unreadable) {
        try Survey.rows(database, "PRAGMA integrity_check") { row in
            let text = String(cString: sqlite3_column_text(row, 0))
            if text != "ok" { findings.append(.init(.damaged, "\(name): \(text)")) }
        }
    }

    private static func open(_ path: String) throws(Unreadable) -> OpaquePointer {
        var database: OpaquePointer?
        guard sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK, let database else {
            throw Unreadable(text: "\(path) cannot be opened")
        }
        return database
    }

    private static func rows(_ database: OpaquePointer, _ query: String, _ body: (OpaquePointer) -> Void) throws(Unreadable) {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(database, query, -1, &statement, nil) == SQLITE_OK, let statement else {
            throw Unreadable(text: "\(query): \(String(cString: sqlite3_errmsg(database)))")
        }
        defer { sqlite3_finalize(statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: body(statement)
            case SQLITE_DONE: return
            default: throw Unreadable(text: "\(query): \(String(cString: sqlite3_errmsg(database)))")
            }
        }
    }
}
