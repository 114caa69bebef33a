// The tables of a store and the steps that brought them to their present version; every name has a prefix, so that they can live in an application's own file.

/// What the two files of a store hold.
enum Schema {
    /// The newest schema that this Errand reads and writes.
    static let version: Int64 = 7

    /// What a version adds to the one before it. Only ever more: an Errand of the version before reads and writes the file as well.
    struct Step {
        /// The version that it leads to.
        var version: Int64
        /// What it does to `queue.db`.
        var queue: String
        /// What it does to `logs.db`.
        var logs: String
    }

    /// All steps after the first version, in order.
    static let steps = [
        Step(
            version: 2,
            queue: """
                -- The jobs that one job caused, for `trace`; jobs that a person enqueued cost it nothing.
                CREATE INDEX errand_job_root ON errand_job(root_job, id) WHERE root_job IS NOT NULL;
                """,
            logs: """
                -- Chunks that hold lines of one execution written while another one was current: found under that one too.
                CREATE TABLE errand_log_crossed(
                  job INTEGER NOT NULL, ordinal INTEGER NOT NULL, chunk INTEGER NOT NULL, PRIMARY KEY(job, ordinal, chunk)) STRICT, WITHOUT ROWID;
                CREATE INDEX errand_log_crossed_chunk ON errand_log_crossed(chunk);
                CREATE TRIGGER errand_log_uncross AFTER DELETE ON errand_log_chunk WHEN OLD.flags & 2 <> 0 BEGIN
                  DELETE FROM errand_log_crossed WHERE chunk = OLD.id;
                END;
                -- 15: after_end, crossed, ambient_lost, unattributed.
                CREATE INDEX errand_log_chunk_leaky ON errand_log_chunk(id) WHERE flags & 15 <> 0;
                CREATE TABLE errand_log_flag(flag INTEGER PRIMARY KEY, lines INTEGER NOT NULL) STRICT;
                """),
        Step(
            version: 3,
            queue: """
                -- Jobs under suspicion of taking their workers down. Where one may start it waits here instead of in errand_available,
                -- so that no ordinary claim meets it; base is NULL while it is scheduled or running.
                CREATE TABLE errand_suspect(
                  id INTEGER PRIMARY KEY, feed INTEGER NOT NULL, priority INTEGER NOT NULL, rank INTEGER NOT NULL, base INTEGER,
                  attempt INTEGER, crashes INTEGER) STRICT;
                CREATE INDEX errand_suspect_ready ON errand_suspect(feed, priority, rank, id) WHERE base IS NOT NULL;
                -- Executions that ignore their cancellation; true as long as errand_running holds the same execution.
                CREATE TABLE errand_stuck(
                  job INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, worker INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
                """,
            logs: ""),
        Step(
            version: 4,
            queue: """
                -- What the execution that runs has said of its progress; goes with its job.
                CREATE TABLE errand_progress(
                  job INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, at INTEGER NOT NULL, fraction REAL, message TEXT) STRICT;
                -- Jobs that end by themselves at a time: cancelled unless they have started (0), dead unless they have ended (1).
                CREATE TABLE errand_expiry(
                  job INTEGER NOT NULL, what INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(job, what)) STRICT, WITHOUT ROWID;
                CREATE INDEX errand_expiry_due ON errand_expiry(at);
                -- Jobs that wait behind another one: behind the owner of their unique key, or for their turn in a sequence.
                CREATE TABLE errand_held(
                  id INTEGER PRIMARY KEY, key BLOB, sequence INTEGER, base INTEGER NOT NULL, attempt INTEGER NOT NULL,
                  crashes INTEGER NOT NULL) STRICT;
                CREATE INDEX errand_held_sequence ON errand_held(sequence, id) WHERE sequence IS NOT NULL;
                -- Sequences with live jobs, and whose turn it is: a live job, or a dead one that halts the sequence.
                CREATE TABLE errand_sequence(
                  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, name TEXT NOT NULL, current INTEGER NOT NULL,
                  halted INTEGER NOT NULL DEFAULT 0, UNIQUE(queue, name)) STRICT;
                CREATE INDEX errand_sequence_current ON errand_sequence(current);
                -- Limit keys: how many of their jobs have not ended; and what limits every key of a queue.
                ALTER TABLE errand_key ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE errand_queue ADD COLUMN key_interval INTEGER;
                ALTER TABLE errand_queue ADD COLUMN key_burst INTEGER;
                CREATE INDEX errand_unique_key_job ON errand_unique_key(job);
                CREATE INDEX errand_unique_key_until ON errand_unique_key(until) WHERE until IS NOT NULL;
                -- Jobs by their tags.
                CREATE TABLE errand_tag(tag TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(tag, job)) STRICT, WITHOUT ROWID;
                -- What operators want of living workers: 1 take nothing new, 2 leave, 3 have so many slots. Goes with its worker.
                CREATE TABLE errand_directive(
                  worker INTEGER NOT NULL, action INTEGER NOT NULL, value INTEGER, requested_at INTEGER NOT NULL, seen_at INTEGER,
                  PRIMARY KEY(worker, action)) STRICT, WITHOUT ROWID;
                CREATE TRIGGER errand_directive_end AFTER DELETE ON errand_worker BEGIN
                  DELETE FROM errand_directive WHERE worker = OLD.id;
                END;
                """,
            logs: ""),
        Step(
            version: 5,
            queue: """
                -- For monitoring, since the store was made: times waited (0) and run (1) by bucket, ends (2) by outcome.
                CREATE TABLE errand_time(
                  feed INTEGER NOT NULL, what INTEGER NOT NULL, bucket INTEGER NOT NULL, n INTEGER NOT NULL, us INTEGER NOT NULL,
                  PRIMARY KEY(feed, what, bucket)) STRICT, WITHOUT ROWID;
                """,
            logs: ""),
        Step(
            version: 6,
            queue: """
                -- Periodic jobs: what they are as JSON (the payload apart, since it may be sealed), what their slots depend on, and their next
                -- slot, unless they are paused or over.
                CREATE TABLE errand_periodic(
                  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, spec TEXT NOT NULL, timing TEXT NOT NULL, source TEXT,
                  paused INTEGER NOT NULL DEFAULT 0, next_at INTEGER, look_at INTEGER, revision INTEGER NOT NULL, last_slot INTEGER,
                  last_at INTEGER, last_job INTEGER, last_skipped INTEGER, payload BLOB NOT NULL) STRICT;
                -- When there is something to do: at the next slot, or later where a leader could not read it.
                CREATE INDEX errand_periodic_look ON errand_periodic(look_at) WHERE look_at IS NOT NULL;
                -- Which worker fires the slots of periodic jobs (role 1), as long as it stands in the register.
                CREATE TABLE errand_leader(role INTEGER PRIMARY KEY, worker INTEGER NOT NULL) STRICT;
                -- What executions have completed, for the next ones of the same job.
                CREATE TABLE errand_step(
                  job INTEGER NOT NULL, name TEXT NOT NULL, is_cursor INTEGER NOT NULL, ordinal INTEGER NOT NULL, at INTEGER NOT NULL,
                  result BLOB, PRIMARY KEY(job, name)) STRICT, WITHOUT ROWID;
                CREATE TRIGGER errand_step_end AFTER DELETE ON errand_job BEGIN
                  DELETE FROM errand_step WHERE job = OLD.id;
                END;
                -- What waits for what, as long as the dependent is kept: state 0 and 1 block it (1: also when the prerequisite fails),
                -- 2 met, 3 failed and ignored, 4 the dependent has ended. policy 0 cascade, 1 ignore, 2 hold; + 4 where the
                -- prerequisite is a workflow.
                CREATE TABLE errand_dependency(
                  prerequisite INTEGER NOT NULL, state INTEGER NOT NULL, dependent INTEGER NOT NULL, policy INTEGER NOT NULL,
                  PRIMARY KEY(prerequisite, state, dependent)) STRICT, WITHOUT ROWID;
                CREATE INDEX errand_dependency_of ON errand_dependency(dependent);
                -- Jobs that wait for others: needs is the number of their edges in state 0 and 1.
                CREATE TABLE errand_blocked(
                  id INTEGER PRIMARY KEY, needs INTEGER NOT NULL CHECK(needs > 0), feed INTEGER NOT NULL, base INTEGER NOT NULL,
                  attempt INTEGER NOT NULL, crashes INTEGER NOT NULL) STRICT;
                -- Jobs and workflows that have ended, and whose dependents have not all learnt it; state as in errand_finished.
                CREATE TABLE errand_settling(id INTEGER PRIMARY KEY, state INTEGER NOT NULL) STRICT;
                -- Jobs that belong together (errand_job.batch): counted as they end. kept: how many have rows.
                CREATE TABLE errand_workflow(
                  id INTEGER PRIMARY KEY, name TEXT, key TEXT UNIQUE, digest BLOB, is_open INTEGER NOT NULL, total INTEGER NOT NULL DEFAULT 0,
                  live INTEGER NOT NULL DEFAULT 0 CHECK(live >= 0), dead INTEGER NOT NULL DEFAULT 0,
                  cancelled INTEGER NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0, started_at INTEGER NOT NULL,
                  ended_at INTEGER) STRICT;
                CREATE INDEX errand_workflow_empty ON errand_workflow(id) WHERE kept = 0;
                CREATE INDEX errand_job_batch ON errand_job(batch, id) WHERE batch IS NOT NULL;
                """,
            logs: ""),
        Step(version: 7, queue: EnqueueView.sql, logs: ""),
    ]

