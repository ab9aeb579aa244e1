/* A lease that another process renews: the page both know, for C11 and C++17.
 *
 *     struct killcord_lease lease;
 *     int why = killcord_lease_claim(&lease, "/dev/shm/quoter.lease", "quoter");   (0, or a KILLCORD_LEASE_... below)
 *     killcord_lease_renew(&lease, ++decision);                                    (from the loop that decides)
 *     killcord_lease_close(&lease);                                                (gives the page up)
 *
 * The guard's process makes the page, with SharedLease(path, name) or as `killcord run`. It is one cache line, integers in
 * the byte order of the machine:
 *
 *      0   8  magic "KCLEASE1"                        24   8  start time of the owner, field 22 of /proc/<pid>/stat
 *      8   8  FNV-1a (64 bits) of the lease's name    32  16  boot id, as bytes
 *     16   4  generation: odd while being claimed     48   8  when renewed, ns of CLOCK_BOOTTIME; 0: does not say
 *     20   4  owner's pid; 0 when nobody's            56   8  progress
 *
 * Renewing is the store of a changed progress. Storing the time before it tells the guard exactly when; without it the
 * guard takes the time at which it saw the change, which is later than the truth by at most an eighth of the budget (at
 * most 20 ms). A progress that did not change, and 0, do not count. What proves nothing, and why: docs/leases.md.
 *
 * Not for a forked child: only the process that claimed may renew. The page must not be cut short while it is mapped.
 */
#ifndef KILLCORD_LEASE_H
#define KILLCORD_LEASE_H

#ifndef _GNU_SOURCE
#error "compile with -D_GNU_SOURCE, or define it before the first #include"
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
#include <atomic>
#define KILLCORD_ATOMIC(word) std::atomic<word>
using std::memory_order_relaxed;
using std::memory_order_release;
#else
#include <assert.h>
#include <stdatomic.h>
#define KILLCORD_ATOMIC(word) _Atomic(word)
#endif

struct killcord_page {
    char magic[8];
    uint64_t name;
    KILLCORD_ATOMIC(uint32_t) generation;
    KILLCORD_ATOMIC(uint32_t) pid;
    KILLCORD_ATOMIC(uint64_t) start_time;
    KILLCORD_ATOMIC(uint64_t) boot_id[2];
    KILLCORD_ATOMIC(uint64_t) renewed_at;
    KILLCORD_ATOMIC(uint64_t) progress;
};
static_assert(sizeof(struct killcord_page) == 64, "one cache line");

struct killcord_lease {
    struct killcord_page *page;
    uint32_t generation; /* of our claim */
    int fd;
};

enum {
    KILLCORD_LEASE_OK = 0,
    KILLCORD_LEASE_SYSTEM = -1, /* errno says what */
    KILLCORD_LEASE_UNSAFE = -2, /* a link, not a file, somebody else's, or open to others */
    KILLCORD_LEASE_NO_PAGE = -3, /* not the page of this lease */
    KILLCORD_LEASE_TAKEN = -4 /* another owner lives, or is just claiming */
};

/* The one store (and, before it, the time). Returns 1 when it was written, 0 when the page is no longer ours or the
 * progress is the one before. */
static inline int killcord_lease_renew(struct killcord_lease *lease, uint64_t progress)
{
    struct timespec now;
    struct killcord_page *page = lease->page;
    if (atomic_load_explicit(&page->generation, memory_order_relaxed) != lease->generation
        || atomic_load_explicit(&page->progress, memory_order_relaxed) == progress)
        return 0;
    clock_gettime(CLOCK_BOOTTIME, &now);
    atomic_store_explicit(
        &page->renewed_at, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, memory_order_relaxed);
    atomic_store_explicit(&page->progress, progress, memory_order_release);
    return 1;
}

#define KILLCORD_SIX " %*s %*s %*s %*s %*s %*s"

/* When the process was started, in clock ticks since boot; 0 when there is none. */
static inline uint64_t killcord_start_time(uint32_t pid)
{
    char path[40], stat[1024], state;
    unsigned long long started;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return 0;
    stat[length] = 0;
    char *after = strrchr(stat, ')'); /* the program's name may hold anything, brackets included */
    if (!after || sscanf(after + 1, " %c" KILLCORD_SIX KILLCORD_SIX KILLCORD_SIX " %llu", &state, &started) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : started;
}

static inline int killcord_boot_id(uint64_t id[2])
{
    unsigned char bytes[16], *byte = bytes;
    char text[64] = {0};
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    for (char *at = text; length > 0 && *at && byte < bytes + 16; at += *at == '-' ? 1 : 2) {
        if (*at != '-' && sscanf(at, "%2hhx", byte++) != 1)
            return -1;
    }
    memcpy(id, bytes, 16);
    return byte == bytes + 16 ? 0 : -1;
}

/* Held while a claim is written; dropped by the system with the last descriptor. */
static inline int killcord_lock(int fd, short kind)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = kind;
    return fcntl(fd, F_OFD_SETLK, &lock);
}

