/*
 * directory: makes an image of one layer from a directory.
 *
 *     directory LAYOUT NAME DIRECTORY OS/ARCHITECTURE
 *
 * The layout is made if it is not there. The image takes the place of what had
 * its name. All files belong to root in it, and none is younger than
 * SOURCE_DATE_EPOCH, if that is set: the same directory gives the same image. The
 * digest of its manifest is printed.
 *
 *     directory layout hello:1.0 rootfs linux/amd64
 *
 * cc directory.c -o directory $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "directory"
#include "common.h"

int main(int argc, char **argv) {
    if (argc != 5) {
        fputs("usage: directory LAYOUT NAME DIRECTORY OS/ARCHITECTURE\n", stderr);
        return 2;
    }
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_directory_options *how = NULL;
    ocilayout_blob_options *gzip = NULL;
    ocilayout_image *image = NULL;
    ocilayout_descriptor *layer = NULL, *manifest = NULL;
    ocilayout_match *same_name = NULL;
    int rc = 1;

    if (ocilayout_open(argv[1], OCILAYOUT_OPEN_CREATE, &layout, &err) ||
        ocilayout_directory_options_new(&how, &err) ||
        ocilayout_directory_options_set_owners(how, OCILAYOUT_OWNERS_ROOT, &err) ||
        ocilayout_directory_options_set_source_date_epoch(how, &err) ||
        ocilayout_blob_options_new(&gzip, &err) ||
        ocilayout_blob_options_set_compression(gzip, OCILAYOUT_COMPRESSION_GZIP,
                                               OCILAYOUT_LEVEL_DEFAULT, &err) ||
        ocilayout_blob_put_directory(layout, argv[3], how, gzip, NULL, NULL, &layer, &err))
        goto failed;

    if (ocilayout_image_new(layout, &image, &err)
        || ocilayout_image_set_platform(image, argv[4], &err)
        || ocilayout_image_add_layer(image, layer, NULL, PROGRAM, &err)
        || ocilayout_image_finish(image, &manifest, &err)
        || ocilayout_match_reference(argv[2], &same_name, &err)
        || ocilayout_replace(layout, same_name, NULL, NULL, manifest, argv[2], 0, NULL, &err))
        goto failed;
    puts(ocilayout_descriptor_digest(manifest));
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain("%s", ocilayout_error_message(err));
out:
    ocilayout_match_free(same_name);
    ocilayout_descriptor_free(manifest);
    ocilayout_descriptor_free(layer);
    ocilayout_image_free(image);
    ocilayout_blob_options_free(gzip);
    ocilayout_directory_options_free(how);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}
