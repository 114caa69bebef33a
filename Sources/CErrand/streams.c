// The numbers of the standard streams, kept free of other files.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/// A process that was started with a standard stream closed would get its number for the next file that it opens, and what anybody prints
/// would end up in the event queue of its own threads or in a crash file. Before `main`, since the runtime opens files before it, too.
__attribute__((constructor)) static void keep_standard_streams(void) {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
        if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
        // Gets the lowest number that is free: this one. Where even /dev/null is missing nothing is worse than without.
        int ignored = open("/dev/null", O_RDWR);
        (void)ignored;
    }
}
