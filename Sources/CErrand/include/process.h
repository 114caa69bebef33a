// What starting and watching processes needs beyond Swift's Glibc import: pidfds, memory files, epoll.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A limit of a new process, which its children inherit: resource is an RLIMIT_ number.
struct errand_limit {
    int resource;
    uint64_t soft;
    uint64_t hard;
};

/// What a new process receives: descriptors become its 0 to 3, and no other stays open.
struct errand_spawn {
    const char *program;
    char *const *arguments;
    char *const *environment;
    /// Where it starts; NULL is where the caller is.
    const char *directory;
    /// Standard input; -1 is /dev/null.
    int input;
    int output;
    int errors;
    int result;
    /// Never above the caller's own hard limits: what is higher is set to those.
    const struct errand_limit *limits;
    size_t limit_count;
};

/// Starts a process that leads a session of its own, with no signal blocked or ignored, under its limits from its first instruction on.
/// The descriptors must be 4 or more. Returns 0 or an errno value.
int errand_spawn(const struct errand_spawn *request, pid_t *process);
/// A descriptor that becomes readable when the process ends; -1 and errno.
int errand_pidfd_open(pid_t pid);
/// Sends a signal to exactly that process, whatever its number is used for by now; -1 and errno.
int errand_pidfd_kill(int pidfd, int signal);
/// Ends an inherited habit of ignoring SIGCHLD, under which no process's status can be learnt; a handler stays as it is.
void errand_keep_children(void);
/// An empty file in memory, close-on-exec; -1 and errno.
int errand_memory_file(const char *name);
/// A pipe, both ends close-on-exec, the read end non-blocking; -1 and errno.
int errand_output_pipe(int *read_end, int *write_end);

#ifdef __cplusplus
}
#endif
