// The crash handler: names the execution whose code crashed, in one line, and lets the crash go its way.
#include "crash.h"
#include "output.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define QUICK_THREAD_LOCAL static _Thread_local __attribute__((tls_model("initial-exec")))

// MARK: Alternate stacks

/// Our handler needs 2 KiB and the register frame up to 11 KiB; the rest is for handlers that come after ours.
enum { stack_bytes = 64 << 10, guard_bytes = 4 << 10 };

static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
static int has_stack_key;
QUICK_THREAD_LOCAL int is_covered;

static void drop_stack(void *base) {
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == (char *)base + guard_bytes) {
        stack_t none = {.ss_flags = SS_DISABLE};
        sigaltstack(&none, NULL);
    }
    munmap(base, guard_bytes + stack_bytes);
    // Destructors that come later may enter a scope once more.
    is_covered = 0;
}

static void make_stack_key(void) { has_stack_key = pthread_key_create(&stack_key, drop_stack) == 0; }

static void cover(void) {
    is_covered = 1;
    stack_t now;
    // Somebody else's stack is as good, if it is large enough.
    if (sigaltstack(NULL, &now) != 0 || (!(now.ss_flags & SS_DISABLE) && now.ss_size >= stack_bytes)) return;
    pthread_once(&stack_once, make_stack_key);
    if (!has_stack_key) return;
    char *base = mmap(NULL, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return;
    stack_t own = {.ss_sp = base + guard_bytes, .ss_size = stack_bytes};
    if (mprotect(base, guard_bytes, PROT_NONE) != 0 || pthread_setspecific(stack_key, base) != 0 || sigaltstack(&own, NULL) != 0) {
        pthread_setspecific(stack_key, NULL);
        munmap(base, guard_bytes + stack_bytes);
    }
}

void errand_crash_cover(void) {
    if (!is_covered) cover();
}

// MARK: Files

enum { file_limit = 64 };

/// Each descriptor plus one; 0 is a free place.
static _Atomic int files[file_limit];
static atomic_int crashes_under_way;

int errand_crash_add(int file) {
    for (int index = 0; index < file_limit; index++) {
        int expected = 0;
        if (atomic_compare_exchange_strong(&files[index], &expected, file + 1)) return 0;
    }
    return -ENOSPC;
}

int errand_crash_remove(int file) {
    for (int index = 0; index < file_limit; index++) {
        int expected = file + 1;
        if (atomic_compare_exchange_strong(&files[index], &expected, 0)) break;
    }
    // A handler counts itself before it reads the places: one of us two sees the other.
    return atomic_load(&crashes_under_way) == 0;
}

// MARK: The line

struct line {
    char text[256];
    size_t length;
};

static void put(struct line *line, const char *text) {
    while (*text && line->length < sizeof line->text) line->text[line->length++] = *text++;
}

static void put_number(struct line *line, const char *name, uint64_t number) {
    char digits[17];
    int start = 16;
    digits[16] = 0;
    do {
        digits[--start] = "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number);
    put(line, name);
    put(line, digits + start);
}

static uint64_t stack_pointer(const ucontext_t *context) {
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return context->uc_mcontext.sp;
#else
    (void)context;
    return 0;
#endif
}

/// A fault just below the stack pointer (a large frame may reach further than the guard page) is an overflow of the stack.
static int is_stack_overflow(int number, const siginfo_t *info, const ucontext_t *context) {
    if (number != SIGSEGV || info->si_code <= 0) return 0;
    uint64_t pointer = stack_pointer(context), address = (uint64_t)(uintptr_t)info->si_addr;
    return pointer > (64 << 10) && address >= pointer - (64 << 10) && address <= pointer + (4 << 10);
}

static void write_line(int number, const siginfo_t *info, const ucontext_t *context, struct errand_culprit culprit) {
    struct line line = {.length = 0};
    int has_address = info->si_code > 0 && number != SIGTRAP;
    put(&line, "errand-crash 1");
    put_number(&line, " signal=", (uint64_t)number);
    put_number(&line, " address=", has_address ? (uint64_t)(uintptr_t)info->si_addr : 0);
    put_number(&line, " overflow=", (uint64_t)is_stack_overflow(number, info, context));
    put_number(&line, " job=", (uint64_t)culprit.job);
    put_number(&line, " ordinal=", (uint64_t)culprit.ordinal);
    put(&line, " end\n");
    for (int index = 0; index < file_limit; index++) {
        int file = atomic_load(&files[index]) - 1;
        if (file < 0) continue;
        // A line that does not fit the disk is cut, and a cut line counts for nothing.
        ssize_t ignored = write(file, line.text, line.length);
        (void)ignored;
    }
}

// MARK: The handler

static const int numbers[] = {SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGFPE, SIGBUS};
enum { number_count = sizeof numbers / sizeof *numbers };

static struct sigaction before[number_count];
static void (*who_runs)(struct errand_culprit *);
static pid_t process;
static atomic_int install_state;
QUICK_THREAD_LOCAL int is_asking;
QUICK_THREAD_LOCAL int is_passing_on;
QUICK_THREAD_LOCAL sigjmp_buf back;

/// Whether this thread was just sending the signal to itself, as `abort` and `raise` do: the arguments of the call are still in its
/// registers. What another thread sends (a watchdog within the process) looks the same otherwise.
static int is_sent_by_itself(int number, const ucontext_t *context) {
#if defined(__x86_64__)
    const greg_t *registers = context->uc_mcontext.gregs;
    return registers[REG_RAX] == 0 && registers[REG_RDI] == process && registers[REG_RSI] == syscall(SYS_gettid) && registers[REG_RDX] == number;
#elif defined(__aarch64__)
    const unsigned long long *registers = context->uc_mcontext.regs;
    return registers[8] == SYS_tgkill && registers[0] == 0 && registers[1] == (unsigned long long)syscall(SYS_gettid)
        && registers[2] == (unsigned long long)number;
#else
    (void)number, (void)context;
    return 1;
#endif
}

/// Whether the signal comes from the very code that it has interrupted: a fault, or `abort` and `raise`. One that was sent from elsewhere
/// (a watchdog's SIGABRT) or is about another page's hardware says nothing about who happened to run here.
static int is_own_doing(int number, const siginfo_t *info, const ucontext_t *context) {
    if (number == SIGBUS && info->si_code == BUS_MCEERR_AO) return 0;
    return info->si_code > 0 || (info->si_code == SI_TKILL && info->si_pid == process && is_sent_by_itself(number, context));
}

/// Goes on as if our handler had never been: the exit signal, the core's registers and Swift's backtrace stay what they were.
static void pass_on(int number, siginfo_t *info, void *context, const struct sigaction *next) {
    int is_function = next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN;
    // A fault happens again where it happened, now under the handler of before. (An x86 breakpoint would not.)
    if (info->si_code > 0 && number != SIGTRAP) {
        sigaction(number, next, NULL);
    } else if (is_function) {
        is_passing_on = 1;
        if (next->sa_flags & SA_SIGINFO) {
            next->sa_sigaction(number, info, context);
        } else {
            next->sa_handler(number);
        }
        is_passing_on = 0;
    } else if (next->sa_handler == SIG_DFL) {
        sigaction(number, next, NULL);
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    }
}

/// Asks who runs. Never for long: a crash must not become a worker that hangs, still alive for all who look.
static struct errand_culprit ask(void) {
    struct errand_culprit culprit = {0, 0};
    struct sigaction alarm_action = {.sa_handler = SIG_DFL}, alarm_before;
    sigset_t mask, mask_before;
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    sigaction(SIGALRM, &alarm_action, &alarm_before);
    // Pool threads block it.
    pthread_sigmask(SIG_UNBLOCK, &mask, &mask_before);
    alarm(2);
    is_asking = 1;
    if (sigsetjmp(back, 0) == 0) {
        who_runs(&culprit);
    } else {
        culprit.job = culprit.ordinal = 0;
    }
    is_asking = 0;
    alarm(0);
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    sigaction(SIGALRM, &alarm_before, NULL);
    return culprit;
}

static void handle(int number, siginfo_t *info, void *context) {
    // A fault while asking who runs: nobody certain, then.
    if (is_asking) siglongjmp(back, 1);
    // A fault in the handler of before: it had its chance.
    if (is_passing_on) {
        static const struct sigaction standard = {.sa_handler = SIG_DFL};
        is_passing_on = 0;
        return pass_on(number, info, context, &standard);
    }
    int saved = errno;
    // A forked child inherits the handler but is no worker.
    if (getpid() == process) {
        static const struct errand_culprit nobody;
        atomic_fetch_add(&crashes_under_way, 1);
        int is_own = is_own_doing(number, info, context);
        write_line(number, info, context, is_own ? ask() : nobody);
        if (is_own) errand_output_last_words();
    }
    for (int index = 0; index < number_count; index++)
        if (numbers[index] == number) pass_on(number, info, context, &before[index]);
    errno = saved;
}

int errand_crash_install(void (*who)(struct errand_culprit *)) {
    int expected = 0;
    if (!atomic_compare_exchange_strong(&install_state, &expected, 1)) return 0;
    who_runs = who;
    process = getpid();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    // Not deferred, so that a fault in the handler comes back to it instead of killing by another signal.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    errand_crash_cover();
    for (int index = 0; index < number_count; index++) {
        // Read first: the handler must know its predecessor before it can be called.
        if (sigaction(numbers[index], NULL, &before[index]) == 0 && sigaction(numbers[index], &action, NULL) == 0) continue;
        int reason = errno;
        while (index-- > 0) sigaction(numbers[index], &before[index], NULL);
        atomic_store(&install_state, 0);
        return -reason;
    }
    atomic_store(&install_state, 2);
    return 0;
}

int errand_crash_is_installed(void) { return atomic_load(&install_state) == 2; }

void errand_crash_enter(void) {
    if (!is_covered && atomic_load_explicit(&install_state, memory_order_relaxed) == 2) cover();
}
