/* The threads of the library: their names, how many there are at most, on which of them
 * callbacks run, and that none is left. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>

enum { MIB = 1 << 20 };

/* The threads of this process: all, and those that are named as the library's are. */
struct counted {
    int all, named;
};

static struct counted threads_of_kinds(void) {
    struct counted counted = {0, 0};
    DIR *dir = opendir("/proc/self/task");
    CHECK(dir != NULL);
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char file[512], name[64] = "";
        snprintf(file, sizeof file, "/proc/self/task/%s/comm", entry->d_name);
        FILE *comm = entry->d_name[0] == '.' ? NULL : fopen(file, "r");
        /* One that has ended meanwhile has no name any more. */
        if (comm == NULL)
            continue;
        if (fgets(name, sizeof name, comm) != NULL) {
            counted.all++;
            counted.named += strncmp(name, "ocilayout-", 10) == 0;
        }
        fclose(comm);
    }
    closedir(dir);
    return counted;
}

/* A thread that was joined may be seen for a moment longer: the kernel wakes who joins
 * it before it takes it out of the list. */
static void check_alone(void) {
    for (int i = 0; threads_of_kinds().all > 1; i++) {
        CHECK(i < 1000);
        CHECK_INT(nanosleep(&(struct timespec){0, 1000000}, NULL), 0);
    }
}

/* Bytes that take some work to compress, from a callback that counts threads. */
struct source {
    size_t left, calls;
    unsigned seed;
    long thread;
    struct counted most;
    bool elsewhere, all_are_named;
};

static struct source source_of(size_t size) {
    return (struct source){.left = size, .seed = 1, .thread = syscall(SYS_gettid)};
}

static int64_t read_source(void *userdata, void *buf, size_t cap) {
    struct source *source = userdata;
    size_t n = cap < source->left ? cap : source->left;
    for (size_t i = 0; i < n; i++) {
        source->seed = source->seed * 1103515245 + 12345;
        ((unsigned char *)buf)[i] = (unsigned char)("etaoin shrdlu"[source->seed >> 16 & 7]);
    }
    struct counted now = threads_of_kinds();
    /* A thread names itself, a moment after it was started. */
    for (int i = 0; source->all_are_named && now.named < now.all - 1; i++) {
        CHECK(i < 10000);
        CHECK_INT(nanosleep(&(struct timespec){0, 100000}, NULL), 0);
        now = threads_of_kinds();
    }
    if (now.all > source->most.all)
        source->most = now;
    source->elsewhere |= syscall(SYS_gettid) != source->thread;
    source->calls++;
    source->left -= n;
    return (int64_t)n;
}

static ocilayout_blob_options *compressing(ocilayout_compression compression) {
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    return options;
}

static const ocilayout_compression compressions[] = {
    OCILAYOUT_COMPRESSION_NONE, OCILAYOUT_COMPRESSION_GZIP, OCILAYOUT_COMPRESSION_ZSTD};

/* Puts so many bytes, and says what its callback saw. */
static struct source put_source(const ocilayout *layout, ocilayout_compression compression,
                                size_t size) {
    struct source source = source_of(size);
    source.all_are_named = compression != OCILAYOUT_COMPRESSION_ZSTD;
    ocilayout_blob_options *options = compressing(compression);
    ocilayout_descriptor *layer;
    OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &layer,
                                   err));
    check_alone();
    CHECK(!source.elsewhere);
    CHECK(source.calls > 1);
    ocilayout_descriptor_free(layer);
    ocilayout_blob_options_free(options);
    return source;
}

/* As many threads as are allowed, the calling one among them, and not fewer than two
 * where two are allowed. zstd has its own, beside the calling one. */
