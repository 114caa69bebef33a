// Maps files whose every block exists.
#pragma once
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Like mmap(2), but makes sure first that a shared mapping for writing has no holes: MAP_FAILED with ENOSPC or EDQUOT where the file
/// system has no room for them, instead of a SIGBUS at the first write to one.
void *errand_map_allocated(void *address, size_t length, int protection, int flags, int file, off_t offset);

#ifdef __cplusplus
}
#endif
