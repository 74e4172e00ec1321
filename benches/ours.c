/*
 * ours: what the benchmarks measure, by the header alone.
 *
 *     ours layer   DURABILITY LAYOUT TAR gzip|zstd LEVEL   one layer, by a callback
 *     ours directory DURABILITY LAYOUT DIRECTORY gzip LEVEL  one layer of a directory
 *     ours blobs   DURABILITY LAYOUT BLOB...               layers whose digests are known
 *     ours trusted DURABILITY LAYOUT BLOB...               the same, not hashed again
 *     ours images  DURABILITY LAYOUT COUNT                 small images, one by one
 *     ours batch   DURABILITY LAYOUT COUNT                 small images, in one transaction
 *
 * DURABILITY is full, ordered or none. A LEVEL of -1 is the default. A BLOB is
 * called by its digest, a dash and its diff ID.
 */
#include "ours.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_source(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    fprintf(stderr, "ours: %s: %s\n", path, strerror(errno));
    exit(1);
}

static uint64_t durability_of(const char *word) {
    if (strcmp(word, "none") == 0)
        return OCILAYOUT_OPEN_DURABILITY_NONE;
    return strcmp(word, "ordered") == 0 ? OCILAYOUT_OPEN_DURABILITY_ORDERED : 0;
}

/* Names an image and lets it go. */
static void append(const ocilayout *layout, ocilayout_image *image, const char *name) {
    ocilayout_descriptor *manifest;
    ocilayout_error *err;
    must(ocilayout_image_finish(image, &manifest, &err), err);
    must(ocilayout_append(layout, manifest, name, 0, &err), err);
    ocilayout_descriptor_free(manifest);
    ocilayout_image_free(image);
}

static int64_t from_file(void *fd, void *buf, size_t cap) {
    return read(*(int *)fd, buf, cap);
}

/* The words are a source, a compression and its level. */
static void put_layer(const ocilayout *layout, char **words, int is_directory) {
    int zstd = strcmp(words[1], "zstd") == 0;
    ocilayout_blob_options *options = new_options();
    ocilayout_image *image = new_image(layout);
    ocilayout_descriptor *layer;
    ocilayout_error *err;
    must(ocilayout_blob_options_set_compression(
             options, zstd ? OCILAYOUT_COMPRESSION_ZSTD : OCILAYOUT_COMPRESSION_GZIP,
             atoi(words[2]), &err),
         err);
    if (is_directory) {
        must(ocilayout_blob_put_directory(layout, words[0], NULL, options, NULL, NULL, &layer,
                                          &err),
             err);
    } else {
        int tar = open_source(words[0]);
        must(ocilayout_blob_put_callback(layout, from_file, &tar, options, NULL, NULL, &layer,
                                         &err),
             err);
        close(tar);
    }
    add_layer(image, layer, NULL);
    append(layout, image, "image");
    ocilayout_descriptor_free(layer);
    ocilayout_blob_options_free(options);
}

/* The digest that is the first or the second half of a blob's name. */
static void digest_in(const char *path, int half, char digest[72]) {
    const char *name = strrchr(path, '/');
    if (!name || strlen(name) != 1 + 64 + 1 + 64) {
        fprintf(stderr, "ours: %s: its name is no pair of digests\n", path);
        exit(1);
    }
    snprintf(digest, 72, "sha256:%.64s", name + 1 + half * (64 + 1));
}

static void add_source(ocilayout_sources *sources, const char *path, uint64_t flags) {
    ocilayout_blob_options *options = new_options();
    ocilayout_error *err;
    struct stat stat;
    char digest[72];
    int fd = open_source(path);
    if (fstat(fd, &stat) < 0)
        abort();
    close(fd);
    digest_in(path, 0, digest);
    must(ocilayout_blob_options_set_media_type(options, OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_GZIP,
                                               &err),
         err);
    must(ocilayout_blob_options_set_expected_digest(options, digest, &err), err);
    must(ocilayout_blob_options_set_expected_size(options, (uint64_t)stat.st_size, &err), err);
    must(ocilayout_blob_options_set_flags(options, flags, &err), err);
    must(ocilayout_sources_add_file(sources, path, options, &err), err);
    ocilayout_blob_options_free(options);
}

static void put_blobs(const ocilayout *layout, char **paths, size_t count, uint64_t flags) {
    ocilayout_image *image = new_image(layout);
    ocilayout_sources *sources;
    ocilayout_descriptors *layers;
    ocilayout_error *err;
    must(ocilayout_sources_new(&sources, &err), err);
    for (size_t i = 0; i < count; i++)
        add_source(sources, paths[i], flags);
    must(ocilayout_blob_put_all(layout, sources, 0, NULL, NULL, &layers, &err), err);
    for (size_t i = 0; i < count; i++) {
        char diff_id[72];
        digest_in(paths[i], 1, diff_id);
        add_layer(image, ocilayout_descriptors_at(layers, i), diff_id);
    }
    append(layout, image, "image");
    ocilayout_descriptors_free(layers);
    ocilayout_sources_free(sources);
}

static void put_images(const ocilayout *layout, int count) {
    ocilayout_blob_options *options = small_options();
    for (int number = 0; number < count; number++) {
        char name[32];
        ocilayout_descriptor *manifest = put_small_image(layout, options, number);
        ocilayout_error *err;
        small_name(name, number);
        must(ocilayout_append(layout, manifest, name, 0, &err), err);
        ocilayout_descriptor_free(manifest);
    }
    ocilayout_blob_options_free(options);
}

static void put_batch(const ocilayout *layout, int count) {
    ocilayout *transaction;
    ocilayout_error *err;
    must(ocilayout_begin(layout, &transaction, &err), err);
    put_images(transaction, count);
    must(ocilayout_commit(transaction, &err), err);
    ocilayout_free(transaction);
}

int main(int argc, char **argv) {
    const char *verb = argc > 4 ? argv[1] : "";
    ocilayout *layout = NULL;
    if (argc > 4)
        layout = open_layout(argv[3], OCILAYOUT_OPEN_CREATE | durability_of(argv[2]));
    if (strcmp(verb, "layer") == 0 && argc == 7) {
        put_layer(layout, argv + 4, 0);
    } else if (strcmp(verb, "directory") == 0 && argc == 7) {
        put_layer(layout, argv + 4, 1);
    } else if (strcmp(verb, "blobs") == 0) {
        put_blobs(layout, argv + 4, (size_t)(argc - 4), 0);
    } else if (strcmp(verb, "trusted") == 0) {
        put_blobs(layout, argv + 4, (size_t)(argc - 4), OCILAYOUT_BLOB_TRUSTED);
    } else if (strcmp(verb, "images") == 0) {
        put_images(layout, atoi(argv[4]));
    } else if (strcmp(verb, "batch") == 0) {
        put_batch(layout, atoi(argv[4]));
    } else {
        fputs("usage: see the top of benches/ours.c\n", stderr);
        return 2;
    }
    ocilayout_free(layout);
    return 0;
}
