// Spawning under limits, pidfds, memory files and pipes: variadic or GNU-only calls that Swift cannot make.
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Does in the child what lies between vfork and exec; gives an errno value, or does not return.
static int become(const struct errand_spawn *request) {
    if (setsid() < 0) return errno;
    // The child shares the parent's memory but not its handlers' table: what it changes here is its own.
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGKILL && number != SIGSTOP) sigaction(number, &plain, NULL);
    int input = request->input >= 0 ? request->input : open("/dev/null", O_RDONLY);
    if (input < 0) return errno;
    // An input of 0 is its own goal, and nothing here is close-on-exec then.
    if (input != 0 && dup2(input, 0) < 0) return errno;
    if (dup2(request->output, 1) < 0 || dup2(request->errors, 2) < 0 || dup2(request->result, 3) < 0) return errno;
    // Whatever the host program has left open without close-on-exec is not the child's either.
    closefrom(4);
    if (request->directory && chdir(request->directory) != 0) return errno;
    for (size_t index = 0; index < request->limit_count; index++) {
        const struct errand_limit *wanted = &request->limits[index];
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)wanted->resource, &limit) != 0) return errno;
        if (wanted->hard < limit.rlim_max) limit.rlim_max = wanted->hard;
        limit.rlim_cur = wanted->soft < limit.rlim_max ? wanted->soft : limit.rlim_max;
        if (setrlimit((__rlimit_resource_t)wanted->resource, &limit) != 0) return errno;
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(request->program, request->arguments, request->environment);
    return errno;
}

// vfork and not posix_spawn, which has no place for limits: set from outside after the spawn they come too late for a fast program.
// Like posix_spawn it shares the memory until the exec, and only the calling thread waits.
int errand_spawn(const struct errand_spawn *request, pid_t *process) {
    sigset_t all, before;
    sigfillset(&all);
    // Until the child has none, the parent's handlers must not run in it: they would run on the parent's memory.
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error) return error;
    volatile int failure = 0;
    pid_t child = vfork();
    if (child == 0) {
        failure = become(request);
        _exit(127);
    }
    error = child < 0 ? errno : failure;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        if (child > 0) while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        return error;
    }
    *process = child;
    return 0;
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
