// A restored store: its lease tokens never meet those that the original has handed out since the backup.

import Errand
import ErrandContext

/// The mark of a copy: it has one table more than its original.
///
/// The original goes on after a backup, and hands out ordinals that the copy knows nothing of. So the first worker that joins on a
/// copy raises the lowest ordinal that it hands out to the seconds since 2025: more than any job has been claimed times since then,
/// and more than an earlier restore of the same backup has reached. Looking at a copy, or enqueueing to it, leaves it a copy.
enum Restore {
    /// Marks `connection`'s database as a copy, in the caller's transaction. An Errand that does not know the mark must not write to it,
    /// and its first opener takes the boot for a new one, so that the names in its directory reach the disk.
    static func mark(_ connection: Connection) throws(JobStoreError) {
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS errand_restore(
              one INTEGER PRIMARY KEY CHECK(one = 1), first_ordinal INTEGER NOT NULL, is_pending INTEGER NOT NULL) STRICT;
            INSERT INTO errand_restore VALUES(1, 0, 1) ON CONFLICT(one) DO UPDATE SET is_pending = 1;
            UPDATE errand_meta SET min_writer = max(min_writer, \(Schema.version)), boot_id = '';
            """)
    }

    /// The lowest ordinal that the store hands out; 0 when it was never restored.
    static func firstOrdinal(_ connection: Connection) throws(JobStoreError) -> Int64 {
        guard try connection.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'errand_restore'") != nil else {
            return 0
        }
        return try connection.integer("SELECT first_ordinal FROM errand_restore") ?? 0
    }

    /// Makes a copy a store of its own, when a worker joins; gives the lowest ordinal that it hands out.
    static func begin(_ connection: Connection, now: Int64) throws(JobStoreError) -> Int64 {
        guard try connection.integer("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'errand_restore'") != nil else {
            return 0
        }
        let seconds = max(0, now / 1_000_000 - QueueDatabase.epochMilliseconds / 1000)
        try connection.execute(
            "UPDATE errand_restore SET first_ordinal = max(first_ordinal + 1, \(seconds)), is_pending = 0 WHERE is_pending = 1")
        return try firstOrdinal(connection)
    }
}
