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
#include <ocilayout.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A benchmark that cannot do its work has nothing to tell. */
static void must(ocilayout_status status, ocilayout_error *err) {
    if (status == OCILAYOUT_OK)
        return;
    fprintf(stderr, "ours: %s\n", ocilayout_error_message(err));
    exit(1);
}

static int open_source(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    fprintf(stderr, "ours: %s: %s\n", path, strerror(errno));
    exit(1);
}

static ocilayout *open_layout(const char *durability, const char *path) {
    uint64_t flags = OCILAYOUT_OPEN_CREATE;
    ocilayout *layout;
    ocilayout_error *err;
    if (strcmp(durability, "none") == 0)
        flags |= OCILAYOUT_OPEN_DURABILITY_NONE;
    else if (strcmp(durability, "ordered") == 0)
        flags |= OCILAYOUT_OPEN_DURABILITY_ORDERED;
    must(ocilayout_open(path, flags, &layout, &err), err);
    return layout;
}

static ocilayout_blob_options *new_options(void) {
    ocilayout_blob_options *options;
    ocilayout_error *err;
    must(ocilayout_blob_options_new(&options, &err), err);
    return options;
}

static ocilayout_image *new_image(const ocilayout *layout) {
    ocilayout_image *image;
    ocilayout_error *err;
    must(ocilayout_image_new(layout, &image, &err), err);
    must(ocilayout_image_set_platform(image, "linux/amd64", &err), err);
    return image;
}

static void add_layer(ocilayout_image *image, const ocilayout_descriptor *layer,
                      const char *diff_id) {
    ocilayout_error *err;
    must(ocilayout_image_add_layer(image, layer, diff_id, "bench", &err), err);
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
    ocilayout_blob_options *options = new_options();
    ocilayout_error *err;
    must(ocilayout_blob_options_set_media_type(options, OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER, &err),
         err);
    for (int number = 0; number < count; number++) {
        char content[1024 + 1], name[32];
        ocilayout_image *image = new_image(layout);
        ocilayout_descriptor *layer;
        snprintf(content, sizeof content, "%-1024d", number);
        snprintf(name, sizeof name, "image-%d", number);
        must(ocilayout_blob_put_memory(layout, content, 1024, options, NULL, NULL, &layer, &err),
             err);
        add_layer(image, layer, NULL);
        append(layout, image, name);
        ocilayout_descriptor_free(layer);
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
    ocilayout *layout = argc > 4 ? open_layout(argv[2], argv[3]) : NULL;
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
