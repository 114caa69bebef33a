// Where LeakSanitizer looks for leaks. Linked into sanitized programs by Scripts/soak.
#include <stdlib.h>

static int is_exit_test;

// The testing library takes the variable away before the test begins.
__attribute__((constructor)) static void look(void) { is_exit_test = getenv("SWT_EXIT_TEST_ID") != NULL; }

// Not in the process of an exit test: it ends in the middle of things, on purpose, and some take their own descriptors and processes
// away before, without which the sanitizer waits for ever for the helper that it looks with.
int __lsan_is_turned_off(void) { return is_exit_test; }
