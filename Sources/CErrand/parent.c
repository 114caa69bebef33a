// Parent and child: a channel, the parent's death signal, and a child in a process group of its own.
#include "parent.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int errand_channel(int *parents, int *childs) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    // Of a socket each end is an open file of its own: the child's blocks, which is its brake.
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        int reason = errno;
        close(ends[0]);
        close(ends[1]);
        errno = reason;
        return -1;
    }
    *parents = ends[0];
    *childs = ends[1];
    return 0;
}

int errand_follow_parent(pid_t parent, int signal) {
    if (prctl(PR_SET_PDEATHSIG, signal) != 0) return -1;
    // It may have died before the kernel knew of our wish.
    return getppid() == parent ? 0 : -1;
}

static int is_among(int number, const int *numbers, int count) {
    for (int index = 0; index < count; index++)
        if (numbers[index] == number) return 1;
    return 0;
}

int errand_spawn_worker(
    const char *program, char *const *arguments, char *const *environment, const int *ignored, int count, pid_t *process) {
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP && !is_among(number, ignored, count)) sigaddset(&defaults, number);
    int error = posix_spawnattr_init(&attributes);
    if (error) return error;
    error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!error) error = posix_spawn(process, program, NULL, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int errand_notify_open(char *name, size_t size) {
    int inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (inbox < 0) return -1;
    // Only a family: the kernel chooses a free name (unix(7), autobind).
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    int yes = 1;
    if (bind(inbox, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0
        && setsockopt(inbox, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0
        && getsockname(inbox, (struct sockaddr *)&address, &length) == 0) {
        size_t count = length - sizeof(sa_family_t) - 1;
        if (count < size) {
            memcpy(name, address.sun_path + 1, count);
            name[count] = 0;
            return inbox;
        }
        errno = ENAMETOOLONG;
    }
    int reason = errno;
    close(inbox);
    errno = reason;
    return -1;
}

ssize_t errand_notify_receive(int socket, void *bytes, size_t size, pid_t *sender) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t count;
    do count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    *sender = 0;
    if (count < 0) return -1;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS) continue;
        struct ucred who;
        memcpy(&who, CMSG_DATA(head), sizeof who);
        *sender = who.pid;
    }
    return count;
}
