// Enqueueing by plain SQL, from any language: a view to insert into, and the table behind it that Errand empties.

import Errand

/// The view `errand_enqueue`, its trigger, and the inbox that it fills.
///
/// What comes through it stays in `errand_inbox` until Errand has looked at it (``QueueDatabase/takeInInbox()``), so that nothing that
/// others write is ever read as a job before all rules have been applied. The trigger refuses what SQL can tell; JSON it cannot, since
/// SQLite's JSON functions are refused in triggers where the schema is not trusted, and missing in some builds.
enum EnqueueView {
    /// Makes all of it.
    static let sql = """
        -- Jobs that plain SQL has enqueued, until Errand has looked at them. problem: why one can never become a job.
        CREATE TABLE errand_inbox(
          id INTEGER PRIMARY KEY, arrived_at INTEGER NOT NULL, kind TEXT NOT NULL, queue TEXT NOT NULL, priority INTEGER NOT NULL,
          run_at INTEGER, max_attempts INTEGER NOT NULL, timeout_us INTEGER, key TEXT, label TEXT, meta TEXT, tags TEXT, limit_key TEXT,
          sequence TEXT, unique_key TEXT, expires_at INTEGER, deadline INTEGER, trace_parent TEXT, problem TEXT, payload BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX errand_inbox_key ON errand_inbox(key) WHERE key IS NOT NULL;
        CREATE INDEX errand_inbox_new ON errand_inbox(id) WHERE problem IS NULL;
        -- For other languages: INSERT INTO errand_enqueue(kind, payload) VALUES('greet', '{"name":"Ada"}'). Read, it gives the IDs.
        CREATE VIEW errand_enqueue AS
          SELECT id AS number, \(base32("id")) AS id, kind, queue, priority, key, label, \(writeOnly.map { "NULL AS \($0)" }.joined(separator: ", "))
            FROM errand_inbox
          UNION ALL
          SELECT j.id, \(base32("j.id")), k.name, q.name, j.priority, i.key, j.label, \(writeOnly.map { _ in "NULL" }.joined(separator: ", "))
            FROM errand_job j CROSS JOIN errand_feed f ON f.id = j.feed CROSS JOIN errand_kind k ON k.id = f.kind
            CROSS JOIN errand_queue q ON q.id = f.queue LEFT JOIN errand_idempotency i ON i.key = j.idempotency_key AND i.job = j.id;
        CREATE TRIGGER errand_enqueue_insert INSTEAD OF INSERT ON errand_enqueue BEGIN
          SELECT CASE
            \(checks.map { "WHEN \($0.fails) THEN RAISE(ABORT, 'errand: \($0.text.replacing("'", with: "''"))')" }.joined(separator: "\n    "))
          END;
          -- Under a key that is known a repetition adds nothing. What is sealed (FF) cannot be compared, and passes for the same.
          SELECT CASE WHEN known.kind = NEW.kind AND (known.payload = \(payload) OR substr(known.payload, 1, 1) = x'ff') THEN RAISE(IGNORE)
                 ELSE RAISE(ABORT, 'errand: the key belongs to a job of another kind or payload') END
            FROM (SELECT kind, payload FROM errand_inbox WHERE key = NEW.key
                  UNION ALL
                  SELECT k.name, j.payload FROM errand_idempotency i CROSS JOIN errand_job j ON j.id = i.job
                    CROSS JOIN errand_feed f ON f.id = j.feed CROSS JOIN errand_kind k ON k.id = f.kind WHERE i.key = NEW.key) AS known;
          UPDATE errand_meta SET last_id = max(max(last_id, coalesce((SELECT max(id) FROM errand_job), 0)) + 1,
            ((\(now) / 1000 - \(QueueDatabase.epochMilliseconds)) << 22) | (random() & 4194303));
          INSERT INTO errand_inbox(id, arrived_at, kind, queue, priority, run_at, max_attempts, timeout_us, key, label, meta, tags, limit_key,
            sequence, unique_key, expires_at, deadline, trace_parent, payload)
          SELECT last_id, \(now), NEW.kind, coalesce(NEW.queue, 'default'), coalesce(NEW.priority, 0), \(time("run_at")),
            coalesce(NEW.max_attempts, 5), CAST(NEW.timeout * 1000000 AS INTEGER), NEW.key, NEW.label, NEW.meta, NEW.tags, NEW.limit_key,
            NEW.sequence, NEW.unique_key, \(time("expires_at")), \(time("deadline")), NEW.trace_parent, \(payload)
            FROM errand_meta WHERE one = 1;
        END;
        """

    /// Columns that can be given and not read back: `errand jobs --json` tells them.
    private static let writeOnly = [
        "payload", "run_at", "max_attempts", "timeout", "meta", "tags", "limit_key", "sequence", "unique_key", "expires_at", "deadline",
        "trace_parent",
    ]

    private static let payload = "CAST(coalesce(NEW.payload, '{}') AS BLOB)"

