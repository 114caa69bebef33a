// The kind of a file system.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The magic number (statfs(2)) of the file system that holds `path`, or a negative errno.
int64_t errand_file_system_type(const char *path);

#ifdef __cplusplus
}
#endif
