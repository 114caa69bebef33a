// Standard output and standard error as cookie streams: every print passes through a callback on its own thread.
#include "output.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static errand_output_taker taker;

// MARK: Last words

enum { words_limit = 8 << 10 };

/// What one thread has printed to standard error in the last moments, and that was taken: a runtime says there why it traps, and where,
/// right before it does.
struct words {
    int64_t time;
    size_t length;
    char text[words_limit];
};

/// How long words may be on their way to a log and be lost with the process, in nanoseconds: a tenth of a second.
static const int64_t words_life = 100000000;

static pthread_key_t words_key;
static pthread_once_t words_once = PTHREAD_ONCE_INIT;
static int has_words_key;
static _Thread_local __attribute__((tls_model("initial-exec"))) struct words *last_words;

static void drop_words(void *words) {
    last_words = NULL;
    free(words);
}

static void make_words_key(void) { has_words_key = pthread_key_create(&words_key, drop_words) == 0; }

static struct words *own_words(void) {
    if (last_words) return last_words;
    pthread_once(&words_once, make_words_key);
    if (!has_words_key) return NULL;
    struct words *words = calloc(1, sizeof *words);
    if (words && pthread_setspecific(words_key, words) == 0) return last_words = words;
    free(words);
    return NULL;
}

static int64_t monotonic_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Keeps the newest text, that of the last moments only.
static void keep_words(const char *bytes, size_t count) {
    struct words *words = own_words();
    if (!words) return;
    if (count > words_limit) {
        bytes += count - words_limit;
        count = words_limit;
    }
    int64_t now = monotonic_time();
    size_t length = now - words->time > words_life ? 0 : words->length;
    // A signal in between finds nothing rather than half of it.
    words->length = 0;
    if (length + count > words_limit) {
        size_t kept = words_limit / 2 < words_limit - count ? words_limit / 2 : words_limit - count;
        if (kept > length) kept = length;
        memmove(words->text, words->text + length - kept, kept);
        length = kept;
    }
    memcpy(words->text + length, bytes, count);
    words->time = now;
    words->length = length + count;
}

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
    if (!taker(STDERR_FILENO, bytes, count)) return write_through(STDERR_FILENO, bytes, count);
    keep_words(bytes, count);
    return (ssize_t)count;
}

void errand_output_last_words(void) {
    struct words *words = last_words;
    if (!words || !words->length || monotonic_time() - words->time > words_life) return;
    write_through(STDERR_FILENO, words->text, words->length);
    words->length = 0;
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
