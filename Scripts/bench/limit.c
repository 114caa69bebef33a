// What SQLite itself can do on this machine: the cycle of a job with nothing around it.
//
//   limit cycle   --batch N --jobs N --payload BYTES --durability full|normal --in DIR
//   limit drain   … --lines N     the same, everything enqueued first; each job leaves a chunk of log lines
//   limit enqueue … --batch N     N jobs in each commit, as N callers would make them that wait together
//   limit bulk    …               the same
//
// One thread, prepared statements, the tables, pragmas, statements and commits of Errand's own cycle, and neither counters, events,
// limits, leases, locks between processes, tasks nor contexts. Prints what `errand bench` prints, as one JSON object.

#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static sqlite3 *queue, *logs;
static char queue_path[4096], logs_path[4096];
static int is_full = 1, lines = 0, batch = 100, jobs = 100000, payload_bytes = 200;
static int64_t last_id;

static void fail(sqlite3 *db, const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) fail(db, sql);
    return statement;
}

static void run(sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE) fail(sqlite3_db_handle(statement), sqlite3_sql(statement));
    sqlite3_reset(statement);
}

static sqlite3 *open_database(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) fail(db, path);
    execute(db, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL");
    execute(db, "PRAGMA wal_autocheckpoint=0; PRAGMA secure_delete=OFF; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF;"
                "PRAGMA cache_size=-32768; PRAGMA journal_size_limit=67108864");
    return db;
}

static void open_store(const char *directory)
{
    snprintf(queue_path, sizeof queue_path, "%s/queue.db", directory);
    snprintf(logs_path, sizeof logs_path, "%s/logs.db", directory);
    queue = open_database(queue_path);
    execute(queue,
        "CREATE TABLE job(id INTEGER PRIMARY KEY, feed INTEGER NOT NULL, key INTEGER, priority INTEGER NOT NULL, run_at INTEGER NOT NULL,"
        " created_at INTEGER NOT NULL, max_attempts INTEGER NOT NULL, batch INTEGER, flags INTEGER NOT NULL DEFAULT 0, timeout_us INTEGER,"
        " idempotency_key TEXT, label TEXT, meta TEXT, trace_parent TEXT, trace_state TEXT, baggage TEXT, parent_job INTEGER,"
        " parent_ordinal INTEGER, root_job INTEGER, root_ordinal INTEGER, options BLOB, payload BLOB NOT NULL) STRICT;"
        "CREATE TABLE available(feed INTEGER NOT NULL, priority INTEGER NOT NULL, rank INTEGER NOT NULL, id INTEGER NOT NULL, key INTEGER,"
        " lane INTEGER NOT NULL DEFAULT 0, base INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL,"
        " PRIMARY KEY(feed, priority, rank, id)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE running(id INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL,"
        " worker INTEGER NOT NULL, started_at INTEGER NOT NULL, feed INTEGER NOT NULL, key INTEGER) STRICT;"
        "CREATE TABLE finished(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL,"
        " crashes INTEGER NOT NULL, worker INTEGER, started_at INTEGER, finished_at INTEGER NOT NULL, outcome INTEGER, reason TEXT,"
        " error TEXT, result BLOB) STRICT;");
    logs = open_database(logs_path);
    execute(logs,
        "CREATE TABLE chunk(id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, ordinal INTEGER NOT NULL, first_seq INTEGER NOT NULL,"
        " lines INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, max_level INTEGER NOT NULL, flags INTEGER NOT NULL,"
        " format INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
        "CREATE INDEX chunk_job ON chunk(job, ordinal, first_seq);");
}

