// libsqlite3 as the system has it, and the one call of it that Swift cannot make because it is variadic.
#include <sqlite3.h>

/// Closing the last connection must not checkpoint: only the writer does, under the store's lock.
static inline int errand_sqlite_no_checkpoint_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
