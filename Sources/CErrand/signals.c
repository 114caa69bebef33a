// Signals as bytes in a pipe: handlers (which exec resets, unlike ignored signals and blocked masks) that children never inherit.
#include "signals.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int write_end = -1;

static void note(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(write_end, &byte, 1);
    (void)ignored;
    errno = saved;
}

static void nothing(int number) { (void)number; }

static int handle(int number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

int errand_signal_pipe(const int *numbers, int count) {
    int ends[2];
    if (write_end >= 0) return -EBUSY;
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    // A full pipe must never block a handler; the reader's end blocks.
    if (fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) return -errno;
    write_end = ends[1];
    for (int index = 0; index < count; index++)
        if (handle(numbers[index], note) != 0) return -errno;
    return ends[0];
}

int errand_outlive_sigpipe(void) { return handle(SIGPIPE, nothing) == 0 ? 0 : -errno; }
