/*
 * What the examples share: how they complain, how they say sizes and how far they
 * are, the platform of the machine, and tars that are looked at before they are
 * packed. PROGRAM is the name of the program.
 */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <ocilayout.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Says what went wrong, in one line. */
static inline void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs(PROGRAM ": ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* Says why a call failed that was reading source, through a callback which
 * returns -errno when it cannot. */
static inline void complain_of(const ocilayout_error *err, const char *source) {
    int64_t code = ocilayout_error_callback_code(err);
    if (code < 0)
        complain("%s: %s", source, strerror((int)-code));
    else
        complain("%s", ocilayout_error_message(err));
}

/* Sees to it that what was printed has arrived: the disk may be full. */
static inline bool flush_output(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    complain("standard output: %s", strerror(errno));
    return false;
}

/* Says a size for a person, such as 1.5 MiB. */
static inline const char *size_text(char text[32], double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit < 6; unit++)
        bytes /= 1024;
    snprintf(text, 32, "%.*f %s", unit > 0, bytes, units[unit]);
    return text;
}

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A long call, before the eyes of somebody or not. */
struct progress {
    const char *what;
    bool watched;
    double begun;
    uint64_t total; /* where the library cannot know it; else UINT64_MAX */
};

static inline struct progress begin_progress(const char *what) {
    struct progress progress = {what, isatty(STDERR_FILENO), now(), UINT64_MAX};
    return progress;
}

/* An ocilayout_progress_fn over a struct progress: draws its line over the one
 * before. */
static inline int32_t draw_progress(void *userdata, const ocilayout_progress *reached) {
    const struct progress *progress = userdata;
    uint64_t known = reached->bytes_total < UINT64_MAX ? reached->bytes_total : progress->total;
    double done = (double)reached->bytes_done, total = (double)known;
    double seconds = now() - progress->begun;
    char text[32];
    if (!progress->watched)
        return 0;
    fprintf(stderr, "\r%s: %s", progress->what, size_text(text, done));
    if (known > 0 && known < UINT64_MAX)
        fprintf(stderr, " of %s, %.0f %%", size_text(text, total), 100 * done / total);
    if (seconds > 0)
        fprintf(stderr, ", %.1f MB/s", done / seconds / 1e6);
    fputs("\033[K", stderr); /* erases the rest of a longer line */
    return 0;
}

/* Ends the line. */
static inline void end_progress(const struct progress *progress) {
    if (progress->watched)
        fputc('\n', stderr);
}

/* Reads what there is, also when a signal comes. Returns -errno when it cannot. */
static inline int64_t read_some(int fd, void *buf, size_t cap) {
    ssize_t n;
    do
        n = read(fd, buf, cap);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Says the platform of this machine in the words of images, which are Go's. */
static inline bool machine_platform(char *text, size_t size) {
    static const char *const architectures[][2] = {
        {"x86_64", "amd64"},   {"amd64", "amd64"},         {"aarch64", "arm64"},
        {"arm64", "arm64"},    {"armv7l", "arm/v7"},       {"armv6l", "arm/v6"},
        {"i686", "386"},       {"i586", "386"},            {"i386", "386"},
        {"ppc64le", "ppc64le"}, {"s390x", "s390x"},        {"riscv64", "riscv64"},
        {"loongarch64", "loong64"},
    };
    struct utsname machine;
    if (uname(&machine) < 0)
        return false;
    for (char *c = machine.sysname; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (strcmp(machine.machine, architectures[i][0]) == 0) {
            snprintf(text, size, "%s/%s", machine.sysname, architectures[i][1]);
            return true;
        }
    return false;
}

/* A tar whose first block has been read already. It may be a pipe. */
struct tar {
    int fd;
    size_t given; /* how much of head was read from us */
    unsigned char head[512];
};

/* Whether the block begins a tar: the header of a file, whose checksum is taken
 * as if the checksum itself were spaces, or the zeros that end an archive. */
static inline bool begins_tar(const unsigned char block[512]) {
    unsigned long sum = 0, expected = 0;
    bool zeros = true;
    for (int i = 0; i < 512; i++) {
        sum += i >= 148 && i < 156 ? ' ' : block[i];
        zeros = zeros && block[i] == 0;
    }
    for (int i = 148; i < 156; i++)
        if (block[i] >= '0' && block[i] <= '7')
            expected = expected * 8 + (block[i] - '0');
    return zeros || sum == expected;
}

/* Opens a tar, or complains. What is no plain tar is refused: compressed again
 * it would be a layer that nobody can unpack, and stored as it is its diff ID,
 * the digest of the plain tar, would not be known. */
static inline bool open_tar(struct tar *tar, const char *path) {
    static const struct {
        const char *name, *magic;
        size_t size;
    } compressions[] = {
        {"gzip", "\x1f\x8b", 2},
        {"zstd", "\x28\xb5\x2f\xfd", 4},
        {"xz", "\xfd\x37zXZ", 5},
        {"bzip2", "BZh", 3},
    };
    size_t size = 0;
    int64_t n = 0;

    tar->given = 0;
    tar->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (tar->fd < 0) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    while (size < sizeof tar->head
           && (n = read_some(tar->fd, tar->head + size, sizeof tar->head - size)) > 0)
        size += (size_t)n;
    if (n < 0) {
        complain("%s: %s", path, strerror((int)-n));
        goto refused;
    }
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++)
        if (size >= compressions[i].size
            && memcmp(tar->head, compressions[i].magic, compressions[i].size) == 0) {
            complain("%s: already compressed with %s; decompress it first", path,
                     compressions[i].name);
            goto refused;
        }
    if (size == sizeof tar->head && begins_tar(tar->head))
        return true;
    complain("%s: not a tar", path);

refused:
    close(tar->fd);
    tar->fd = -1;
    return false;
}

/* An ocilayout_read_fn over a struct tar. */
static inline int64_t read_tar(void *userdata, void *buf, size_t cap) {
    struct tar *tar = userdata;
    size_t left = sizeof tar->head - tar->given;
    if (left == 0)
        return read_some(tar->fd, buf, cap);
    if (cap > left)
        cap = left;
    memcpy(buf, tar->head + tar->given, cap);
    tar->given += cap;
    return (int64_t)cap;
}

#endif
