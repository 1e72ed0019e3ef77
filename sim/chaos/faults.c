/* A disk and a clock that misbehave when told: preloaded into one process, told through a shared file.
 *
 * The file named by TURNLEAF_FAULTS holds three numbers: milliseconds that each sync takes, the errno with which
 * each write to a database file fails (0: it does not), and seconds by which the wall clock is wrong. Only pwrite
 * fails, which SQLite uses for its files: logs and sockets go on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
    int64_t sync_ms, write_errno, clock_s;
};

static struct faults none;
static volatile struct faults *told = &none;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TURNLEAF_FAULTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *at = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (at != MAP_FAILED)
        told = at;
    close(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void rest(void) {
    int64_t ms = told->sync_ms;
    if (ms > 0) {
        struct timespec wait = {ms / 1000, (ms % 1000) * 1000000};
        nanosleep(&wait, NULL);
    }
}

int fsync(int fd) {
    rest();
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    rest();
    return REAL(fdatasync)(fd);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    if (told->write_errno) {
        errno = (int)told->write_errno;
        return -1;
    }
    return REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    if (told->write_errno) {
        errno = (int)told->write_errno;
        return -1;
    }
    return REAL(pwrite64)(fd, data, size, at);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    int done = REAL(clock_gettime)(which, at);
    if (which == CLOCK_REALTIME)
        at->tv_sec += told->clock_s;
    return done;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    int done = REAL(gettimeofday)(at, zone);
    at->tv_sec += told->clock_s;
    return done;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
