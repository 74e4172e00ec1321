/* memory DIR BYTES none|gzip|zstd THREADS SOURCES: streams as many layers as there are
 * sources, of that many bytes each and all at once, into a new layout in DIR, and says
 * how much more memory the process had at its peak than at the start, in KiB. */
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

static ocilayout_compression compression_of(const char *name) {
    if (strcmp(name, "gzip") == 0)
        return OCILAYOUT_COMPRESSION_GZIP;
    return strcmp(name, "zstd") == 0 ? OCILAYOUT_COMPRESSION_ZSTD : OCILAYOUT_COMPRESSION_NONE;
}

int main(int argc, char **argv) {
    CHECK_INT(argc, 6);
    uint64_t bytes = strtoull(argv[2], NULL, 10);
    ocilayout_compression compression = compression_of(argv[3]);
    size_t threads = strtoul(argv[4], NULL, 10), count = strtoul(argv[5], NULL, 10);
    struct pattern *patterns = calloc(count, sizeof *patterns);
    CHECK(patterns != NULL);
    ocilayout *layout = layout_at(path(argv[1], "layout"));
    OK(ocilayout_set_threads(layout, threads, err));
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    ocilayout_sources *sources;
    OK(ocilayout_sources_new(&sources, err));
    for (size_t i = 0; i < count; i++) {
        patterns[i] = (struct pattern){.left = bytes, .block = i};
        OK(ocilayout_sources_add_callback(sources, read_pattern, &patterns[i], options, err));
    }
    long before = peak();
    ocilayout_descriptors *layers;
    OK(ocilayout_blob_put_all(layout, sources, 0, NULL, NULL, &layers, err));
    printf("grew by %ld\n", peak() - before);
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(patterns[i].left, 0);
        if (compression == OCILAYOUT_COMPRESSION_NONE)
            CHECK_INT(ocilayout_descriptor_size(ocilayout_descriptors_at(layers, i)), bytes);
    }
    ocilayout_descriptors_free(layers);
    ocilayout_sources_free(sources);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    free(patterns);
    return 0;
}
