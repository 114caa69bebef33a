// Who crashed: a signal handler that names the execution, and the alternate stacks that it needs to survive a stack overflow.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The execution that runs on this thread; zeros are none.
struct errand_culprit {
    int64_t job;
    int64_t ordinal;
};

/// Handles SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGFPE and SIGBUS from now on: a crash writes one line to every file that was added, and
/// then goes the way that it would have gone before. `who` is called in the handler, on the thread that crashed: it may neither
/// allocate nor lock, and what it says of a fault of its own is not used. Gives 0, or a negative errno; a second call does nothing.
int errand_crash_install(void (*who)(struct errand_culprit *culprit));

/// Whether ``errand_crash_install`` has succeeded.
int errand_crash_is_installed(void);

/// Adds an open file for the lines of crashes; 64 at most. Gives 0 or -ENOSPC.
int errand_crash_add(int file);

/// Takes a file out again. Gives 1 when nobody will write to it any more, 0 when a crash is under way: leave it open then.
int errand_crash_remove(int file);

/// Gives the calling thread an alternate stack until it ends, unless it has one.
void errand_crash_cover(void);

/// The same, once crashes are captured; costs two nanoseconds when there is nothing to do.
void errand_crash_enter(void);

#ifdef __cplusplus
}
#endif
