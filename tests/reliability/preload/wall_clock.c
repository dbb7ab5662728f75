/*
 * Sets the wall clock of one program, and nothing else of its time: for LD_PRELOAD.
 *
 * WALL_CLOCK names a file of one int64_t: nanoseconds by which the program's wall clock is ahead. A test writes it while
 * the program runs. The steady clock, the kernel's timers and every other process go on as they were.
 * The kernel is called without the C library, whose look-ups allocate: sanitizers call us before they can.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *ahead;

__attribute__((constructor)) static void map_offset(void) {
    const char *path = getenv("WALL_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) ahead = at;
}

int clock_gettime(clockid_t clock, struct timespec *into) {
    int result = (int)syscall(SYS_clock_gettime, clock, into);
    if (result != 0 || !ahead || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
    int64_t now = (int64_t)into->tv_sec * 1000000000 + into->tv_nsec + atomic_load(ahead);
    if (now < 0) now = 0;
    into->tv_sec = now / 1000000000;
    into->tv_nsec = now % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *into, void *zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