    /// `queue.db`. Times are microseconds since 1970, except leases, which are microseconds of the boot clock.
    static let queue = """
        -- Names, settings and counters: a few rows, read in the claiming transaction, so that a change acts at the next claim.
        CREATE TABLE errand_queue(
          id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL DEFAULT 0, weight INTEGER NOT NULL DEFAULT 1,
          max_running INTEGER, running INTEGER NOT NULL DEFAULT 0 CHECK(running >= 0), interval INTEGER, burst INTEGER,
          tat INTEGER NOT NULL DEFAULT 0, fair INTEGER NOT NULL DEFAULT 0, vtime INTEGER NOT NULL DEFAULT 0,
          key_limits INTEGER NOT NULL DEFAULT 0, key_max_running INTEGER, key_mode INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE TABLE errand_kind(
          id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL DEFAULT 0, max_running INTEGER,
          running INTEGER NOT NULL DEFAULT 0 CHECK(running >= 0), interval INTEGER, burst INTEGER, tat INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE TABLE errand_feed(
          id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, kind INTEGER NOT NULL, UNIQUE(queue, kind)) STRICT;
        CREATE TABLE errand_key(
          id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, name TEXT NOT NULL, mode INTEGER NOT NULL DEFAULT 0 /* 1: sequence */,
          halt INTEGER NOT NULL DEFAULT 0, max_running INTEGER, taken INTEGER NOT NULL DEFAULT 0 CHECK(taken >= 0),
          current INTEGER /* sequence: the job whose turn it is */, tag INTEGER NOT NULL DEFAULT 0, weight INTEGER NOT NULL DEFAULT 1,
          interval INTEGER, burst INTEGER, tat INTEGER NOT NULL DEFAULT 0, next_at INTEGER, UNIQUE(queue, name)) STRICT;
        CREATE INDEX errand_key_due ON errand_key(next_at) WHERE next_at IS NOT NULL;

        -- Input, written once. The payload comes last: lists never read its pages.
        CREATE TABLE errand_job(
          id INTEGER PRIMARY KEY, feed INTEGER NOT NULL, key INTEGER, priority INTEGER NOT NULL, run_at INTEGER NOT NULL,
          created_at INTEGER NOT NULL, max_attempts INTEGER NOT NULL, batch INTEGER, flags INTEGER NOT NULL DEFAULT 0, timeout_us INTEGER,
          idempotency_key TEXT, label TEXT, meta TEXT, trace_parent TEXT, trace_state TEXT, baggage TEXT, parent_job INTEGER,
          parent_ordinal INTEGER, root_job INTEGER, root_ordinal INTEGER, options BLOB, payload BLOB NOT NULL) STRICT;

        -- State: a job is in exactly one of available, waiting, scheduled, running, finished. base = last ordinal - boot number.
        CREATE TABLE errand_available(
          feed INTEGER NOT NULL, priority INTEGER NOT NULL, rank INTEGER NOT NULL, id INTEGER NOT NULL, key INTEGER,
          lane INTEGER NOT NULL DEFAULT 0, base INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL,
          PRIMARY KEY(feed, priority, rank, id)) STRICT, WITHOUT ROWID;
        CREATE INDEX errand_available_key ON errand_available(key, lane, id) WHERE key IS NOT NULL;
        CREATE TABLE errand_waiting(
          key INTEGER NOT NULL, lane INTEGER NOT NULL, priority INTEGER NOT NULL, rank INTEGER NOT NULL, id INTEGER NOT NULL,
          feed INTEGER NOT NULL, base INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL,
          PRIMARY KEY(key, lane, priority, rank, id)) STRICT, WITHOUT ROWID;
        CREATE TABLE errand_scheduled(
          id INTEGER PRIMARY KEY, run_at INTEGER NOT NULL, base INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL,
          reason INTEGER NOT NULL /* 0 delayed, 1 retry, 2 snooze */) STRICT;
        CREATE INDEX errand_scheduled_due ON errand_scheduled(run_at);
        CREATE TABLE errand_running(
          id INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, worker INTEGER NOT NULL,
          started_at INTEGER NOT NULL, feed INTEGER NOT NULL, key INTEGER) STRICT;
        CREATE TABLE errand_finished(
          id INTEGER PRIMARY KEY, state INTEGER NOT NULL /* 0 completed, 1 cancelled, 2 dead */, ordinal INTEGER NOT NULL,
          attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, worker INTEGER, started_at INTEGER, finished_at INTEGER NOT NULL,
          outcome INTEGER /* NULL: it ended outside an execution */, reason TEXT, error TEXT, result BLOB) STRICT;
        CREATE INDEX errand_finished_other ON errand_finished(state, id) WHERE state <> 0;
        CREATE TABLE errand_execution(
          job INTEGER NOT NULL, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL, worker INTEGER NOT NULL, started_at INTEGER NOT NULL,
          finished_at INTEGER, outcome INTEGER NOT NULL, error TEXT, PRIMARY KEY(job, ordinal)) STRICT, WITHOUT ROWID;

        CREATE TABLE errand_unique_key(key BLOB PRIMARY KEY, job INTEGER NOT NULL, until INTEGER, next INTEGER) STRICT, WITHOUT ROWID;
        CREATE TABLE errand_idempotency(key TEXT PRIMARY KEY, job INTEGER NOT NULL, digest BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE errand_control(
          job INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, action INTEGER NOT NULL /* 1 cancel */, requested_at INTEGER NOT NULL,
          seen_at INTEGER, reason TEXT) STRICT;
        CREATE TABLE errand_worker(
          id INTEGER PRIMARY KEY, beat INTEGER NOT NULL, lease_until INTEGER NOT NULL, lease_us INTEGER NOT NULL,
          boot TEXT NOT NULL, time_ns INTEGER NOT NULL, info TEXT NOT NULL /* the worker's description, JSON */) STRICT;
        CREATE TABLE errand_event(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entries BLOB NOT NULL) STRICT;
        CREATE TABLE errand_counter(
          feed INTEGER NOT NULL, state INTEGER NOT NULL, jobs INTEGER NOT NULL, PRIMARY KEY(feed, state)) STRICT, WITHOUT ROWID;
        CREATE TABLE errand_tally(
          minute INTEGER NOT NULL, feed INTEGER NOT NULL, outcome INTEGER NOT NULL, n INTEGER NOT NULL, run_us INTEGER NOT NULL,
          PRIMARY KEY(minute, feed, outcome)) STRICT, WITHOUT ROWID;
        CREATE TABLE errand_meta(
          one INTEGER PRIMARY KEY CHECK(one = 1), schema INTEGER NOT NULL, min_reader INTEGER NOT NULL, min_writer INTEGER NOT NULL,
          boot_id TEXT NOT NULL, boot_number INTEGER NOT NULL, last_id INTEGER NOT NULL) STRICT;
        INSERT INTO errand_meta VALUES(1, 1, 1, 1, '', 0, 0);
        """

    /// `logs.db`. A chunk of job 0 belongs to no execution; its ordinal is the worker's ID then.
    static let logs = """
        CREATE TABLE errand_log_chunk(
          id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, ordinal INTEGER NOT NULL, first_seq INTEGER NOT NULL,
          lines INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, max_level INTEGER NOT NULL, flags INTEGER NOT NULL,
          format INTEGER NOT NULL /* 1: JSON lines */, body BLOB NOT NULL) STRICT;
        CREATE INDEX errand_log_chunk_job ON errand_log_chunk(job, ordinal, first_seq);
        CREATE TABLE errand_log_meta(
          one INTEGER PRIMARY KEY CHECK(one = 1), schema INTEGER NOT NULL, min_reader INTEGER NOT NULL, min_writer INTEGER NOT NULL,
          bytes INTEGER NOT NULL) STRICT;
        INSERT INTO errand_log_meta VALUES(1, 1, 1, 1, 0);
        """
}
