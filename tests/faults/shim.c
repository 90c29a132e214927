/* Before libc: of the calls of one kind on files below a folder, the n-th kills the process, fails, or writes only half.

   Half of what it was to write is written in any case: as a full disk does, and a kill between two pages. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE, FSYNC, RENAME, MKDIR, OPEN, UNLINK, READ, KINDS };

static char folder[4096];
static int kind = -1, action, counts[KINDS];
static long at;

enum { KILL = -1, SHORT = -2 };

/* Count from now on what happens below a folder; at the n-th call of this kind do something: `KILL`, `SHORT`, an errno. */
void fault_arm(const char *below, int which, long n, int what)
{
    strncpy(folder, below, sizeof folder - 1);
    memset(counts, 0, sizeof counts);
    kind = which, at = n, action = what;
}

int fault_count(int which)
{
    return counts[which];
}

static int hits(int which, const char *path)
{
    if (!folder[0] || !path || strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    return ++counts[which] == at && which == kind;
}

static int hits_descriptor(int which, int descriptor)
{
    char link[64], path[4096];
    if (!folder[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return hits(which, path);
}

static int strike(void)
{
    if (action == KILL)
        raise(SIGKILL);
    errno = action;
    return -1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name)

ssize_t write(int descriptor, const void *data, size_t size)
{
    REAL(write);
    if (hits_descriptor(WRITE, descriptor)) {
        const ssize_t written = real(descriptor, data, action == SHORT ? (size + 1) / 2 : size / 2);
        return written < 0 || action == SHORT ? written : strike();
    }
    return real(descriptor, data, size);
}

ssize_t read(int descriptor, void *data, size_t size)
{
    REAL(read);
    return hits_descriptor(READ, descriptor) ? strike() : real(descriptor, data, size);
}

int fsync(int descriptor)
{
    REAL(fsync);
    return hits_descriptor(FSYNC, descriptor) ? strike() : real(descriptor);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    return hits(RENAME, to) ? strike() : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    return hits(MKDIR, path) ? strike() : real(path, mode);
}

int unlink(const char *path)
{
    REAL(unlink);
    return hits(UNLINK, path) ? strike() : real(path);
}

#define OPENS(name)                                             \
    int name(const char *path, int flags, ...)                  \
    {                                                           \
        REAL(name);                                             \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        const mode_t mode = va_arg(rest, mode_t);               \
        va_end(rest);                                           \
        return hits(OPEN, path) ? strike() : real(path, flags, mode); \
    }
OPENS(open)
OPENS(open64)
