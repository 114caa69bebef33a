// Standard output and standard error as streams that tell who prints: fopencookie(3) is missing from Swift's Glibc import.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Takes what is printed to `stream` (1 or 2), on the thread that prints; returns whether it has dealt with it.
typedef bool (*errand_output_taker)(int stream, const char *bytes, size_t count);

/// Makes `stdout` and `stderr` unbuffered streams whose text is offered to `take` and, where it declines, written to descriptor 1 or 2.
/// Returns 0 or an errno value; a second call changes nothing.
int errand_capture_output(errand_output_taker take);

/// Writes what the calling thread has just printed to `stderr`, and `take` has taken, to descriptor 2: for a signal handler, on behalf
/// of a process that will not live to see it anywhere else.
void errand_output_last_words(void);

#ifdef __cplusplus
}
#endif
