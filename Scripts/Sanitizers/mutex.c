// Tells ThreadSanitizer about the half of Synchronization.Mutex that it cannot see. Linked into sanitized programs by Scripts/soak.
//
// The uncontended path of a Mutex is inlined into its caller: instrumented, and understood. Under contention `_lockSlow` and
// `_unlockSlow` of the toolchain's own library run, which is not instrumented and hands the lock over in the kernel (FUTEX_LOCK_PI), so
// that the sanitizer sees two threads in the closure with nothing between them: in a program that has nothing but two threads and a
// Mutex, too (Witness.swift, "mutex"). These functions stand before the library's, call them, and say what happened: nothing is
// suppressed, and an access beside the Mutex is still a race (Witness.swift, "race").
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

static SWIFT void (*real_lock)(uint32_t thread, SELF void *handle);
static SWIFT bool (*real_try_lock)(SELF void *handle);
static SWIFT void (*real_unlock)(SELF void *handle);

SWIFT void lock_slow(uint32_t thread, SELF void *handle) __asm__(LOCK);
SWIFT bool try_lock_slow(SELF void *handle) __asm__(TRY_LOCK);
SWIFT void unlock_slow(SELF void *handle) __asm__(UNLOCK);

__attribute__((constructor(101))) static void find(void) {
    *(void **)&real_lock = dlsym(RTLD_NEXT, LOCK);
    *(void **)&real_try_lock = dlsym(RTLD_NEXT, TRY_LOCK);
    *(void **)&real_unlock = dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void lock_slow(uint32_t thread, SELF void *handle) {
    real_lock(thread, handle);
    __tsan_acquire(handle);
}

SWIFT bool try_lock_slow(SELF void *handle) {
    bool is_locked = real_try_lock(handle);
    if (is_locked) __tsan_acquire(handle);
    return is_locked;
}

SWIFT void unlock_slow(SELF void *handle) {
    __tsan_release(handle);
    real_unlock(handle);
}
