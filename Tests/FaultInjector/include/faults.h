// Faults at chosen system calls, and a record of those calls: linked into a test program, it stands before the C library.
//
// Only calls below one watched directory count; everything else passes through. All functions may be called from any thread.
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/// Kinds of calls, as bits of a mask.
enum {
    FAULTS_WRITE = 1,
    /// fsync and fdatasync, of directories too.
    FAULTS_SYNC = 2,
    /// What changes sizes and names: ftruncate, open with O_CREAT, mknod, mkdir, unlink, rename.
    FAULTS_NAME = 4,
    /// All that changes what is on disk.
    FAULTS_CHANGE = 7,
    FAULTS_READ = 8,
    /// open of what exists.
    FAULTS_OPEN = 16,
};

/// What happens at the chosen call.
enum {
    /// SIGKILL before the call.
    FAULTS_KILL = 1,
    /// SIGKILL in the middle of a write (half of its bytes are written); before a call that is no write.
    FAULTS_TEAR = 2,
    /// The call fails with an error.
    FAULTS_FAIL = 3,
};

/// Watches `directory` and what is below it; the directory need not exist, the one above it must.
void faults_watch(const char *directory);

/// From now on the `at`th call (from 1) of the kinds in `mask` meets `action`; `sticky`: all later ones too. Counting begins anew.
/// An `at` of 0 counts only. `error` is for FAULTS_FAIL.
void faults_arm(int mask, int64_t at, int action, int error, bool sticky);

/// Ends all faults; gives how many calls of the armed kinds were counted.
int64_t faults_heal(void);

/// From now on appends every call to the file at `path`, which several processes may share: one record for each write. Gives 0 or an
/// errno.
int faults_record(const char *path);

/// Appends a mark to the record.
void faults_mark(const char *text);

/// A record: this head, the path, the bytes. Numbers as the machine has them.
struct faults_record {
    uint32_t magic;
    /// FAULTS_DID_…
    uint32_t what;
    /// The thread.
    int32_t thread;
    uint32_t path_length;
    uint64_t length;
    int64_t offset;
};

enum {
    FAULTS_MAGIC = 0x544C4146,
    FAULTS_DID_WRITE = 1,
    /// The new length is in `offset`.
    FAULTS_DID_TRUNCATE = 2,
    /// A file or directory got a name.
    FAULTS_DID_CREATE = 3,
    FAULTS_DID_UNLINK = 4,
    /// What was written before this is on disk when the same thread's END follows.
    FAULTS_DID_BEGIN_SYNC = 5,
    FAULTS_DID_END_SYNC = 6,
    /// The sync failed: what was dirty is clean now, on disk or not.
    FAULTS_DID_FAIL_SYNC = 7,
    FAULTS_DID_MARK = 8,
    /// A rename, which no replay knows.
    FAULTS_DID_RENAME = 9,
};

#endif
