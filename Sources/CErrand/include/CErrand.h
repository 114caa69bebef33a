// The few things that Swift's Glibc import cannot say: OFD locks, thread names, variadic SQLite settings.
#pragma once
#include <stdint.h>
#include "arguments.h"
#include "crash.h"
#include "filesystem.h"
#include "mapping.h"
#include "output.h"
#include "parent.h"
#include "process.h"
#include "signals.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Names the calling thread (15 bytes at most; longer names are cut), for `top -H` and crash reports.
void errand_thread_name(const char *name);

#ifdef __cplusplus
}
#endif
