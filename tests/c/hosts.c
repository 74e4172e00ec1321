/* Hosts that fork, whose threads end inside of a callback, and that close what
 * is not theirs. Without leak checks: a process that ends loses memory. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static int64_t end_at_the_third(void *userdata, void *buf, size_t cap) {
    int *calls = userdata;
    if (++*calls == 3)
        pthread_exit(NULL);
    memset(buf, 'a' + *calls, cap);
    return (int64_t)cap;
}

static int32_t none(void *userdata, const ocilayout_descriptor *descriptor) {
    (void)userdata, (void)descriptor;
    return 0;
}

struct source {
    ocilayout *layout;
    int calls;
};

static void *put_and_end(void *userdata) {
    struct source *source = userdata;
    ocilayout_descriptor *out;
    OK(ocilayout_blob_put_callback(source->layout, end_at_the_third, &source->calls, NULL, NULL,
                                   NULL, &out, err));
    return NULL;
}

/* A thread that ends inside of a callback takes its process along, and no more
 * than that. */
static void ending_thread(const char *dir) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        struct source source = {layout_at(dir), 0};
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, put_and_end, &source), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
        _exit(0);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_INT(WTERMSIG(status), SIGABRT);
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "abc", 0, err));
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

/* A child has copies of all handles. What it does with them, short of using
 * them, is nothing to its parent. */
static void freeing_child(const char *dir) {
    ocilayout *layout = layout_at(dir), *transaction, *other = layout_at(dir);
    OK(ocilayout_begin(layout, &transaction, err));
    ocilayout_descriptor *staged = put(transaction, "staged");
    ocilayout_descriptor *leased = put(layout, "leased");
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        ocilayout_descriptor_free(staged);
        ocilayout_descriptor_free(leased);
        ocilayout_free(transaction);
        ocilayout_free(layout);
        ocilayout_free(other);
        _exit(0);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    /* The first edit sweeps what dead writers have left. */
    OK(ocilayout_remove(other, NULL, none, NULL, NULL, err));
    ocilayout_collection *collection;
    OK(ocilayout_collect(other, 0, 0, NULL, NULL, &collection, err));
    CHECK_INT(ocilayout_collection_count(collection), 1);
    CHECK_INT(ocilayout_collected_fate(ocilayout_collection_at(collection, 0)),
              OCILAYOUT_FATE_LEASED);
    ocilayout_collection_free(collection);
    OK(ocilayout_append(transaction, staged, "staged", 0, err));
    OK(ocilayout_commit(transaction, err));
    CHECK(has_entry(other, "staged"));
    ocilayout_descriptor_free(staged);
    ocilayout_descriptor_free(leased);
    ocilayout_free(transaction);
    ocilayout_free(layout);
    ocilayout_free(other);
    CHECK_WHOLE(dir);
}

struct closing {
    int at, calls;
};

static int64_t close_all(void *userdata, void *buf, size_t cap) {
    struct closing *closing = userdata;
    if (++closing->calls == closing->at)
        CHECK_INT(close_range(3, ~0U, 0), 0);
    memset(buf, 'a' + closing->calls % 16, cap);
    return closing->calls < closing->at + 2 ? (int64_t)cap : 0;
}

/* What is closed under the library fails, and publishes nothing: the directory while a
 * blob has no file yet, and the file. Built to find bugs, Rust ends a process that does
 * so. */
static void check_closing(const char *dir, int at, const char *failed) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "abc", 0, err));
    ocilayout_free(layout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        layout = layout_at(dir);
        ocilayout_descriptor *out;
        struct closing closing = {at, 0};
        FAILS(OCILAYOUT_ERR_IO, failed,
              ocilayout_blob_put_callback(layout, close_all, &closing, NULL, NULL, NULL, &out,
                                          err));
        FAILS(OCILAYOUT_ERR_IO, "", ocilayout_append(layout, abc, "other", 0, err));
        ocilayout_free(layout);
        _exit(0);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
    ocilayout_descriptor_free(abc);
    layout = layout_at(dir);
    OK(ocilayout_remove(layout, NULL, none, NULL, NULL, err));
    CHECK(has_entry(layout, "abc"));
    CHECK(!has_entry(layout, "other"));
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static void closing_host(const char *dir) { check_closing(dir, 3, "create a file in"); }
static void closing_host_later(const char *dir) { check_closing(dir, 12, "write a blob"); }

TESTS(ending_thread, freeing_child, closing_host, closing_host_later)
