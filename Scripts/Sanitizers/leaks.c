// Where LeakSanitizer looks for leaks: in the programs that the tests start. Linked into sanitized programs by Scripts/soak.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

// Not in the tests themselves: they leave stores that never answer and clocks that never go on, on purpose, with all that waits for
// them. Exit tests end in the middle of things, and some take their own descriptors and processes away before, without which the
// sanitizer waits for ever for the helper that it looks with.
int __lsan_is_turned_off(void) { return strstr(program_invocation_short_name, ".xctest") != NULL; }

// Foundation's own: Data(contentsOf:) of an empty file leaves its buffer (4096 bytes) behind. The test programs read such files; nothing in
// Sources uses it.
const char *__lsan_default_suppressions(void) { return "leak:readBytesFromFile\n"; }
