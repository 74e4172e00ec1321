/* What our drivers share. */
#ifndef OURS_H
#define OURS_H

#include <ocilayout.h>

#include <stdio.h>
#include <stdlib.h>

/* A benchmark that cannot do its work has nothing to tell. */
static inline void fail(ocilayout_error *err) {
    fprintf(stderr, "ours: %s\n", ocilayout_error_message(err));
    exit(1);
}

/* As a function it could be given the error before the call has told it. */
#define must(call, err) ((call) == OCILAYOUT_OK ? (void)0 : fail(err))

static inline ocilayout *open_layout(const char *path, uint64_t flags) {
    ocilayout *layout;
    ocilayout_error *err;
    must(ocilayout_open(path, flags, &layout, &err), err);
    return layout;
}

static inline ocilayout_blob_options *new_options(void) {
    ocilayout_blob_options *options;
    ocilayout_error *err;
    must(ocilayout_blob_options_new(&options, &err), err);
    return options;
}

static inline ocilayout_image *new_image(const ocilayout *layout) {
    ocilayout_image *image;
    ocilayout_error *err;
    must(ocilayout_image_new(layout, &image, &err), err);
    must(ocilayout_image_set_platform(image, "linux/amd64", &err), err);
    return image;
}

static inline void add_layer(ocilayout_image *image, const ocilayout_descriptor *layer,
                             const char *diff_id) {
    ocilayout_error *err;
    must(ocilayout_image_add_layer(image, layer, diff_id, "bench", &err), err);
}

/* The options of the layers of small images. */
static inline ocilayout_blob_options *small_options(void) {
    ocilayout_blob_options *options = new_options();
    ocilayout_error *err;
    must(ocilayout_blob_options_set_media_type(options, OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER, &err),
         err);
    return options;
}

/* Puts the small image of a number. It is not named. */
static inline ocilayout_descriptor *put_small_image(const ocilayout *layout,
                                                    const ocilayout_blob_options *options,
                                                    int number) {
    char content[1024 + 1];
    ocilayout_image *image = new_image(layout);
    ocilayout_descriptor *layer, *manifest;
    ocilayout_error *err;
    snprintf(content, sizeof content, "%-1024d", number);
    must(ocilayout_blob_put_memory(layout, content, 1024, options, NULL, NULL, &layer, &err), err);
    add_layer(image, layer, NULL);
    must(ocilayout_image_finish(image, &manifest, &err), err);
    ocilayout_descriptor_free(layer);
    ocilayout_image_free(image);
    return manifest;
}

static inline void small_name(char name[32], int number) {
    snprintf(name, 32, "image-%d", number);
}

#endif
