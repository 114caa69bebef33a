// The kind of a file system: statfs(2) is missing from Swift's Glibc import.
#include "filesystem.h"
#include <errno.h>
#include <sys/vfs.h>

int64_t errand_file_system_type(const char *path) {
    struct statfs status;
    if (statfs(path, &status) != 0) return -(int64_t)errno;
    return (int64_t)((uint64_t)status.f_type & 0xffffffff);
}
