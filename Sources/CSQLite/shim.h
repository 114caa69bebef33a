// libsqlite3 as the system has it, and the calls of it that Swift cannot make: one is variadic, one casts a function.
#include <sqlite3.h>
#include <sys/types.h>

/// Closing the last connection must not checkpoint: only the writer does, under the store's lock.
static inline int errand_sqlite_no_checkpoint_on_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

/// Whether `connection`, a `sqlite3 *`, was opened by this library and not by another copy of SQLite in the same process, whose structures
/// may look different. Without calling anything on it: its first word names the file system interface that it was opened with, which is one of
/// this library's list, or of another's.
static inline int errand_sqlite_is_own(const void *connection) {
    const sqlite3_vfs *interface = *(const sqlite3_vfs *const *)connection;
    for (const sqlite3_vfs *own = sqlite3_vfs_find(0); own; own = own->pNext)
        if (own == interface) return 1;
    return 0;
}

/// Stops the library from counting the memory it uses, which takes a lock at every allocation. For the process, before its first
/// connection; SQLITE_OK, or SQLITE_MISUSE when that comes too late.
static inline int errand_sqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/// Makes the library map its shared-memory files through `map`, which looks like mmap(2). For all connections of the process from now on;
/// SQLITE_OK, or SQLITE_NOTFOUND where the library maps nothing.
static inline int errand_sqlite_map_with(void *(*map)(void *, size_t, int, int, int, off_t)) {
    sqlite3_vfs *files = sqlite3_vfs_find("unix");
    if (!files || files->iVersion < 3 || !files->xSetSystemCall) return SQLITE_NOTFOUND;
    return files->xSetSystemCall(files, "mmap", (sqlite3_syscall_ptr)map);
}