    /// Microseconds since 1970, to the millisecond: SQLite 3.40 has no finer clock.
    private static let now = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"

    /// A time as it was given, in microseconds: a number is seconds since 1970, a text what SQLite reads as a time.
    private static func time(_ column: String) -> String {
        """
        CASE WHEN typeof(NEW.\(column)) IN ('integer', 'real') THEN CAST(NEW.\(column) * 1000000 AS INTEGER)
             ELSE CAST(round((julianday(NEW.\(column)) - 2440587.5) * 86400000) AS INTEGER) * 1000 END
        """
    }

    /// The text form of a job's ID (``JobID``).
    private static func base32(_ id: String) -> String {
        stride(from: 60, through: 0, by: -5).map { "substr('0123456789abcdefghjkmnpqrstvwxyz', ((\(id) >> \($0)) & 31) + 1, 1)" }
            .joined(separator: " || ")
    }

    /// What the trigger refuses, with what it says; in the order of ``JobRules``.
    private static let checks: [(fails: String, text: String)] =
        [
            ("NEW.number IS NOT NULL OR NEW.id IS NOT NULL", "id and number are given by Errand: leave them out"),
            ("NEW.kind IS NULL", "kind is missing: it picks the handler"),
            (isNoName("NEW.kind"), "kind takes 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"),
            (isNoName("coalesce(NEW.queue, 'default')"), "queue takes 1 to 64 characters of a-z, 0-9, '.', '_' and '-'"),
            ("length(\(payload)) = 0", "the payload is empty: leave it out for {}"),
            (
                "length(\(payload)) > \(Limits.payloadBytes)",
                "the payload has more than \(Limits.payloadBytes) bytes (1 MiB): pass a reference instead"
            ),
            (
                isOutside("coalesce(NEW.priority, 0)", Limits.priorities),
                "priority takes a whole number from \(Limits.priorities.lowerBound) to \(Limits.priorities.upperBound)"
            ),
            (
                isOutside("coalesce(NEW.max_attempts, 5)", Limits.attempts),
                "max_attempts takes a whole number from \(Limits.attempts.lowerBound) to \(Limits.attempts.upperBound)"
            ),
            (
                """
                typeof(NEW.timeout) NOT IN ('null', 'integer', 'real')
                    OR NEW.timeout < 0.000001 OR NEW.timeout > \(Limits.longestDuration.components.seconds)
                """,
                "timeout takes a number of seconds, more than 0 and at most ten years"
            ),
        ]
        + ["run_at", "expires_at", "deadline"].map {
            (
                isNoTime("NEW.\($0)"),
                "\($0) takes a time such as '2030-01-31 08:00:00' (UTC), '2030-01-31T08:00:00+01:00' or seconds since 1970"
            )
        }
        + ["expires_at", "deadline"].map {
            ("NEW.\($0) IS NOT NULL AND NEW.run_at IS NOT NULL AND \(time($0)) <= \(time("run_at"))", "\($0) takes a time behind run_at")
        }
        + [
            ("key", Limits.keyBytes), ("label", Limits.labelBytes), ("meta", Limits.metaBytes), ("tags", Limits.tags * 65),
            ("limit_key", Limits.keyBytes), ("sequence", Limits.keyBytes), ("unique_key", Limits.uniqueKeyBytes), ("trace_parent", 64),
        ].map { (isNoText("NEW.\($0.0)", limit: $0.1), "\($0.0) takes a text of 1 to \($0.1) bytes, without NUL") }

    private static func isNoName(_ value: String) -> String {
        "typeof(\(value)) <> 'text' OR length(CAST(\(value) AS BLOB)) NOT BETWEEN 1 AND 64 OR \(value) GLOB '*[^a-z0-9._-]*'"
            + " OR instr(CAST(\(value) AS BLOB), x'00')"
    }

    private static func isOutside(_ value: String, _ range: ClosedRange<Int>) -> String {
        "typeof(\(value)) <> 'integer' OR \(value) NOT BETWEEN \(range.lowerBound) AND \(range.upperBound)"
    }

    private static func isNoTime(_ value: String) -> String {
        """
        \(value) IS NOT NULL AND CASE typeof(\(value)) WHEN 'text' THEN \(value) NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
            OR julianday(\(value)) IS NULL OR julianday(\(value)) < 2440587.5
            OR strftime('%Y-%m-%d', substr(\(value), 1, 10), '+0 days') IS NOT substr(\(value), 1, 10)
            WHEN 'blob' THEN 1 ELSE \(value) NOT BETWEEN 0 AND 253402300799 END
        """
    }

    private static func isNoText(_ value: String, limit: Int) -> String {
        """
        \(value) IS NOT NULL AND (typeof(\(value)) <> 'text' OR length(CAST(\(value) AS BLOB)) NOT BETWEEN 1 AND \(limit)
            OR instr(CAST(\(value) AS BLOB), x'00'))
        """
    }
}
