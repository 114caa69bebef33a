// Standard output and standard error as cookie streams: every print passes through a callback on its own thread.
#include "output.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static errand_output_taker taker;

/// Writes all of it, as a stream over the descriptor would.
static ssize_t write_through(int descriptor, const char *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t written = write(descriptor, bytes + done, count - done);
        if (written < 0 && errno == EINTR) continue;
        // A cookie stream reports an error by a short count.
        if (written < 0) break;
        done += (size_t)written;
    }
    return (ssize_t)done;
}

static ssize_t print_output(void *cookie, const char *bytes, size_t count) {
    (void)cookie;
    return taker(STDOUT_FILENO, bytes, count) ? (ssize_t)count : write_through(STDOUT_FILENO, bytes, count);
}

static ssize_t print_error(void *cookie, const char *bytes, size_t count) {
    (void)cookie;
    return taker(STDERR_FILENO, bytes, count) ? (ssize_t)count : write_through(STDERR_FILENO, bytes, count);
}

int errand_capture_output(errand_output_taker take) {
    if (taker) return 0;
    FILE *output = fopencookie(NULL, "w", (cookie_io_functions_t){.write = print_output});
    if (!output) return errno;
    FILE *errors = fopencookie(NULL, "w", (cookie_io_functions_t){.write = print_error});
    if (!errors) {
        int reason = errno;
        fclose(output);
        return reason;
    }
    // Unbuffered: the callback must run on the thread that prints, while it prints.
    setvbuf(output, NULL, _IONBF, 0);
    setvbuf(errors, NULL, _IONBF, 0);
    // What was printed before is not to come out after what will be.
    fflush(stdout);
    fflush(stderr);
    taker = take;
    stdout = output;
    stderr = errors;
    return 0;
}
