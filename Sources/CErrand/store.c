// OFD locks, birth times and doorbell sockets: struct flock with F_OFD_*, statx and sockaddr_un are awkward or missing in Swift's Glibc import.
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct flock byte_range(short type, int64_t byte) {
    struct flock range;
    memset(&range, 0, sizeof range);
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = byte;
    range.l_len = 1;
    return range;
}

int errand_lock_take(int file, int64_t byte, int wait) {
    for (;;) {
        struct flock range = byte_range(F_WRLCK, byte);
        if (fcntl(file, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) == 0) return 0;
        if (errno == EINTR) continue;
        return errno == EACCES ? EAGAIN : errno;
    }
}

int errand_lock_release(int file, int64_t byte) {
    struct flock range = byte_range(F_UNLCK, byte);
    return fcntl(file, F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

int errand_lock_probe(int file, int64_t byte) {
    struct flock range = byte_range(F_WRLCK, byte);
    if (fcntl(file, F_OFD_GETLK, &range) != 0) return -errno;
    return range.l_type != F_UNLCK;
}

int64_t errand_birth_time(const char *path) {
    struct statx status;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) != 0 || !(status.stx_mask & STATX_BTIME)) return 0;
    return status.stx_btime.tv_sec * 1000000000ll + status.stx_btime.tv_nsec;
}

static int address(struct sockaddr_un *to, int directory, const char *name) {
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    int length = snprintf(to->sun_path, sizeof to->sun_path, "/proc/self/fd/%d/%s", directory, name);
    return length > 0 && (size_t)length < sizeof to->sun_path;
}

int errand_doorbell_sender(void) {
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return sender < 0 ? -errno : sender;
}

int errand_doorbell_open(int directory, const char *name) {
    struct sockaddr_un here;
    if (!address(&here, directory, name)) return -ENAMETOOLONG;
    int bell = errand_doorbell_sender();
    if (bell < 0) return bell;
    // The mode is the owner's alone, whatever the umask: the directory is, too.
    if (bind(bell, (struct sockaddr *)&here, sizeof here) != 0 || fchmodat(directory, name, 0600, 0) != 0) {
        int reason = errno;
        close(bell);
        return -reason;
    }
    return bell;
}

int errand_doorbell_ring(int sender, int directory, const char *name, uint8_t topics) {
    struct sockaddr_un there;
    if (!address(&there, directory, name)) return ENAMETOOLONG;
    ssize_t sent = sendto(sender, &topics, 1, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&there, sizeof there);
    return sent == 1 ? 0 : errno;
}

int errand_wake_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : errno;
}
