/* A host that jumps out of a callback over the library's frames: it loses
 * memory, but no file, lock or half a blob. Without leak checks, for that. */
#include "check.h"

#include <setjmp.h>
#include <sys/wait.h>
#include <time.h>

static jmp_buf back;

/* A volatile counter, so that it is right after the jump. */
static int64_t jump_at_the_third(void *userdata, void *buf, size_t cap) {
    volatile int *calls = userdata;
    if (++*calls == 3)
        longjmp(back, 1);
    memset(buf, 'a' + *calls, cap);
    return (int64_t)cap;
}

static int32_t jump_and_match(void *userdata, const ocilayout_descriptor *descriptor) {
    (void)userdata, (void)descriptor;
    longjmp(back, 1);
}

/* Gives what it is asked for, of the one size that it is good for, and jumps in
 * the middle of it. */
static int64_t jump_in_a_blob(void *userdata, const ocilayout_descriptor *descriptor,
                              uint64_t offset, void *buf, size_t cap) {
    (void)userdata, (void)cap;
    CHECK_INT(ocilayout_descriptor_size(descriptor), 3);
    if (offset == 2)
        longjmp(back, 1);
    memcpy(buf, "abc" + offset, 2);
    return 2;
}

/* The layout is a good one, and can be opened and written to, also by another
 * process. The alarm of TESTS ends whoever waits for a lock here. */
static void check_usable(const char *dir, const char *before) {
    CHECK_UNCHANGED(dir, before);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        ocilayout *layout = layout_at(dir);
        ocilayout_descriptor *xyz = put(layout, "xyz");
        OK(ocilayout_append(layout, xyz, "child", 0, err));
        ocilayout_descriptor_free(xyz);
        ocilayout_free(layout);
        _exit(0);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    ocilayout *layout = layout_at(dir);
    CHECK(has_entry(layout, "child"));
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "parent", 0, err));
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static void from_reading(const char *dir, ocilayout_compression compression) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "other"));
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    char *before = tree_of(dir);
    volatile int calls = 0;
    if (setjmp(back) == 0) {
        ocilayout_descriptor *out;
        OK(ocilayout_blob_put_callback(layout, jump_at_the_third, (void *)&calls, options, NULL,
                                       NULL, &out, err));
    }
    CHECK_INT(calls, 3);
    CHECK_UNCHANGED(dir, before);
    /* The layout goes on meanwhile. */
    ocilayout_descriptor *second = put(layout, "second");
    OK(ocilayout_append(layout, second, "second", 0, err));
    OK(ocilayout_blob_remove(layout, ocilayout_descriptor_digest(second), err));
    ocilayout_match *match = named("second");
    OK(ocilayout_remove(layout, match, NULL, NULL, NULL, err));
    ocilayout_match_free(match);
    ocilayout_descriptor_free(second);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    check_usable(dir, before);
    free(before);
}

static void plain(const char *dir) { from_reading(dir, OCILAYOUT_COMPRESSION_NONE); }
static void gzip(const char *dir) { from_reading(dir, OCILAYOUT_COMPRESSION_GZIP); }
static void zstd(const char *dir) { from_reading(dir, OCILAYOUT_COMPRESSION_ZSTD); }

static int64_t jump_when_at_work(void *userdata, void *buf, size_t cap) {
    volatile size_t *given = userdata;
    if (*given > 4 << 20)
        longjmp(back, 1);
    for (size_t at = 0; at < cap; at++)
        ((char *)buf)[at] = (char)(at * at >> 7);
    *given += cap;
    return (int64_t)cap;
}

/* Out of a call whose threads are at work: they end with the layout. */
static void from_work(const char *dir, ocilayout_compression compression, bool among_others) {
    ocilayout *layout = layout_at(dir);
    OK(ocilayout_set_threads(layout, 3, err));
    ocilayout_descriptor_free(put(layout, "other"));
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    char *before = tree_of(dir);
    volatile size_t given = 0;
    ocilayout_sources *sources;
    OK(ocilayout_sources_new(&sources, err));
    OK(ocilayout_sources_add_callback(sources, jump_when_at_work, (void *)&given, options, err));
    if (setjmp(back) == 0) {
        ocilayout_descriptor *out;
        ocilayout_descriptors *list;
        if (among_others)
            OK(ocilayout_blob_put_all(layout, sources, 1, NULL, NULL, &list, err));
        else
            OK(ocilayout_blob_put_callback(layout, jump_when_at_work, (void *)&given, options, NULL,
                                           NULL, &out, err));
    }
    CHECK(given > 4 << 20);
    CHECK_UNCHANGED(dir, before);
    ocilayout_sources_free(sources);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    for (int i = 0; count_threads() > 1; i++) {
        CHECK(i < 1000);
        CHECK_INT(nanosleep(&(struct timespec){0, 1000000}, NULL), 0);
    }
    check_usable(dir, before);
    free(before);
}

