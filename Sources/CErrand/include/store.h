// What the SQLite store needs of Linux: byte locks that belong to an open file, and datagram sockets below a directory descriptor.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Takes the exclusive lock of one byte of an open file (F_OFD_SETLK). With `wait`, sleeps until it is free.
/// Gives 0, or an errno: EAGAIN when somebody else holds it and `wait` is 0.
int errand_lock_take(int file, int64_t byte, int wait);

/// Gives back the lock of one byte of an open file.
int errand_lock_release(int file, int64_t byte);

/// Whether another open file holds the lock of a byte: 1 it does, 0 it is free, or a negative errno.
int errand_lock_probe(int file, int64_t byte);

/// When the file at `path` was made, in nanoseconds since 1970; 0 where the file system does not keep it or there is no such file.
int64_t errand_birth_time(const char *path);

/// A datagram socket bound to `name` below the directory; the path's limit of 107 bytes is met through /proc/self/fd.
/// Gives the socket, or a negative errno.
int errand_doorbell_open(int directory, const char *name);

/// A datagram socket to send with, or a negative errno.
int errand_doorbell_sender(void);

/// Sends one byte to the socket `name` below the directory without waiting. Gives 0, or an errno.
int errand_doorbell_ring(int sender, int directory, const char *name, uint8_t topics);

/// A pipe that neither blocks nor survives exec: ends[0] to read, ends[1] to write. Gives 0, or an errno.
int errand_wake_pipe(int ends[2]);

#ifdef __cplusplus
}
#endif
