// The process's arguments, whatever libraries were preloaded into it.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// How many there are, the program's name included.
int errand_argument_count(void);

/// One of them, for the process's life; null past the end.
const char *errand_argument(int index);

#ifdef __cplusplus
}
#endif
