/*
 * append-layer: puts a layer on top of an image of an image layout.
 *
 *     append-layer [-p PLATFORM] LAYOUT NAME LAYER.tar [NEW-NAME]
 *
 * The name is given to the new image in one step, and only if it still means
 * the image that the layer was put on; or the image stays as it is and the new
 * one gets NEW-NAME. Prints the digest of the new manifest.
 *
 * -p picks one image where the name stands for several, such as for an index.
 * The result is one image, so it needs a NEW-NAME then.
 *
 *     append-layer layout hello:1.0 patch.tar hello:1.1
 *
 * cc append-layer.c -o append-layer $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#define PROGRAM "append-layer"
#include "common.h"

/* Which entry is to be replaced: the one of this name, and if digest is not
 * NULL it must be of this digest. */
struct target {
    const char *name, *digest;
};

/* What the filter returns to stop the replacement. */
#define CHANGED (-1)

static int32_t is_target(void *userdata, const ocilayout_descriptor *entry) {
    const struct target *target = userdata;
    const char *name = ocilayout_descriptor_reference(entry);
    if (!name || strcmp(name, target->name) != 0)
        return 0;
    if (target->digest && strcmp(ocilayout_descriptor_digest(entry), target->digest) != 0)
        return CHANGED;
    return 1;
}

static bool is_image(const ocilayout_descriptor *descriptor) {
    const char *type = ocilayout_descriptor_media_type(descriptor);
    return strcmp(type, OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST) == 0
        || strcmp(type, "application/vnd.docker.distribution.manifest.v2+json") == 0;
}

int main(int argc, char **argv) {
    const char *platform = NULL;
    int option;
    while ((option = getopt(argc, argv, "p:")) == 'p')
        platform = optarg;
    int left = argc - optind;
    if (option != -1 || left < 3 || left > 4 || (platform && left == 3)) {
        fputs("usage: append-layer LAYOUT NAME LAYER.tar [NEW-NAME]\n"
              "       append-layer -p PLATFORM LAYOUT NAME LAYER.tar NEW-NAME\n",
              stderr);
        return 2;
    }
    const char *name = argv[optind + 1], *path = argv[optind + 2];
    const char *new_name = left == 4 ? argv[optind + 3] : NULL;

    struct target target = {.name = new_name ? new_name : name};
    struct tar tar = {.fd = -1};
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_descriptor *base = NULL, *layer = NULL, *manifest = NULL;
    ocilayout_image *image = NULL;
    ocilayout_blob_options *options = NULL;
    int rc = 1;

    if (ocilayout_open(argv[optind], 0, &layout, &err)
        || ocilayout_resolve(layout, name, platform, &base, &err))
        goto failed;
    if (!is_image(base)) {
        complain("%s: not an image but %s; pick an image of it with -p", name,
                 ocilayout_descriptor_media_type(base));
        goto out;
    }
    if (!open_tar(&tar, path))
        goto out;
    if (ocilayout_image_load(layout, base, &image, &err) ||
        ocilayout_blob_options_new(&options, &err) ||
        ocilayout_blob_options_set_compression(options, OCILAYOUT_COMPRESSION_GZIP,
                                               OCILAYOUT_LEVEL_DEFAULT, &err) ||
        ocilayout_blob_put_callback(layout, read_tar, &tar, options, NULL, NULL, &layer, &err) ||
        ocilayout_image_add_layer(image, layer, NULL, PROGRAM, &err) ||
        ocilayout_image_finish(image, &manifest, &err))
        goto failed;

    /* Packing took its time: somebody else may have given the name to another
     * image, whose layers would be lost. */
    if (!new_name)
        target.digest = ocilayout_descriptor_digest(base);
    if (ocilayout_replace(layout, NULL, is_target, &target, manifest, target.name, 0, NULL, &err)) {
        if (ocilayout_error_callback_code(err) == CHANGED)
            complain("%s: means another image by now, or several; nothing was renamed", name);
        else
            complain("%s", ocilayout_error_message(err));
        goto out;
    }
    puts(ocilayout_descriptor_digest(manifest));
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain_of(err, path);
out:
    if (tar.fd >= 0)
        close(tar.fd);
    ocilayout_blob_options_free(options);
    ocilayout_image_free(image);
    ocilayout_descriptor_free(manifest);
    ocilayout_descriptor_free(layer);
    ocilayout_descriptor_free(base);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}
