/* System calls that fail on demand, for fail_at_each_call.py: loaded before the C library, so that Python, Arrow and
 * the core all call these. Only calls on what lies in one folder count. After `arm`, call number K fails:
 *   kind 'e': that call alone, with EIO;
 *   kind 'f': the disk is full from that call on, where only writes and creations count: a write takes half of its bytes,
 *             if there are two or more, and all after it get ENOSPC.
 * Of reads and writes in a row, the first counts, the second, the fourth, the eighth and so on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 65536
#define CALLS 65536
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char folder[4096];
static char kind;
static long fails_at, calls, in_a_row;
static int is_full;
static const char *failed, *last;
static const char *names[CALLS];
static char is_ours[DESCRIPTORS];

void arm(const char *in, char how, long number) {
    snprintf(folder, sizeof folder, "%s", in);
    kind = how;
    fails_at = number;
    calls = 0;
    is_full = 0;
    failed = last = NULL;
    in_a_row = 0;
}

void disarm(void) { folder[0] = 0; }

/* How many calls there were. */
long number_of_calls(void) { return calls; }

/* Which one a call was, by its number. */
const char *call_name(long number) { return names[number % CALLS]; }

/* The call that failed, or NULL. */
const char *failed_call(void) { return failed; }

static int is_in_folder(int at, const char *path) {
    if (!folder[0])
        return 0;
    if (path[0] == '/' || at == AT_FDCWD)
        return !strncmp(path, folder, strlen(folder));
    return at >= 0 && at < DESCRIPTORS && is_ours[at];
}

static int is_ours_open(int descriptor) {
    return folder[0] && descriptor >= 0 && descriptor < DESCRIPTORS && is_ours[descriptor];
}

static int is_repeated(const char *name) { return !strcmp(name, "read") || !strcmp(name, "write"); }

/* Count a call of ours; true if it has to fail, with errno set. */
static int fails(const char *name, int takes_space) {
    if (kind == 'f' && !takes_space)
        return 0;
    in_a_row = last && !strcmp(name, last) ? in_a_row + 1 : 1;
    last = name;
    int counts = in_a_row == 1 || !is_repeated(name) || !(in_a_row & (in_a_row - 1));
    calls += counts;
    names[calls % CALLS] = name;
    if (kind == 'e' && counts && calls == fails_at) {
        failed = name;
        errno = EIO;
        return 1;
    }
    if (kind == 'f' && (is_full || (counts && calls == fails_at))) {
        failed = name;
        is_full = 1;
        errno = ENOSPC;
        return 1;
    }
    return 0;
}

static int opened(int descriptor, int ours) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        is_ours[descriptor] = (char)ours;
    return descriptor;
}

#define OPEN(name, at, ...)                                            \
    mode_t mode = 0;                                                   \
    if (flags & (O_CREAT | O_TMPFILE)) {                               \
        va_list rest;                                                  \
        va_start(rest, flags);                                         \
        mode = va_arg(rest, mode_t);                                   \
        va_end(rest);                                                  \
    }                                                                  \
    int ours = is_in_folder(at, path);                                 \
    if (ours && fails("open", flags & O_CREAT))                        \
        return -1;                                                     \
    return opened(REAL(name)(__VA_ARGS__, flags, mode), ours)

int open(const char *path, int flags, ...) { OPEN(open, AT_FDCWD, path); }
int open64(const char *path, int flags, ...) { OPEN(open64, AT_FDCWD, path); }
int openat(int at, const char *path, int flags, ...) { OPEN(openat, at, at, path); }
int openat64(int at, const char *path, int flags, ...) { OPEN(openat64, at, at, path); }

int close(int descriptor) {
    int ours = is_ours_open(descriptor);
    opened(descriptor, 0);
    int result = REAL(close)(descriptor);
    return ours && fails("close", 0) ? -1 : result;
}

ssize_t read(int descriptor, void *bytes, size_t length) {
    if (is_ours_open(descriptor) && fails("read", 0))
        return -1;
    return REAL(read)(descriptor, bytes, length);
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t from) {
    if (is_ours_open(descriptor) && fails("pread", 0))
        return -1;
    return REAL(pread)(descriptor, bytes, length, from);
}

ssize_t pread64(int descriptor, void *bytes, size_t length, off64_t from) {
    if (is_ours_open(descriptor) && fails("pread", 0))
        return -1;
    return REAL(pread64)(descriptor, bytes, length, from);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    int was_full = is_full;
    if (is_ours_open(descriptor) && fails("write", 1)) {
        if (kind == 'e' || was_full || length < 2)
            return -1;
        length /= 2;
    }
    return REAL(write)(descriptor, bytes, length);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    if (is_ours_open(descriptor) && fails("writev", 1))
        return -1;
    return REAL(writev)(descriptor, parts, count);
}

int fsync(int descriptor) {
    return is_ours_open(descriptor) && fails("fsync", 0) ? -1 : REAL(fsync)(descriptor);
}

int rename(const char *from, const char *to) {
    return is_in_folder(AT_FDCWD, to) && fails("rename", 0) ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path) {
    return is_in_folder(AT_FDCWD, path) && fails("unlink", 0) ? -1 : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
    return is_in_folder(AT_FDCWD, path) && fails("mkdir", 1) ? -1 : REAL(mkdir)(path, mode);
}
