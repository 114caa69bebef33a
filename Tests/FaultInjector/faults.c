// The calls themselves. They stand in the program, so that SQLite's and Swift's libraries find them before the C library's; the work
// is done by bare system calls.
#include "faults.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char watched[PATH_MAX];
static size_t watched_length;
static _Atomic int mask;
static _Atomic int action;
static _Atomic int error_code;
static _Atomic bool is_sticky;
static _Atomic int64_t chosen;
static _Atomic int64_t seen;
static _Atomic int record = -1;

// MARK: Control

void faults_watch(const char *directory) {
    char above[PATH_MAX], found[PATH_MAX];
    snprintf(above, sizeof above, "%s", directory);
    char *slash = strrchr(above, '/');
    if (!slash || slash == above) abort();
    *slash = 0;
    if (!realpath(above, found)) abort();
    int length = snprintf(watched, sizeof watched, "%s/%s", found, slash + 1);
    if (length < 0 || (size_t)length >= sizeof watched) abort();
    watched_length = (size_t)length;
}

void faults_arm(int kinds, int64_t at, int what, int code, bool sticky) {
    atomic_store(&mask, 0);
    atomic_store(&seen, 0);
    atomic_store(&chosen, at);
    atomic_store(&action, what);
    atomic_store(&error_code, code);
    atomic_store(&is_sticky, sticky);
    atomic_store(&mask, kinds);
}

int64_t faults_heal(void) {
    atomic_store(&mask, 0);
    return atomic_load(&seen);
}

int faults_record(const char *path) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    int old = atomic_exchange(&record, file);
    if (old >= 0) syscall(SYS_close, old);
    return 0;
}

// MARK: Paths

static bool is_watched(const char *path) {
    return watched_length && strncmp(path, watched, watched_length) == 0 && (path[watched_length] == 0 || path[watched_length] == '/');
}

static bool is_busy(void) { return atomic_load(&mask) || atomic_load(&record) >= 0; }

/// The path of an open file; false when nobody watches it.
static bool path_of(int file, char path[PATH_MAX]) {
    if (!is_busy()) return false;
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int saved = errno;
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    errno = saved;
    if (length <= 0) return false;
    path[length] = 0;
    return is_watched(path);
}

/// The absolute form of a path that a call names; false when nobody watches it.
static bool path_at(int directory, const char *name, char path[PATH_MAX]) {
    if (!is_busy()) return false;
    if (name[0] == '/') {
        if (strlen(name) >= PATH_MAX) return false;
        strcpy(path, name);
        return is_watched(path);
    }
    if (directory == AT_FDCWD || !path_of(directory, path)) return false;
    size_t length = strlen(path);
    return (size_t)snprintf(path + length, PATH_MAX - length, "/%s", name) < PATH_MAX - length;
}

// MARK: Faults

/// What the call of this kind meets: 0, FAULTS_TEAR or FAULTS_FAIL. FAULTS_KILL does not return.
static int meet(int kind) {
    if (!(atomic_load(&mask) & kind)) return 0;
    int64_t number = atomic_fetch_add(&seen, 1) + 1;
    int64_t at = atomic_load(&chosen);
    if (!at || (atomic_load(&is_sticky) ? number < at : number != at)) return 0;
    int what = atomic_load(&action);
    if (what == FAULTS_KILL || (what == FAULTS_TEAR && kind != FAULTS_WRITE)) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    if (what == FAULTS_FAIL) errno = atomic_load(&error_code);
    return what;
}

// MARK: The record

static void note(uint32_t what, const char *path, const void *bytes, size_t length, int64_t offset) {
    int file = atomic_load(&record);
    if (file < 0) return;
    int saved = errno;
    // The shared-memory index lives in the page cache only: every opener after a boot makes it anew.
    size_t path_length = strlen(path);
    if (path_length < 4 || strcmp(path + path_length - 4, "-shm") != 0) {
        struct faults_record head = {
            FAULTS_MAGIC, what, (int32_t)syscall(SYS_gettid), (uint32_t)path_length, length, offset,
        };
        struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, path_length}, {(void *)bytes, length}};
        // One call and O_APPEND: the record is whole and has one order for all processes.
        ssize_t expected = (ssize_t)(sizeof head + path_length + length);
        if (syscall(SYS_writev, file, parts, 3) != expected) abort();
    }
    errno = saved;
}

void faults_mark(const char *text) { note(FAULTS_DID_MARK, "", text, strlen(text), 0); }

// MARK: Writes

static ssize_t put(int file, const void *bytes, size_t length, int64_t offset) {
    if (offset < 0) return syscall(SYS_write, file, bytes, length);
    return syscall(SYS_pwrite64, file, bytes, length, offset);
}

static ssize_t put_watched(int file, const void *bytes, size_t length, int64_t offset) {
    char path[PATH_MAX];
    if (!path_of(file, path)) return put(file, bytes, length, offset);
    switch (meet(FAULTS_WRITE)) {
    case FAULTS_TEAR:
        put(file, bytes, length / 2, offset);
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    case FAULTS_FAIL: return -1;
    }
    int64_t at = offset;
    if (at < 0) {
        struct stat status;
        bool appends = (fcntl(file, F_GETFL) & O_APPEND) != 0;
        at = appends && fstat(file, &status) == 0 ? status.st_size : syscall(SYS_lseek, file, 0, SEEK_CUR);
    }
    ssize_t written = put(file, bytes, length, offset);
    // Sockets and pipes have no place.
    if (written > 0 && at >= 0) note(FAULTS_DID_WRITE, path, bytes, (size_t)written, at);
    return written;
}

