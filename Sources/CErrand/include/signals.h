// Signals as bytes in a pipe.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// Turns the signals in `numbers` into bytes (the signal's number) of a pipe and returns its read end, which blocks; a negative errno
/// on failure, -EBUSY when called twice. Child processes get the signals' default handling.
int errand_signal_pipe(const int *numbers, int count);

/// Makes writes into a closed pipe fail with EPIPE instead of ending the process, without children inheriting it; 0 or a negative errno.
int errand_outlive_sigpipe(void);

#ifdef __cplusplus
}
#endif