static void plain_at_work(const char *dir) { from_work(dir, OCILAYOUT_COMPRESSION_NONE, false); }
static void gzip_at_work(const char *dir) { from_work(dir, OCILAYOUT_COMPRESSION_GZIP, false); }
static void zstd_at_work(const char *dir) { from_work(dir, OCILAYOUT_COMPRESSION_ZSTD, false); }
static void one_of_several(const char *dir) { from_work(dir, OCILAYOUT_COMPRESSION_GZIP, true); }

static void many(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "other"));
    char *before = tree_of(dir);
    for (volatile int i = 0; i < 20; i++) {
        volatile int calls = 0;
        if (setjmp(back) == 0) {
            ocilayout_descriptor *out;
            OK(ocilayout_blob_put_callback(layout, jump_at_the_third, (void *)&calls, NULL, NULL,
                                           NULL, &out, err));
        }
    }
    ocilayout_free(layout);
    check_usable(dir, before);
    free(before);
}

static void reading_a_tree(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "other"));
    ocilayout_descriptor *abc;
    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 3, &abc, err));
    char *before = tree_of(dir);
    if (setjmp(back) == 0)
        OK(ocilayout_write(layout, abc, jump_in_a_blob, NULL, NULL, NULL, err));
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
    check_usable(dir, before);
    free(before);
}

static void matching(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "one", 0, err));
    char *before = tree_of(dir);
    ocilayout_descriptors *list;
    if (setjmp(back) == 0)
        OK(ocilayout_replace(layout, NULL, jump_and_match, NULL, abc, "two", 0, NULL, err));
    if (setjmp(back) == 0)
        OK(ocilayout_remove(layout, NULL, jump_and_match, NULL, NULL, err));
    if (setjmp(back) == 0)
        OK(ocilayout_list(layout, NULL, jump_and_match, NULL, &list, err));
    /* No lock is left, whoever asks: another process, another handle, this one. */
    check_usable(dir, before);
    OK(ocilayout_append(layout, abc, "here", 0, err));
    CHECK(has_entry(layout, "parent") && has_entry(layout, "here"));
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
    free(before);
}

static bool is_end(const ocilayout_progress *progress) {
    return progress->bytes_done == progress->bytes_total
        && progress->items_done == progress->items_total;
}

static int32_t jump_from_the_middle(void *userdata, const ocilayout_progress *progress) {
    (void)userdata;
    if (!is_end(progress))
        longjmp(back, 1);
    return 0;
}

/* Whether it was told of in the middle, and so was left. */
static bool is_left_while_verifying(const ocilayout *layout) {
    if (setjmp(back) != 0)
        return true;
    ocilayout_findings *found;
    OK(ocilayout_verify(layout, 0, jump_from_the_middle, NULL, &found, err));
    ocilayout_findings_free(found);
    return false;
}

/* Its threads do without the frames that are lost, and end by themselves. */
static void verifying(const char *dir) {
    ocilayout *layout = layout_at(dir);
    OK(ocilayout_set_threads(layout, 2, err));
    ocilayout_descriptor_free(put(layout, "other"));
    char *before = tree_of(dir);
    size_t threads = count_threads();
    int blobs = 0;
    do
        put_sparse(dir, blobs++, 64 << 20);
    while (!is_left_while_verifying(layout));
    /* Others can use the layout meanwhile, and it can be closed. */
    ocilayout_free(layout);
    while (count_threads() > threads)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    while (blobs > 0)
        remove_sparse(dir, --blobs);
    check_usable(dir, before);
    free(before);
}

static int32_t jump_at_the_end(void *userdata, const ocilayout_progress *progress) {
    (void)userdata, (void)progress;
    longjmp(back, 1);
}

/* The blobs are there, and so is nothing else. */
static void telling_of_a_tree(const char *dir) {
    char copy[1100];
    snprintf(copy, sizeof copy, "%s-copy", dir);
    ocilayout *layout = layout_at(dir), *other = layout_at(copy);
    ocilayout_descriptor *abc = put(layout, "abc");
    if (setjmp(back) == 0)
        OK(ocilayout_write_from(other, abc, layout, jump_at_the_end, NULL, err));
    OK(ocilayout_append(other, abc, "parent", 0, err));
    ocilayout_collection *collection;
    if (setjmp(back) == 0)
        OK(ocilayout_collect(other, 0, 0, jump_at_the_end, NULL, &collection, err));
    ocilayout_descriptors *list;
    if (setjmp(back) == 0)
        OK(ocilayout_unreferenced(other, jump_at_the_end, NULL, &list, err));
    ocilayout_free(other);
    CHECK_WHOLE(copy);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

TESTS(plain, gzip, zstd, many, reading_a_tree, matching, plain_at_work, gzip_at_work, zstd_at_work,
      one_of_several, verifying, telling_of_a_tree)
