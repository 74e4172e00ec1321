/*
 * stream: stores standard input in an image layout as one layer, compressed
 * with gzip.
 *
 *     stream LAYOUT [MEDIA-TYPE]
 *
 * The layout is made if it is not there. The digest of the layer, its diff ID
 * (the digest of what came in) and its size are printed; nothing points at the
 * layer yet.
 *
 *     tar c folder | stream layout
 *
 * cc stream.c -o stream $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "stream"
#include "common.h"

#include <inttypes.h>

int main(int argc, char **argv) {
    if (argc != 2 && argc != 3) {
        fputs("usage: stream LAYOUT [MEDIA-TYPE]\n", stderr);
        return 2;
    }
    static char buf[128 * 1024];
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_blob_options *options = NULL;
    ocilayout_blob_writer *writer = NULL;
    ocilayout_descriptor *layer = NULL;
    int64_t n;
    int rc = 1;

    if (ocilayout_blob_options_new(&options, &err)
        || ocilayout_blob_options_set_compression(options, OCILAYOUT_COMPRESSION_GZIP,
                                                  OCILAYOUT_LEVEL_DEFAULT, &err))
        goto failed;
    /* Without one it is that of a layer compressed with gzip. */
    if (argc == 3 && ocilayout_blob_options_set_media_type(options, argv[2], &err))
        goto failed;
    if (ocilayout_open(argv[1], OCILAYOUT_OPEN_CREATE, &layout, &err)
        || ocilayout_blob_writer_open(layout, options, &writer, &err))
        goto failed;

    while ((n = read_some(STDIN_FILENO, buf, sizeof buf)) > 0)
        if (ocilayout_blob_writer_write(writer, buf, (size_t)n, &err))
            goto failed;
    if (n < 0) {
        /* A writer that is not finished leaves nothing behind. */
        complain("standard input: %s", strerror((int)-n));
        goto out;
    }
    if (ocilayout_blob_writer_finish(writer, &layer, &err))
        goto failed;
    printf("digest  %s\ndiff ID %s\nsize    %" PRIu64 "\n", ocilayout_descriptor_digest(layer),
           ocilayout_descriptor_diff_id(layer), ocilayout_descriptor_size(layer));
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain("%s", ocilayout_error_message(err));
out:
    ocilayout_descriptor_free(layer);
    ocilayout_blob_writer_free(writer);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}
