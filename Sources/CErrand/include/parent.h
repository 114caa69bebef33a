// What a child and its parent know of each other: a channel between them, and the parent's death.
#pragma once
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A two-way channel, both ends close-on-exec; the parent's does not block. 0, or -1 and errno.
int errand_channel(int *parents, int *childs);

/// Has the kernel send `signal` to this process when the thread that started it ends. Returns 0 when `parent` is still its parent; else -1.
int errand_follow_parent(pid_t parent, int signal);

/// Starts `program` in a process group of its own, within the caller's session and with its streams, no signal blocked, and none ignored
/// but those in `ignored` (`count` of them). Returns 0 or an errno value.
int errand_spawn_worker(
    const char *program, char *const *arguments, char *const *environment, const int *ignored, int count, pid_t *process);

/// A datagram socket with a name that the system chooses, in the abstract namespace; `name` gets it without its first NUL. -1 and errno.
int errand_notify_open(char *name, size_t size);

/// Receives one datagram without waiting, and who sent it. Returns its length, or -1 and errno.
ssize_t errand_notify_receive(int socket, void *bytes, size_t size, pid_t *sender);

#ifdef __cplusplus
}
#endif
