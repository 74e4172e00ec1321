/*
 * multi-platform: makes one image for several platforms, each from a directory or a
 * tar.
 *
 *     multi-platform LAYOUT NAME OS/ARCHITECTURE=DIRECTORY|TAR...
 *
 * The layout is made if it is not there. Of each directory or tar an image of one
 * layer is made, and an index over all of them takes the place of what had the name,
 * in one step. In what comes of a directory all files belong to root, and none is
 * younger than SOURCE_DATE_EPOCH, if that is set. The digest of the index is
 * printed, and whoever asks for the name gets the image for their platform.
 *
 *     multi-platform layout hello:1.0 linux/amd64=build/amd64 linux/arm64=arm64.tar
 *     skopeo --override-arch arm64 inspect oci:layout:hello:1.0
 *
 * cc multi-platform.c -o multi-platform $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#define PROGRAM "multi-platform"
#include "common.h"

#include <stdlib.h>
#include <sys/stat.h>

/* What becomes the image for one platform. */
struct input {
    const char *platform, *path;
    bool is_directory;
    struct tar tar;
    int64_t failure; /* what reading the tar failed with: -errno, or 0 */
};

/* Takes PLATFORM=PATH apart. */
static bool parse(char *argument, struct input *input) {
    char *equals = strchr(argument, '=');
    if (!equals)
        return false;
    *equals = '\0';
    input->platform = argument;
    input->path = equals + 1;
    return true;
}

/* Clients take the first image for their platform: they would never see a second. */
static bool platforms_differ(const struct input *inputs, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(inputs[i].platform, inputs[j].platform) == 0) {
                complain("%s: given twice, for %s and %s", inputs[i].platform, inputs[j].path,
                         inputs[i].path);
                return false;
            }
    return true;
}

/* Opens the tars, or complains. A directory is opened when it is read. */
static bool open_inputs(struct input *inputs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct stat stat_of;
        inputs[i].is_directory =
            stat(inputs[i].path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
        if (!inputs[i].is_directory && !open_tar(&inputs[i].tar, inputs[i].path))
            return false;
    }
    return true;
}

/* An ocilayout_read_fn over an input that is a tar. It may run on another thread. */
static int64_t read_input(void *userdata, void *buf, size_t cap) {
    struct input *input = userdata;
    int64_t n = read_tar(&input->tar, buf, cap);
    if (n < 0)
        input->failure = n;
    return n;
}

/* Stores the layers of all images at once. */
static bool put_layers(const ocilayout *layout, const char *name,
                       struct input *inputs, size_t count,
                       ocilayout_descriptors **out, ocilayout_error **err) {
    struct progress progress = begin_progress(name);
    ocilayout_directory_options *how = NULL;
    ocilayout_blob_options *gzip = NULL;
    ocilayout_sources *sources = NULL;

    bool failed = ocilayout_directory_options_new(&how, err)
        || ocilayout_directory_options_set_owners(how, OCILAYOUT_OWNERS_ROOT, err)
        || ocilayout_directory_options_set_source_date_epoch(how, err)
        || ocilayout_blob_options_new(&gzip, err)
        || ocilayout_blob_options_set_compression(gzip, OCILAYOUT_COMPRESSION_GZIP,
                                                            OCILAYOUT_LEVEL_DEFAULT, err)
        || ocilayout_sources_new(&sources, err);
    for (size_t i = 0; !failed && i < count; i++)
        failed = inputs[i].is_directory
            ? ocilayout_sources_add_directory(sources, inputs[i].path, how, gzip, err)
            : ocilayout_sources_add_callback(sources, read_input, &inputs[i], gzip, err);
    if (!failed) {
        failed = ocilayout_blob_put_all(layout, sources, 0, draw_progress, &progress, out, err);
        end_progress(&progress);
    }
    ocilayout_sources_free(sources);
    ocilayout_blob_options_free(gzip);
    ocilayout_directory_options_free(how);
    return !failed;
}

/* Makes an image of a layer, and adds it to the index. */
static bool add_image(const ocilayout *layout, ocilayout_index *index,
                      const char *platform, const ocilayout_descriptor *layer,
                      ocilayout_error **err) {
    ocilayout_image *image = NULL;
    ocilayout_descriptor *manifest = NULL;

    bool failed = ocilayout_image_new(layout, &image, err)
        || ocilayout_image_set_platform(image, platform, err)
        || ocilayout_image_add_layer(image, layer, NULL, PROGRAM, err)
        || ocilayout_image_finish(image, &manifest, err)
        || ocilayout_index_add_manifest(index, manifest, err);
    ocilayout_descriptor_free(manifest);
    ocilayout_image_free(image);
    return !failed;
}

/* Says why, with the name of the tar if one could not be read. */
static void complain_of_inputs(const ocilayout_error *err, const struct input *inputs,
                               size_t count) {
    for (size_t i = 0; i < count; i++)
        if (inputs[i].failure) {
            complain_of(err, inputs[i].path);
            return;
        }
    complain("%s", ocilayout_error_message(err));
}

static int make(const char *path, const char *name, struct input *inputs, size_t count) {
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL, *transaction = NULL;
    ocilayout_descriptors *layers = NULL;
    ocilayout_index *builder = NULL;
    ocilayout_descriptor *index = NULL;
    ocilayout_match *same_name = NULL;
    int rc = 1;

    if (ocilayout_reference_check(name, &err)
        || ocilayout_open(path, OCILAYOUT_OPEN_CREATE, &layout, &err)
        || ocilayout_begin(layout, &transaction, &err)
        || !put_layers(transaction, name, inputs, count, &layers, &err)
        || ocilayout_index_new(transaction, &builder, &err))
        goto failed;
    for (size_t i = 0; i < count; i++)
        if (!add_image(transaction, builder, inputs[i].platform,
                      ocilayout_descriptors_at(layers, i), &err))
            goto failed;

    if (ocilayout_index_finish(builder, &index, &err)
        || ocilayout_match_reference(name, &same_name, &err)
        || ocilayout_replace(transaction, same_name, NULL, NULL, index, name, 0, NULL, &err)
        || ocilayout_commit(transaction, &err))
        goto failed;
    puts(ocilayout_descriptor_digest(index));
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain_of_inputs(err, inputs, count);
out:
    ocilayout_match_free(same_name);
    ocilayout_descriptor_free(index);
    ocilayout_index_free(builder);
    ocilayout_descriptors_free(layers);
    ocilayout_free(transaction);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}

int main(int argc, char **argv) {
    size_t count = argc > 3 ? (size_t)argc - 3 : 0;
    struct input *inputs = calloc(count + 1, sizeof *inputs);
    bool understood = count > 0;
    int rc = 1;
    if (!inputs) {
        complain("%s", strerror(ENOMEM));
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        inputs[i].tar.fd = -1;
        understood = parse(argv[3 + i], &inputs[i]) && understood;
    }
    if (!understood) {
        fputs("usage: multi-platform LAYOUT NAME OS/ARCHITECTURE=DIRECTORY|TAR...\n", stderr);
        rc = 2;
    } else if (platforms_differ(inputs, count) && open_inputs(inputs, count)) {
        rc = make(argv[1], argv[2], inputs, count);
    }
    for (size_t i = 0; i < count; i++)
        if (inputs[i].tar.fd >= 0)
            close(inputs[i].tar.fd);
    free(inputs);
    return rc;
}
