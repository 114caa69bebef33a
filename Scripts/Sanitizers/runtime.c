// Tells ThreadSanitizer what happens in three places of Swift's runtime that it cannot see. Linked into sanitized programs by Scripts/soak.
//
// These functions stand before the toolchain's own, call them, and say what happened: nothing is suppressed, and an access beside the
// Mutex is still a race (Witness.swift, "race"). Without them programs are reported that have nothing but one of the two in them
// (Witness.swift, "mutex" and "continuation").
//
// A contended Mutex. The uncontended path is inlined into its caller: instrumented, and understood. Under contention `_lockSlow` and
// `_unlockSlow` of the toolchain's library run, which is not instrumented and hands the lock over in the kernel (FUTEX_LOCK_PI).
//
// A continuation that is resumed before it is awaited. The runtime tells the sanitizer of tasks that wait for their resumption. Where
// it has come already, the task goes on at once, and is seen to write where `resume` has read.
//
// An `inout` argument counts as written when it is passed, beside what is really written then. One that takes no room, such as a
// SystemRandomNumberGenerator, has no address: the sanitizer is given whatever lies around, and reports it or dies looking it up. So
// only what is really written counts. (Linked with --wrap=__tsan_external_write.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SWIFT_ASYNC __attribute__((swiftasynccall))
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

// The first words of a ContinuationAsyncContext of the runtime (its layout is part of the ABI), and the status that it keeps there.
struct continuation {
    void *parent;
    void *resume;
    size_t flags;
    _Atomic size_t status;
};
enum { PENDING, AWAITED, RESUMED };

typedef SWIFT void resume_function(void *task);
static resume_function *real_resume, *real_throwing_resume;
static SWIFT void (*real_throw)(void *task, void *error);
static SWIFT_ASYNC void (*real_await)(struct continuation *context);
static SWIFT void *(*current_task)(void);

// Resumption and waiting take turns, so that it is known which came first. A flag, because the sanitizer knows pthread_mutex_t, and
// would take it for an order between all that use continuations.
static atomic_flag turn = ATOMIC_FLAG_INIT;
static void take_turn(void) { while (atomic_flag_test_and_set_explicit(&turn, memory_order_acquire)) sched_yield(); }
static void give_turn(void) { atomic_flag_clear_explicit(&turn, memory_order_release); }

// The wrapped functions' own names.
SWIFT void swift_continuation_resume(void *task);
SWIFT void swift_continuation_throwingResume(void *task);
SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error);
SWIFT_ASYNC void swift_continuation_await(struct continuation *context);

__attribute__((constructor(101))) static void find_continuations(void) {
    *(void **)&real_resume = dlsym(RTLD_NEXT, "swift_continuation_resume");
    *(void **)&real_throwing_resume = dlsym(RTLD_NEXT, "swift_continuation_throwingResume");
    *(void **)&real_throw = dlsym(RTLD_NEXT, "swift_continuation_throwingResumeWithError");
    *(void **)&real_await = dlsym(RTLD_NEXT, "swift_continuation_await");
    *(void **)&current_task = dlsym(RTLD_NEXT, "swift_task_getCurrent");
}

SWIFT void swift_continuation_resume(void *task) {
    __tsan_release(task);
    take_turn();
    real_resume(task);
    give_turn();
}

SWIFT void swift_continuation_throwingResume(void *task) {
    __tsan_release(task);
    take_turn();
    real_throwing_resume(task);
    give_turn();
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
    __tsan_release(task);
    take_turn();
    real_throw(task, error);
    give_turn();
}

SWIFT_ASYNC void swift_continuation_await(struct continuation *context) {
    void *task = current_task();
    take_turn();
    if (atomic_load_explicit(&context->status, memory_order_acquire) == RESUMED) {
        give_turn();
        __tsan_acquire(task);
        // The task goes on from here, and does not return.
        return real_await(context);
    }
    // The task is put to sleep before anybody can resume it; this thread returns.
    real_await(context);
    give_turn();
}

void __wrap___tsan_external_write(void *address, void *caller, void *tag) {
    (void)address, (void)caller, (void)tag;
}