ssize_t write(int file, const void *bytes, size_t length) { return put_watched(file, bytes, length, -1); }
ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) { return put_watched(file, bytes, length, offset); }
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) { return put_watched(file, bytes, length, offset); }

// MARK: Reads

static ssize_t get_watched(int file, void *bytes, size_t length, int64_t offset) {
    char path[PATH_MAX];
    if (path_of(file, path) && meet(FAULTS_READ)) return -1;
    if (offset < 0) return syscall(SYS_read, file, bytes, length);
    return syscall(SYS_pread64, file, bytes, length, offset);
}

ssize_t read(int file, void *bytes, size_t length) { return get_watched(file, bytes, length, -1); }
ssize_t pread(int file, void *bytes, size_t length, off_t offset) { return get_watched(file, bytes, length, offset); }
ssize_t pread64(int file, void *bytes, size_t length, off64_t offset) { return get_watched(file, bytes, length, offset); }

// MARK: Sizes

static int resize(int file, int64_t length) {
    char path[PATH_MAX];
    bool found = path_of(file, path);
    if (found && meet(FAULTS_NAME)) return -1;
    int result = (int)syscall(SYS_ftruncate, file, length);
    if (found && result == 0) note(FAULTS_DID_TRUNCATE, path, NULL, 0, length);
    return result;
}

int ftruncate(int file, off_t length) { return resize(file, length); }
int ftruncate64(int file, off64_t length) { return resize(file, length); }

// MARK: Syncs

static int synchronize(int file, long call) {
    char path[PATH_MAX];
    if (!path_of(file, path)) return (int)syscall(call, file);
    if (meet(FAULTS_SYNC)) {
        note(FAULTS_DID_FAIL_SYNC, path, NULL, 0, 0);
        return -1;
    }
    note(FAULTS_DID_BEGIN_SYNC, path, NULL, 0, 0);
    int result = (int)syscall(call, file);
    note(result == 0 ? FAULTS_DID_END_SYNC : FAULTS_DID_FAIL_SYNC, path, NULL, 0, 0);
    return result;
}

int fsync(int file) { return synchronize(file, SYS_fsync); }
int fdatasync(int file) { return synchronize(file, SYS_fdatasync); }

// MARK: Names

static int open_at(int directory, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    if (!path_at(directory, name, path)) return (int)syscall(SYS_openat, directory, name, flags, mode);
    int saved = errno;
    bool is_new = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    errno = saved;
    if (meet(is_new ? FAULTS_NAME : FAULTS_OPEN)) return -1;
    int file = (int)syscall(SYS_openat, directory, name, flags, mode);
    if (file < 0) return file;
    if (is_new) note(FAULTS_DID_CREATE, path, NULL, 0, 0);
    if (flags & O_TRUNC) note(FAULTS_DID_TRUNCATE, path, NULL, 0, 0);
    return file;
}

#define WITH_MODE(flags, call)                                                                                                             \
    mode_t mode = 0;                                                                                                                       \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                                                 \
        va_list list;                                                                                                                      \
        va_start(list, flags);                                                                                                             \
        mode = va_arg(list, mode_t);                                                                                                       \
        va_end(list);                                                                                                                      \
    }                                                                                                                                      \
    return call;

int open(const char *path, int flags, ...) { WITH_MODE(flags, open_at(AT_FDCWD, path, flags, mode)) }
int open64(const char *path, int flags, ...) { WITH_MODE(flags, open_at(AT_FDCWD, path, flags, mode)) }
int openat(int directory, const char *path, int flags, ...) { WITH_MODE(flags, open_at(directory, path, flags, mode)) }
int openat64(int directory, const char *path, int flags, ...) { WITH_MODE(flags, open_at(directory, path, flags, mode)) }

int mknod(const char *name, mode_t mode, dev_t device) {
    char path[PATH_MAX];
    bool found = path_at(AT_FDCWD, name, path);
    if (found && meet(FAULTS_NAME)) return -1;
    int result = (int)syscall(SYS_mknodat, AT_FDCWD, name, mode, device);
    if (found && result == 0) note(FAULTS_DID_CREATE, path, NULL, 0, 0);
    return result;
}

int mkdir(const char *name, mode_t mode) {
    char path[PATH_MAX];
    bool found = path_at(AT_FDCWD, name, path);
    if (found && meet(FAULTS_NAME)) return -1;
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
    if (found && result == 0) note(FAULTS_DID_CREATE, path, "/", 1, 0);
    return result;
}

static int unlink_at(int directory, const char *name, int flags) {
    char path[PATH_MAX];
    bool found = path_at(directory, name, path);
    if (found && meet(FAULTS_NAME)) return -1;
    int result = (int)syscall(SYS_unlinkat, directory, name, flags);
    if (found && result == 0) note(FAULTS_DID_UNLINK, path, NULL, 0, 0);
    return result;
}

int unlink(const char *path) { return unlink_at(AT_FDCWD, path, 0); }
int unlinkat(int directory, const char *path, int flags) { return unlink_at(directory, path, flags); }

static int rename_at(int from, const char *old, int to, const char *new) {
    char path[PATH_MAX];
    bool found = path_at(to, new, path);
    if (found && meet(FAULTS_NAME)) return -1;
    int result = (int)syscall(SYS_renameat2, from, old, to, new, 0);
    if (found && result == 0) note(FAULTS_DID_RENAME, path, NULL, 0, 0);
    return result;
}

int rename(const char *old, const char *new) { return rename_at(AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int from, const char *old, int to, const char *new) { return rename_at(from, old, to, new); }