static void check_budgets(const char *dir, ocilayout_compression compression) {
    bool is_zstd = compression == OCILAYOUT_COMPRESSION_ZSTD;
    ocilayout *layout = layout_at(dir);
    for (int threads = 1; threads <= 5; threads++) {
        OK(ocilayout_set_threads(layout, (size_t)threads, err));
        struct counted most = put_source(layout, compression, 3 * MIB).most;
        int allowed = is_zstd ? threads + 1 : threads;
        if (most.all > allowed)
            fprintf(stderr, "%d threads are allowed, and %d are there, %d of them named\n",
                    allowed, most.all, most.named);
        CHECK(most.all <= allowed);
        CHECK(most.all > 1 || threads == 1);
    }
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static void budgets_as_given(const char *dir) { check_budgets(dir, OCILAYOUT_COMPRESSION_NONE); }
static void budgets_of_gzip(const char *dir) { check_budgets(dir, OCILAYOUT_COMPRESSION_GZIP); }
static void budgets_of_zstd(const char *dir) { check_budgets(dir, OCILAYOUT_COMPRESSION_ZSTD); }

/* Small blobs start none; the sizes are those that the header tells. */
static void small_blobs(const char *dir) {
    ocilayout *layout = layout_at(dir);
    OK(ocilayout_set_threads(layout, 4, err));
    CHECK_INT(put_source(layout, OCILAYOUT_COMPRESSION_NONE, 256 * 1024).most.all, 1);
    CHECK_INT(put_source(layout, OCILAYOUT_COMPRESSION_GZIP, MIB).most.all, 1);
    ocilayout_free(layout);
}

static void push(ocilayout_blob_writer *writer, size_t size) {
    struct source source = source_of(size);
    static char buf[65536];
    int64_t n;
    while ((n = read_source(&source, buf, sizeof buf)) > 0)
        OK(ocilayout_blob_writer_write(writer, buf, (size_t)n, err));
}

/* Threads go with the last blob that is being written, however it ends, and whatever was
 * freed before it. */
static void writers(const char *dir) {
    for (size_t i = 0; i < 3; i++)
        for (int finishes = 0; finishes < 2; finishes++) {
            ocilayout *layout = layout_at(dir);
            OK(ocilayout_set_threads(layout, 3, err));
            ocilayout_blob_options *options = compressing(compressions[i]);
            ocilayout_blob_writer *one, *other;
            ocilayout_descriptor *layer = NULL;
            OK(ocilayout_blob_writer_open(layout, options, &one, err));
            OK(ocilayout_blob_writer_open(layout, options, &other, err));
            CHECK(compressions[i] == OCILAYOUT_COMPRESSION_ZSTD || threads_of_kinds().all == 1);
            push(one, 2 * MIB);
            push(other, 2 * MIB);
            CHECK(threads_of_kinds().all > 1);
            ocilayout_blob_writer_free(one);
            ocilayout_free(layout);
            if (finishes)
                OK(ocilayout_blob_writer_finish(other, &layer, err));
            else
                ocilayout_blob_writer_free(other);
            check_alone();
            if (finishes)
                ocilayout_blob_writer_free(other);
            ocilayout_descriptor_free(layer);
            ocilayout_blob_options_free(options);
        }
    CHECK_WHOLE(dir);
}

static int64_t stop_at_once(void *userdata, void *buf, size_t cap) {
    (void)userdata, (void)buf, (void)cap;
    return -42;
}

/* Likewise for calls that fail, and for many sources. */
static void calls(const char *dir) {
    ocilayout *layout = layout_at(dir);
    for (size_t threads = 1; threads <= 3; threads += 2)
        for (size_t concurrency = 0; concurrency <= 2; concurrency++)
            for (int fails = 0; fails < 2; fails++) {
                OK(ocilayout_set_threads(layout, threads, err));
                struct source given[3];
                ocilayout_sources *sources;
                OK(ocilayout_sources_new(&sources, err));
                for (size_t i = 0; i < 3; i++) {
                    given[i] = source_of(MIB + 5 + i);
                    ocilayout_blob_options *options = compressing(compressions[i]);
                    OK(ocilayout_sources_add_callback(sources, read_source, &given[i], options,
                                                      err));
                    ocilayout_blob_options_free(options);
                }
                ocilayout_descriptors *list, *nothing;
                if (fails) {
                    OK(ocilayout_sources_add_callback(sources, stop_at_once, NULL, NULL, err));
                    STOPS(-42, ocilayout_blob_put_all(layout, sources, concurrency, NULL, NULL,
                                                      &list, err));
                } else {
                    OK(ocilayout_blob_put_all(layout, sources, concurrency, NULL, NULL, &list,
                                              err));
                    CHECK_INT(ocilayout_descriptors_count(list), 3);
                    for (size_t i = 0; i < 3; i++)
                        CHECK(!given[i].elsewhere || (threads > 1 && concurrency != 1));
                }
                check_alone();
                FAILS(OCILAYOUT_ERR_STATE, "sources",
                      ocilayout_blob_put_all(layout, sources, concurrency, NULL, NULL, &nothing,
                                             err));
                FAILS(OCILAYOUT_ERR_STATE, "sources",
                      ocilayout_sources_add_memory(sources, "abc", 3, NULL, err));
                ocilayout_descriptors_free(list);
                ocilayout_sources_free(sources);
            }
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

/* Many small blobs of a transaction share the budget as well, from one put to the next,
 * until it is committed or freed. */
static void transactions(const char *dir) {
    for (int round = 0; round < 8; round++) {
        bool waits = round & 1, commits = round & 2, alone = round & 4;
        uint64_t flags = OCILAYOUT_OPEN_CREATE | (waits ? 0 : OCILAYOUT_OPEN_DURABILITY_NONE);
        ocilayout *layout, *transaction;
        OK(ocilayout_open(dir, flags, &layout, err));
        OK(ocilayout_set_threads(layout, 3, err));
        OK(ocilayout_begin(layout, &transaction, err));
        if (alone)
            OK(ocilayout_set_threads(layout, 1, err));
        int most = 1;
        for (int i = 0; i < 3000; i++) {
            char text[64];
            snprintf(text, sizeof text, "blob %d of round %d", i, round);
            ocilayout_descriptor_free(put(transaction, text));
            if (i % 100 == 0) {
                struct counted now = threads_of_kinds();
                most = now.all > most ? now.all : most;
            }
        }
        if (alone)
            CHECK_INT(most, 1);
        else
            CHECK(most > 1 && most <= 3);
        if (commits) {
            OK(ocilayout_commit(transaction, err));
            check_alone();
        }
        ocilayout_free(transaction);
        check_alone();
        ocilayout_free(layout);
    }
    CHECK_WHOLE(dir);
}

static ocilayout *at_once(const char *dir) {
    ocilayout *layout;
    OK(ocilayout_open(dir, OCILAYOUT_OPEN_CREATE | OCILAYOUT_OPEN_DURABILITY_NONE, &layout, err));
    OK(ocilayout_set_threads(layout, 3, err));
    return layout;
}

static void put_numbered(const ocilayout *layout, int from, int to) {
    for (int i = from; i < to; i++) {
        char text[64];
        snprintf(text, sizeof text, "blob %d", i);
        ocilayout_descriptor_free(put(layout, text));
    }
}

static size_t count_blobs(const char *dir) {
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/blobs/sha256", dir);
    return count_names(folder);
}

/* What is given up stores no more, also where another transaction has its threads still. */
static void given_up_beside_another(const char *dir) {
    ocilayout *layout = at_once(dir), *one, *other;
    OK(ocilayout_begin(layout, &one, err));
    OK(ocilayout_begin(layout, &other, err));
    put_numbered(one, 0, 1030);
    ocilayout_free(one);
    size_t then = count_blobs(dir);
    CHECK_INT(nanosleep(&(struct timespec){0, 300000000}, NULL), 0);
    /* One for each thread. */
    CHECK(count_blobs(dir) <= then + 3);
    ocilayout_free(other);
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static void *put_many(void *transaction) {
    put_numbered(transaction, 0, 1025);
    return NULL;
}

static void *be_stopped(void *transaction) {
    ocilayout_descriptor *blob;
    FAILS(OCILAYOUT_ERR_CANCELLED, "",
          ocilayout_blob_put_memory(transaction, "more", 4, NULL, NULL, NULL, &blob, err));
    return NULL;
}

/* A put that waits while another one waits for a collection, when so much is held that it
 * gets its files. */
static void waiting_for_who_waits(const char *dir) {
    ocilayout *layout = at_once(dir), *transaction, *stopped;
    OK(ocilayout_begin(layout, &transaction, err));
    OK(ocilayout_interruptible(transaction, &stopped, err));
    char blobs[4096];
    snprintf(blobs, sizeof blobs, "%s/blobs", dir);
    int collection = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(collection >= 0);
    CHECK_INT(flock(collection, LOCK_EX), 0);
    pthread_t many, more;
    CHECK_INT(pthread_create(&many, NULL, put_many, transaction), 0);
    CHECK_INT(nanosleep(&(struct timespec){0, 200000000}, NULL), 0);
    CHECK_INT(pthread_create(&more, NULL, be_stopped, stopped), 0);
    CHECK_INT(nanosleep(&(struct timespec){0, 200000000}, NULL), 0);
    OK(ocilayout_interrupt(stopped, err));
    struct timespec until;
    CHECK_INT(clock_gettime(CLOCK_REALTIME, &until), 0);
    until.tv_sec += 60;
    CHECK_INT(pthread_timedjoin_np(more, NULL, &until), 0);
    CHECK_INT(flock(collection, LOCK_UN), 0);
    CHECK_INT(close(collection), 0);
    CHECK_INT(pthread_join(many, NULL), 0);
    OK(ocilayout_commit(transaction, err));
    ocilayout_free(stopped);
    ocilayout_free(transaction);
    ocilayout_free(layout);
    /* And "." and "..", but not the one that was stopped. */
    CHECK_INT(count_blobs(dir), 1025 + 2);
    CHECK_WHOLE(dir);
}

TESTS(given_up_beside_another, waiting_for_who_waits, transactions, budgets_as_given, budgets_of_gzip, small_blobs, writers, calls, budgets_of_zstd)
