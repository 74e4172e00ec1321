/* Makes a layout with one image, with the durability that argv[2] names, so that
 * its system calls can be looked at. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 3);
    uint64_t flags = OCILAYOUT_OPEN_CREATE;
    if (strcmp(argv[2], "none") == 0)
        flags |= OCILAYOUT_OPEN_DURABILITY_NONE;
    else if (strcmp(argv[2], "ordered") == 0)
        flags |= OCILAYOUT_OPEN_DURABILITY_ORDERED;
    else
        CHECK(strcmp(argv[2], "full") == 0);

    ocilayout *layout = NULL;
    ocilayout_blob_options *options = NULL;
    ocilayout_descriptor *layer = NULL, *manifest = NULL;
    ocilayout_image *image = NULL;
    OK(ocilayout_open(argv[1], flags, &layout, err));
    OK(ocilayout_blob_options_new(&options, err));
    OK(ocilayout_blob_options_set_media_type(options, OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER, err));
    OK(ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &layer, err));
    OK(ocilayout_image_new(layout, &image, err));
    OK(ocilayout_image_set_platform(image, "linux/amd64", err));
    OK(ocilayout_image_add_layer(image, layer, NULL, NULL, err));
    OK(ocilayout_image_finish(image, &manifest, err));
    OK(ocilayout_append(layout, manifest, "image", 0, err));
    ocilayout_image_free(image);
    ocilayout_descriptor_free(manifest);
    ocilayout_descriptor_free(layer);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    return 0;
}
