/* Children of a process whose threads are at work on layers. A child may exec, exit and
 * free its copies, and waits for nobody: the threads are not in it. Without leak checks:
 * what the threads held is lost in the child. */
#define _GNU_SOURCE
#include "check.h"

#include <sys/wait.h>
#include <time.h>

enum { MIB = 1 << 20, FORKS = 12 };

static char data[4 * MIB];

/* What the child does with its copies. */
enum deed { FREE_WRITER_FIRST, FREE_LAYOUT_FIRST, EXEC, LEAVE, DEEDS };

static void in_the_child(enum deed deed, ocilayout *layout, ocilayout_blob_writer *writer) {
    alarm(20);
    switch (deed) {
    case FREE_WRITER_FIRST:
        ocilayout_blob_writer_free(writer);
        ocilayout_free(layout);
        break;
    case FREE_LAYOUT_FIRST:
        ocilayout_free(layout);
        ocilayout_blob_writer_free(writer);
        break;
    case EXEC:
        execlp("true", "true", (char *)NULL);
        _exit(1);
    default:
        exit(0);
    }
    _exit(0);
}

static pid_t start_child(enum deed deed, ocilayout *layout, ocilayout_blob_writer *writer) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        in_the_child(deed, layout, writer);
    return child;
}

static void check_child(enum deed deed, pid_t child) {
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    if (status != 0)
        fprintf(stderr, "a child of deed %d: status %d\n", (int)deed, status);
    CHECK_INT(status, 0);
}

static ocilayout_blob_options *compressing(ocilayout_compression compression, int32_t level) {
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, compression, level, err));
    OK(ocilayout_blob_options_set_media_type(options, compression == OCILAYOUT_COMPRESSION_NONE
        ? "application/vnd.oci.image.layer.v1.tar" : compression == OCILAYOUT_COMPRESSION_GZIP
        ? "application/vnd.oci.image.layer.v1.tar+gzip"
        : "application/vnd.oci.image.layer.v1.tar+zstd", err));
    return options;
}

/* Forks after each write, when there is work to be done. The parent's blob is none the
 * worse for it. */
static void of_a_writer(const char *dir, ocilayout_compression compression, int32_t level) {
    for (size_t at = 0; at < sizeof data; at++)
        data[at] = (char)(at * at >> 7);
    ocilayout *layout = layout_at(dir);
    OK(ocilayout_set_threads(layout, 3, err));
    ocilayout_blob_options *options = compressing(compression, level);
    ocilayout_descriptor *whole, *pieces;
    ocilayout_blob_writer *writer;
    OK(ocilayout_blob_writer_open(layout, options, &writer, err));
    char hex[65];
    char *all = malloc(FORKS * (size_t)MIB);
    CHECK(all != NULL);
    for (int i = 0; i < FORKS; i++) {
        memcpy(all + (size_t)i * MIB, data + i % 3, MIB);
        OK(ocilayout_blob_writer_write(writer, data + i % 3, MIB, err));
        enum deed deed = (enum deed)(i % DEEDS);
        check_child(deed, start_child(deed, layout, writer));
    }
    OK(ocilayout_blob_writer_finish(writer, &pieces, err));
    sha256(all, FORKS * (size_t)MIB, hex);
    CHECK_TEXT(ocilayout_descriptor_diff_id(pieces) + strlen("sha256:"), hex);
    OK(ocilayout_blob_put_memory(layout, all, FORKS * (size_t)MIB, options, NULL, NULL, &whole,
                                 err));
    CHECK_TEXT(ocilayout_descriptor_digest(pieces), ocilayout_descriptor_digest(whole));
    free(all);
    ocilayout_descriptor_free(whole);
    ocilayout_descriptor_free(pieces);
    ocilayout_blob_writer_free(writer);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static void plain(const char *dir) { of_a_writer(dir, OCILAYOUT_COMPRESSION_NONE, 0); }
static void gzip_0(const char *dir) { of_a_writer(dir, OCILAYOUT_COMPRESSION_GZIP, 0); }
static void gzip_1(const char *dir) { of_a_writer(dir, OCILAYOUT_COMPRESSION_GZIP, 1); }
static void zstd_1(const char *dir) { of_a_writer(dir, OCILAYOUT_COMPRESSION_ZSTD, 1); }

/* Forks inside of callbacks of the call that is being made, and frees the layout there. */
struct source {
    ocilayout *layout;
    size_t left;
    int forks;
};

static int64_t fork_and_read(void *userdata, void *buf, size_t cap) {
    struct source *source = userdata;
    size_t n = cap < source->left ? cap : source->left;
    if (source->left % (MIB / 2) < n) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(20);
            ocilayout_free(source->layout);
            _exit(0);
        }
        check_child(FREE_LAYOUT_FIRST, child);
        source->forks++;
    }
    memset(buf, (int)source->left, n);
    source->left -= n;
    return (int64_t)n;
}

static void inside_of_calls(const char *dir) {
    static const ocilayout_compression compressions[] = {
        OCILAYOUT_COMPRESSION_NONE, OCILAYOUT_COMPRESSION_GZIP, OCILAYOUT_COMPRESSION_ZSTD};
    ocilayout *layout = layout_at(dir);
    OK(ocilayout_set_threads(layout, 3, err));
    ocilayout_sources *sources;
    struct source given[3];
    OK(ocilayout_sources_new(&sources, err));
    for (size_t i = 0; i < 3; i++) {
        ocilayout_blob_options *options =
            compressing(compressions[i], OCILAYOUT_LEVEL_DEFAULT);
        ocilayout_descriptor *layer;
        struct source source = {layout, 6 * MIB, 0};
        OK(ocilayout_blob_put_callback(layout, fork_and_read, &source, options, NULL, NULL,
                                       &layer, err));
        CHECK(source.forks > 5);
        ocilayout_descriptor_free(layer);
        given[i] = (struct source){layout, 4 * MIB + i, 0};
        OK(ocilayout_sources_add_callback(sources, fork_and_read, &given[i], options, err));
        ocilayout_blob_options_free(options);
    }
    ocilayout_descriptors *list;
    OK(ocilayout_blob_put_all(layout, sources, 3, NULL, NULL, &list, err));
    CHECK_INT(ocilayout_descriptors_count(list), 3);
    ocilayout_descriptors_free(list);
    ocilayout_sources_free(sources);
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

TESTS(plain, gzip_0, gzip_1, zstd_1, inside_of_calls)
