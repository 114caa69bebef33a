// The process's arguments, as the loader hands them to every constructor.
#include "arguments.h"

static int count;
static char **values;

/// Swift's `CommandLine` finds them by walking down the stack from `environ`, which a preloaded library moves to the heap when it sets a
/// variable before `main` (libfaketime does): then there are none.
__attribute__((constructor)) static void keep_arguments(int argc, char **argv) {
    count = argc;
    values = argv;
}

int errand_argument_count(void) { return count; }

const char *errand_argument(int index) { return index >= 0 && index < count ? values[index] : 0; }
