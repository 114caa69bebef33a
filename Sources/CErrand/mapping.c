// Maps files whose every block exists: a page fault on a hole of a full file system is a SIGBUS that nobody can catch.
#include "mapping.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

void *errand_map_allocated(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    if ((protection & PROT_WRITE) && (flags & MAP_SHARED) && file >= 0) {
        int code;
        do code = fallocate(file, FALLOC_FL_KEEP_SIZE, offset, (off_t)length);
        while (code != 0 && errno == EINTR);
        // Only a lack of room is a reason to refuse: where blocks cannot be asked for, a mapping is what it always was.
        if (code != 0 && (errno == ENOSPC || errno == EDQUOT)) return MAP_FAILED;
    }
    return mmap(address, length, protection, flags, file, offset);
}
