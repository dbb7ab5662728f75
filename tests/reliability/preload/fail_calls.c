/*
 * Makes one file call of a program fail: for LD_PRELOAD.
 *
 * FAIL_CALLS names a file of one `struct control`, which a test reads and writes while the program runs. Calls count
 * when their path holds one of the words, or ends with one that ends with $; those on descriptors when the file was
 * opened under such a path.
 * The kernel is called without the C library, whose look-ups allocate: sanitizers call us before they can.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WORDS = 4, WORD = 80, DESCRIPTORS = 65536 };

struct control {
    _Atomic int64_t count;   /* calls so far; the test sets it to 0 */
    _Atomic int64_t number;  /* of the call that fails; 0: none */
    _Atomic int64_t error;   /* errno it fails with */
    _Atomic int64_t failed;  /* calls that were made to fail */
    char call[16];           /* the last of them */
    char words[WORDS][WORD];
};

static struct control *control;
static _Atomic char watched[DESCRIPTORS];

__attribute__((constructor)) static void map_control(void) {
    const char *path = getenv("FAIL_CALLS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) control = at;
}

static int holds(const char *path, const char *word) {
    size_t size = strlen(word), length = strlen(path);
    if (size == 0) return 0;
    if (word[size - 1] != '$') return strstr(path, word) != NULL;
    return length >= size - 1 && memcmp(path + length - (size - 1), word, size - 1) == 0;
}

static int concerns(const char *path) {
    if (!control || !path) return 0;
    for (int i = 0; i < WORDS; ++i) {
        if (holds(path, control->words[i])) return 1;
    }
    return 0;
}

static int must_fail(int counts, const char *call) {
    if (!control || !counts) return 0;
    if (atomic_fetch_add(&control->count, 1) + 1 != atomic_load(&control->number)) return 0;
    strncpy(control->call, call, sizeof control->call - 1);
    atomic_fetch_add(&control->failed, 1);
    errno = (int)atomic_load(&control->error);
    return 1;
}

static int is_watched(int fd) { return fd >= 0 && fd < DESCRIPTORS && watched[fd]; }
static void watch(int fd, int counts) {
    if (fd >= 0 && fd < DESCRIPTORS) watched[fd] = (char)counts;
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    int counts = concerns(path);
    if (must_fail(counts, "open")) return -1;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    watch(fd, counts);
    return fd;
}

int close(int fd) {
    watch(fd, 0);
    return (int)syscall(SYS_close, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
    return must_fail(is_watched(fd), "pwrite") ? -1 : syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return must_fail(is_watched(fd), "pwritev") ? -1 : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    return must_fail(is_watched(fd), "preadv2") ? -1 : syscall(SYS_preadv2, fd, parts, count, offset, 0, flags);
}

int fdatasync(int fd) { return must_fail(is_watched(fd), "fdatasync") ? -1 : (int)syscall(SYS_fdatasync, fd); }

int fsync(int fd) { return must_fail(is_watched(fd), "fsync") ? -1 : (int)syscall(SYS_fsync, fd); }

int fstat(int fd, struct stat *into) {
    return must_fail(is_watched(fd), "fstat") ? -1 : fstatat(fd, "", into, AT_EMPTY_PATH);
}

int rename(const char *from, const char *to) {
    if (must_fail(concerns(from) || concerns(to), "rename")) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int remove(const char *path) {
    if (must_fail(concerns(path), "remove")) return -1;
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    return result != 0 && errno == EISDIR ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) : result;
}

int mkdir(const char *path, mode_t mode) {
    return must_fail(concerns(path), "mkdir") ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
