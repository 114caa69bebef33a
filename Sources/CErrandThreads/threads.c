// Every new thread gets an alternate signal stack, so that a stack overflow on it can be told: pool threads that run child tasks
// never pass through code of ours otherwise. Only for programs that are ours from end to end (ErrandApp).
#include "crash.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_OTHER_WRAPPER 1 // Sanitizers watch thread creation themselves.
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_OTHER_WRAPPER)

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

struct start {
    void *(*routine)(void *);
    void *argument;
};

static void *run(void *pointer) {
    struct start start = *(struct start *)pointer;
    free(pointer);
    errand_crash_cover();
    return start.routine(start.argument);
}

/// Weak, so that a program with a wrapper of its own keeps it.
__attribute__((weak)) int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    static _Atomic(create_function *) next;
    create_function *create = atomic_load(&next);
    if (!create) {
        create = (create_function *)dlsym(RTLD_NEXT, "pthread_create");
        if (!create) return ENOSYS;
        atomic_store(&next, create);
    }
    struct start *start = malloc(sizeof *start);
    if (!start) return EAGAIN;
    *start = (struct start){routine, argument};
    int error = create(thread, attributes, run, start);
    if (error) free(start);
    return error;
}

#endif
