// Spawning, pidfds, memory files, pipes and limits of other processes: variadic or GNU-only calls that Swift cannot make.
#include "process.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int add_actions(posix_spawn_file_actions_t *actions, const struct errand_spawn *request) {
    int error = request->input >= 0 ? posix_spawn_file_actions_adddup2(actions, request->input, 0)
                                    : posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, request->output, 1);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, request->errors, 2);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, request->result, 3);
    // Whatever the host program has left open without close-on-exec is not the child's either.
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, 4);
    if (!error && request->directory) error = posix_spawn_file_actions_addchdir_np(actions, request->directory);
    return error;
}

static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP) sigaddset(&defaults, number);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (!error)
        error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
}

int errand_spawn(const struct errand_spawn *request, pid_t *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = add_actions(&actions, request);
        if (!error) error = set_attributes(&attributes);
        if (!error)
            error = posix_spawn(process, request->program, &actions, &attributes, request->arguments, request->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int errand_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int errand_pidfd_kill(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

void errand_keep_children(void) {
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) != 0 || action.sa_flags & SA_SIGINFO || action.sa_handler != SIG_IGN) return;
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
}

int errand_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int errand_output_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    // Only our end: non-blocking belongs to the open pipe end, and a child must not meet it on its own.
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int errand_limit_files(pid_t pid, uint64_t soft) {
    struct rlimit limit;
    if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) != 0) return -1;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
}
