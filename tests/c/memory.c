/* memory DIR BYTES none|gzip|zstd: streams a layer of that many bytes into a
 * new layout in DIR, and says how much memory the process had at its peak, in
 * KiB. */
#include "check.h"

struct pattern {
    uint64_t left, block;
};

/* Blocks that differ from each other, but are alike: quick to make, quick to
 * compress, and no run of zeros that somebody on the way might treat apart. */
static int64_t read_pattern(void *userdata, void *buf, size_t cap) {
    struct pattern *pattern = userdata;
    size_t n = cap < pattern->left ? cap : (size_t)pattern->left;
    memset(buf, (int)(pattern->block % 251), n);
    for (size_t at = 0; at + sizeof pattern->block <= n; at += 4096)
        memcpy((char *)buf + at, &pattern->block, sizeof pattern->block);
    pattern->block++;
    pattern->left -= n;
    return (int64_t)n;
}

static long peak(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    fclose(status);
    CHECK(kib > 0);
    return kib;
}

int main(int argc, char **argv) {
    CHECK_INT(argc, 4);
    struct pattern pattern = {.left = strtoull(argv[2], NULL, 10)};
    ocilayout_compression compression = strcmp(argv[3], "gzip") == 0 ? OCILAYOUT_COMPRESSION_GZIP
                                      : strcmp(argv[3], "zstd") == 0 ? OCILAYOUT_COMPRESSION_ZSTD
                                                                     : OCILAYOUT_COMPRESSION_NONE;
    ocilayout *layout = layout_at(path(argv[1], "layout"));
    ocilayout_blob_options *options = new_options();
    ocilayout_descriptor *layer;
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    OK(ocilayout_blob_put_callback(layout, read_pattern, &pattern, options, NULL, NULL, &layer,
                                   err));
    CHECK_INT(pattern.left, 0);
    if (compression == OCILAYOUT_COMPRESSION_NONE)
        CHECK_INT(ocilayout_descriptor_size(layer), strtoull(argv[2], NULL, 10));
    printf("peak %ld\n", peak());
    ocilayout_descriptor_free(layer);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    return 0;
}