static inline void killcord_write_claim(struct killcord_page *page, uint32_t generation, uint32_t pid,
    uint64_t start_time, const uint64_t boot_id[2])
{
    atomic_store_explicit(&page->generation, generation - 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&page->pid, pid, memory_order_relaxed);
    atomic_store_explicit(&page->start_time, start_time, memory_order_relaxed);
    atomic_store_explicit(&page->boot_id[0], boot_id[0], memory_order_relaxed);
    atomic_store_explicit(&page->boot_id[1], boot_id[1], memory_order_relaxed);
    atomic_store_explicit(&page->renewed_at, 0, memory_order_relaxed);
    atomic_store_explicit(&page->progress, 0, memory_order_relaxed);
    atomic_store_explicit(&page->generation, generation, memory_order_release);
}

static inline int killcord_claim_locked(struct killcord_lease *lease, const char *name)
{
    struct killcord_page *page = lease->page;
    uint64_t hash = 0xcbf29ce484222325u, boot_id[2], start_time = killcord_start_time((uint32_t)getpid());
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    if (memcmp(page->magic, "KCLEASE1", 8) || page->name != hash)
        return KILLCORD_LEASE_NO_PAGE;
    if (killcord_boot_id(boot_id) || !start_time)
        return KILLCORD_LEASE_SYSTEM;
    uint32_t generation = page->generation, owner = page->pid;
    int this_boot = page->boot_id[0] == boot_id[0] && page->boot_id[1] == boot_id[1];
    /* An odd generation under the lock was left by somebody who died while claiming. */
    if (generation % 2 == 0 && owner && this_boot && killcord_start_time(owner) == page->start_time)
        return KILLCORD_LEASE_TAKEN;
    lease->generation = (generation | 1) + 1;
    killcord_write_claim(page, lease->generation, (uint32_t)getpid(), start_time, boot_id);
    return KILLCORD_LEASE_OK;
}

/* Makes this process the owner of the page at `path`, which the guard has made. */
static inline int killcord_lease_claim(struct killcord_lease *lease, const char *path, const char *name)
{
    struct stat about;
    void *page;
    int outcome = KILLCORD_LEASE_SYSTEM;
    lease->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (lease->fd < 0)
        return errno == ELOOP ? KILLCORD_LEASE_UNSAFE : KILLCORD_LEASE_SYSTEM;
    if (fstat(lease->fd, &about) == 0) {
        if (!S_ISREG(about.st_mode) || about.st_uid != geteuid() || (about.st_mode & 077))
            outcome = KILLCORD_LEASE_UNSAFE;
        else if (about.st_size != sizeof(struct killcord_page))
            outcome = KILLCORD_LEASE_NO_PAGE;
        else if ((page = mmap(NULL, sizeof(struct killcord_page), PROT_READ | PROT_WRITE, MAP_SHARED, lease->fd, 0))
            != MAP_FAILED) {
            lease->page = (struct killcord_page *)page;
            if (killcord_lock(lease->fd, F_WRLCK))
                outcome = errno == EAGAIN || errno == EACCES ? KILLCORD_LEASE_TAKEN : KILLCORD_LEASE_SYSTEM;
            else
                outcome = killcord_claim_locked(lease, name);
            killcord_lock(lease->fd, F_UNLCK);
            if (outcome == KILLCORD_LEASE_OK)
                return outcome;
            munmap(page, sizeof(struct killcord_page));
        }
    }
    close(lease->fd);
    return outcome;
}

/* Gives the page up, so that somebody can claim it. The lease lapses unless it is closed at the guard. */
static inline void killcord_lease_close(struct killcord_lease *lease)
{
    const uint64_t nobody[2] = {0, 0};
    if (killcord_lock(lease->fd, F_WRLCK) == 0) {
        if (atomic_load(&lease->page->generation) == lease->generation)
            killcord_write_claim(lease->page, lease->generation + 2, 0, 0, nobody);
        killcord_lock(lease->fd, F_UNLCK);
    }
    munmap(lease->page, sizeof(struct killcord_page));
    close(lease->fd);
}

#endif