// Commits; the log file is emptied as Errand empties it: past 32 MiB, looked at every 16 commits.
static void commit(sqlite3 *db, const char *path, int *commits)
{
    execute(db, "COMMIT");
    if (++*commits % 16 != 0) return;
    char wal[4200];
    struct stat status;
    snprintf(wal, sizeof wal, "%s-wal", path);
    if (stat(wal, &status) == 0 && status.st_size > 32 << 20) sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static int queue_commits, log_commits;

static void begin(sqlite3 *db, int full)
{
    execute(db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    execute(db, "BEGIN IMMEDIATE");
}

static char *payload;

static void enqueue(int count)
{
    static sqlite3_stmt *input, *place;
    if (!input) {
        input = prepare(queue, "INSERT INTO job(id, feed, priority, run_at, created_at, max_attempts, flags, payload) VALUES(?,?,?,?,?,?,?,?)");
        place = prepare(queue, "INSERT INTO available(feed, priority, rank, id, key, base, attempt, crashes) VALUES(?,?,?,?,?,?,?,?)");
    }
    begin(queue, is_full);
    int64_t now = now_us();
    int64_t id = (now / 1000 - INT64_C(1735689600000)) << 22;
    if (id <= last_id) id = last_id + 1;
    for (int i = 0; i < count; i++, id++) {
        sqlite3_bind_int64(input, 1, id);
        sqlite3_bind_int64(input, 2, 1);
        sqlite3_bind_int64(input, 3, 0);
        sqlite3_bind_int64(input, 4, now);
        sqlite3_bind_int64(input, 5, now);
        sqlite3_bind_int64(input, 6, 5);
        sqlite3_bind_int64(input, 7, 0);
        sqlite3_bind_blob64(input, 8, payload, payload_bytes, SQLITE_STATIC);
        run(input);
        sqlite3_bind_int64(place, 1, 1);
        sqlite3_bind_int64(place, 2, 0);
        sqlite3_bind_int64(place, 3, now);
        sqlite3_bind_int64(place, 4, id);
        sqlite3_bind_null(place, 5);
        sqlite3_bind_int64(place, 6, -1);
        sqlite3_bind_int64(place, 7, 0);
        sqlite3_bind_int64(place, 8, 0);
        run(place);
        last_id = id;
    }
    commit(queue, queue_path, &queue_commits);
}

struct held { int64_t id, ordinal; };

static void append_lines(const struct held *held, int count)
{
    static sqlite3_stmt *append;
    static double last_full;
    if (!append) append = prepare(logs, "INSERT INTO chunk(job, ordinal, first_seq, lines, first_us, last_us, max_level, flags, format, body) VALUES(?,?,1,?,?,?,2,0,1,?)");
    double time = seconds(CLOCK_MONOTONIC);
    int full = time - last_full >= 1;
    if (full) last_full = time;
    begin(logs, full);
    for (int i = 0; i < count; i++) {
        // The bytes that Errand keeps: who it was, then a record for each line.
        char body[16384];
        int64_t now = now_us();
        time_t second = now / 1000000;
        struct tm at;
        gmtime_r(&second, &at);
        char stamp[32];
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &at);
        int length = snprintf(body, sizeof body,
            "\"v\":1,\"execution_id\":\"%013llx.%lld\",\"job_id\":\"%013llx\",\"ordinal\":%lld,\"attempt\":1,\"queue\":\"default\",\"kind\":\"bench\","
            "\"trace_id\":\"%016llx%016llx\",\"span_id\":\"%016llx\",\"meta\":{}\n",
            (long long)held[i].id & 0xfffffffffffff, (long long)held[i].ordinal, (long long)held[i].id & 0xfffffffffffff,
            (long long)held[i].ordinal, (long long)held[i].id, (long long)held[i].id * 7, (long long)held[i].id * 11);
        for (int line = 0; line < lines && length < 15000; line++)
            length += snprintf(body + length, sizeof body - length,
                "\"ts\":\"%s.%06dZ\",\"level\":\"info\",\"message\":\"line %d of a job that does nothing else\",\"seq\":%d,\"stream\":\"log\","
                "\"flags\":[],\"logger\":\"bench\",\"metadata\":{}\n", stamp, (int)(now % 1000000), line, line + 1);
        sqlite3_bind_int64(append, 1, held[i].id);
        sqlite3_bind_int64(append, 2, held[i].ordinal);
        sqlite3_bind_int64(append, 3, lines);
        sqlite3_bind_int64(append, 4, now);
        sqlite3_bind_int64(append, 5, now);
        sqlite3_bind_blob64(append, 6, body, length, SQLITE_STATIC);
        run(append);
    }
    commit(logs, logs_path, &log_commits);
}

// One commit: what is held is completed, and as many are claimed; returns how many.
static int exchange(struct held *held, int count, int limit)
{
    static sqlite3_stmt *find, *drop, *finish, *candidates, *take, *start, *input;
    if (!find) {
        find = prepare(queue, "SELECT attempt, crashes, started_at, feed, key FROM running WHERE id=? AND ordinal=? AND worker=?");
        drop = prepare(queue, "DELETE FROM running WHERE id=?");
        finish = prepare(queue, "INSERT INTO finished(id, state, ordinal, attempt, crashes, worker, started_at, finished_at, outcome, reason, error, result) VALUES(?,0,?,?,?,?,?,?,0,NULL,NULL,NULL)");
        candidates = prepare(queue, "SELECT priority, rank, id, key, base, attempt, crashes FROM available WHERE feed=? ORDER BY priority, rank, id LIMIT ?");
        take = prepare(queue, "DELETE FROM available WHERE feed=? AND (priority, rank, id) <= (?,?,?)");
        start = prepare(queue, "INSERT INTO running(id, ordinal, attempt, crashes, worker, started_at, feed, key) VALUES(?,?,?,?,7,?,1,NULL)");
        input = prepare(queue, "SELECT max_attempts, flags, run_at, payload FROM job WHERE id=?");
    }
    if (lines && count) append_lines(held, count);
    begin(queue, is_full && count);
    int64_t now = now_us();
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int64(find, 1, held[i].id);
        sqlite3_bind_int64(find, 2, held[i].ordinal);
        sqlite3_bind_int64(find, 3, 7);
        if (sqlite3_step(find) != SQLITE_ROW) fail(queue, "lease lost");
        int64_t attempt = sqlite3_column_int64(find, 0), crashes = sqlite3_column_int64(find, 1), started = sqlite3_column_int64(find, 2);
        sqlite3_reset(find);
        sqlite3_bind_int64(drop, 1, held[i].id);
        run(drop);
        sqlite3_bind_int64(finish, 1, held[i].id);
        sqlite3_bind_int64(finish, 2, held[i].ordinal);
        sqlite3_bind_int64(finish, 3, attempt);
        sqlite3_bind_int64(finish, 4, crashes);
        sqlite3_bind_int64(finish, 5, 7);
        sqlite3_bind_int64(finish, 6, started);
        sqlite3_bind_int64(finish, 7, now);
        run(finish);
    }
    struct row { int64_t priority, rank, id, base, attempt, crashes; } last = {0};
    struct row *rows = malloc(sizeof(struct row) * limit);
    int found = 0;
    sqlite3_bind_int64(candidates, 1, 1);
    sqlite3_bind_int64(candidates, 2, limit);
    while (sqlite3_step(candidates) == SQLITE_ROW) {
        last = (struct row){sqlite3_column_int64(candidates, 0), sqlite3_column_int64(candidates, 1), sqlite3_column_int64(candidates, 2),
            sqlite3_column_int64(candidates, 4), sqlite3_column_int64(candidates, 5), sqlite3_column_int64(candidates, 6)};
        rows[found++] = last;
    }
    sqlite3_reset(candidates);
    if (found) {
        sqlite3_bind_int64(take, 1, 1);
        sqlite3_bind_int64(take, 2, last.priority);
        sqlite3_bind_int64(take, 3, last.rank);
        sqlite3_bind_int64(take, 4, last.id);
        run(take);
    }
    for (int i = 0; i < found; i++) {
        held[i] = (struct held){rows[i].id, rows[i].base + 2};
        sqlite3_bind_int64(start, 1, rows[i].id);
        sqlite3_bind_int64(start, 2, held[i].ordinal);
        sqlite3_bind_int64(start, 3, rows[i].attempt + 1);
        sqlite3_bind_int64(start, 4, rows[i].crashes);
        sqlite3_bind_int64(start, 5, now);
        run(start);
        sqlite3_bind_int64(input, 1, rows[i].id);
        if (sqlite3_step(input) != SQLITE_ROW) fail(queue, "no input");
        int bytes = sqlite3_column_bytes(input, 3);
        char *copy = malloc(bytes + 1);
        memcpy(copy, sqlite3_column_blob(input, 3), bytes);
        free(copy);
        sqlite3_reset(input);
    }
    free(rows);
    commit(queue, queue_path, &queue_commits);
    return found;
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 2; i + 1 < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0) return argv[i + 1];
    return otherwise;
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: limit cycle|drain|enqueue|bulk [--batch N] [--jobs N] [--payload BYTES] [--lines N] [--durability full|normal] [--in DIR]\n"), 2;
    const char *what = argv[1];
    batch = atoi(option(argc, argv, "batch", "100"));
    jobs = atoi(option(argc, argv, "jobs", "100000"));
    lines = atoi(option(argc, argv, "lines", "0"));
    payload_bytes = atoi(option(argc, argv, "payload", "200"));
    is_full = strcmp(option(argc, argv, "durability", "full"), "normal") != 0;
    char directory[3000];
    snprintf(directory, sizeof directory, "%s/errand-limit-XXXXXX", option(argc, argv, "in", "."));
    if (!mkdtemp(directory)) return perror(directory), 1;
    payload = malloc(payload_bytes + 1);
    memset(payload, 'x', payload_bytes);
    open_store(directory);

    struct held *held = malloc(sizeof(struct held) * batch);
    int count = 0, done = 0;
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), drain_wall = wall, drain_cpu = cpu;
    if (strcmp(what, "enqueue") == 0 || strcmp(what, "bulk") == 0) {
        for (; done < jobs; done += batch) enqueue(batch);
    } else if (strcmp(what, "cycle") == 0) {
        while (done < jobs) {
            enqueue(batch);
            done += count;
            count = exchange(held, count, batch);
        }
    } else if (strcmp(what, "drain") == 0) {
        for (int i = 0; i < jobs; i += batch) enqueue(batch);
        drain_wall = seconds(CLOCK_MONOTONIC), drain_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        do {
            done += count;
            count = exchange(held, count, batch);
        } while (count);
    } else {
        return fprintf(stderr, "limit: unknown: %s\n", what), 2;
    }
    double end = seconds(CLOCK_MONOTONIC), spent = seconds(CLOCK_PROCESS_CPUTIME_ID);
    printf("{\"jobs\":%d,\"jobs_per_second\":%.1f,\"cpu_us_per_job\":%.3f,\"cycle_jobs_per_second\":%.1f,\"cycle_cpu_us_per_job\":%.3f}\n", done,
        done / (end - drain_wall), (spent - drain_cpu) / done * 1e6, done / (end - wall), (spent - cpu) / done * 1e6);

    sqlite3_close(queue);
    sqlite3_close(logs);
    const char *files[] = {"queue.db", "queue.db-wal", "queue.db-shm", "logs.db", "logs.db-wal", "logs.db-shm"};
    for (int i = 0; i < 6; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
    return 0;
}
