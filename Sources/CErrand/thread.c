// Thread names: pthread_setname_np is missing from Swift's Glibc import.
#include "CErrand.h"
#include <pthread.h>
#include <string.h>

void errand_thread_name(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}
