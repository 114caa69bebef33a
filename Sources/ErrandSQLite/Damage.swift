// What to do about a damaged file: the same words wherever the damage shows.

/// Advice about files that SQLite cannot read.
enum Damage {
    /// What to do about the damaged file at `path`.
    static func advice(on path: String) -> String {
        guard !path.hasSuffix("/logs.db") else {
            return
                "jobs are not affected, only their log lines are: stop the workers, move logs.db, logs.db-wal and logs.db-shm away and start the workers again, which makes a new one"
        }
        return
            "stop the workers and restore a backup (`errand backup` makes them), or save what can be read with the .recover or .dump of sqlite3; the guide BackupAndRestore has the steps"
    }
}
