/*
 * floors: what the machine allows, with no layout around it.
 *
 *     floors hash BLOB...             reads and hashes, one thread
 *     floors hash-all BLOB...         the same, all cores
 *     floors copy OUT BLOB...         copies inside of the kernel, hashes nothing
 *     floors write OUT BLOB...        hashes and writes
 *     floors durable OUT BLOB...      the same; writing out is begun early, and waited for
 *
 * All but the first use as many threads as there are cores. OUT is a directory,
 * which is made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 128 * 1024, STRETCH = 8 * 1024 * 1024, MOST_THREADS = 64 };

static struct {
    char **blobs;
    size_t count;
    atomic_size_t next;
    int out;
    bool copies, is_durable;
} job;

static void must(bool held, const char *what) {
    if (held)
        return;
    fprintf(stderr, "floors: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void copy(int from, int to, const char *path) {
    ssize_t n;
    while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
        ;
    must(n == 0, path);
}

static void write_all(int to, const char *bytes, size_t size, const char *path) {
    while (size > 0) {
        ssize_t n = write(to, bytes, size);
        must(n > 0, path);
        bytes += n;
        size -= (size_t)n;
    }
}

/* Hashes what from gives, and writes it unless to is -1. */
static void hash(int from, int to, const char *path) {
    static _Thread_local char piece[PIECE];
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    off_t written = 0, begun = 0;
    ssize_t n;
    must(context && EVP_DigestInit_ex(context, EVP_sha256(), NULL), "SHA-256");
    while ((n = read(from, piece, sizeof piece)) > 0) {
        must(EVP_DigestUpdate(context, piece, (size_t)n), "SHA-256");
        if (to < 0)
            continue;
        write_all(to, piece, (size_t)n, path);
        written += n;
        if (job.is_durable && written - begun >= STRETCH) {
            must(sync_file_range(to, begun, written - begun, SYNC_FILE_RANGE_WRITE) == 0, path);
            begun = written;
        }
    }
    must(n == 0, path);
    must(EVP_DigestFinal_ex(context, digest, NULL), "SHA-256");
    EVP_MD_CTX_free(context);
}

static void *store_blobs(void *nothing) {
    size_t i;
    while ((i = atomic_fetch_add(&job.next, 1)) < job.count) {
        char *path = job.blobs[i];
        const char *name = basename(path);
        int from = open(path, O_RDONLY), to = openat(job.out, ".", O_TMPFILE | O_WRONLY, 0644);
        char link[64];
        must(from >= 0, path);
        must(to >= 0, "a temporary file");
        if (job.copies)
            copy(from, to, path);
        else
            hash(from, to, path);
        must(!job.is_durable || fdatasync(to) == 0, path);
        snprintf(link, sizeof link, "/proc/self/fd/%d", to);
        must(linkat(AT_FDCWD, link, job.out, name, AT_SYMLINK_FOLLOW) == 0, path);
        close(from);
        close(to);
    }
    return nothing;
}

static void *hash_blobs(void *nothing) {
    size_t i;
    while ((i = atomic_fetch_add(&job.next, 1)) < job.count) {
        int from = open(job.blobs[i], O_RDONLY);
        must(from >= 0, job.blobs[i]);
        hash(from, -1, job.blobs[i]);
        close(from);
    }
    return nothing;
}

static void on_all_cores(void *work(void *)) {
    pthread_t threads[MOST_THREADS];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores > MOST_THREADS)
        cores = MOST_THREADS;
    for (long i = 0; i < cores; i++)
        must(pthread_create(&threads[i], NULL, work, NULL) == 0, "a thread");
    for (long i = 0; i < cores; i++)
        pthread_join(threads[i], NULL);
}

static void store(const char *out) {
    must(mkdir(out, 0755) == 0, out);
    job.out = open(out, O_RDONLY | O_DIRECTORY);
    must(job.out >= 0, out);
    on_all_cores(store_blobs);
    must(!job.is_durable || fsync(job.out) == 0, out);
}

int main(int argc, char **argv) {
    const char *verb = argc > 2 ? argv[1] : "";
    bool hashes = strncmp(verb, "hash", 4) == 0;
    int first = hashes ? 2 : 3;
    job.copies = strcmp(verb, "copy") == 0;
    job.is_durable = strcmp(verb, "durable") == 0;
    job.blobs = argv + first;
    job.count = argc > first ? (size_t)(argc - first) : 0;
    if (job.count > 0 && strcmp(verb, "hash") == 0) {
        hash_blobs(NULL);
    } else if (job.count > 0 && strcmp(verb, "hash-all") == 0) {
        on_all_cores(hash_blobs);
    } else if (job.count > 0 && (job.copies || job.is_durable || strcmp(verb, "write") == 0)) {
        store(argv[2]);
    } else {
        fputs("usage: floors hash|hash-all BLOB... | floors copy|write|durable OUT BLOB...\n",
              stderr);
        return 2;
    }
    return 0;
}
