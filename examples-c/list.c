/*
 * list: prints what is in an image layout, as a tree.
 *
 *     list LAYOUT [NAME]
 *
 * Under each name stand its indexes, images, configs and layers, with size,
 * platform and digest; what the layout points at without having it is marked.
 * The last line counts each blob once, however often it is pointed at.
 *
 *     list layout hello:1.0
 *
 * cc list.c -o list $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "list"
#include "common.h"

#include <stdlib.h>

/* Indexes may stand in each other this deep, as for the library. */
#define MOST_LEVELS 32

/* The blobs that were met, each as often as it was. */
struct blobs {
    struct blob {
        char *digest;
        uint64_t size;
        bool here;
    } *at;
    size_t count, room;
};

static bool add_blob(struct blobs *blobs, const ocilayout_descriptor *descriptor, bool here) {
    if (blobs->count == blobs->room) {
        size_t room = blobs->room > 0 ? 2 * blobs->room : 64;
        struct blob *at = realloc(blobs->at, room * sizeof *at);
        if (!at)
            return false;
        blobs->at = at;
        blobs->room = room;
    }
    struct blob *blob = &blobs->at[blobs->count];
    blob->digest = strdup(ocilayout_descriptor_digest(descriptor));
    blob->size = ocilayout_descriptor_size(descriptor);
    blob->here = here;
    if (!blob->digest)
        return false;
    blobs->count++;
    return true;
}

static bool was_met(const struct blobs *blobs, const ocilayout_descriptor *descriptor) {
    const char *digest = ocilayout_descriptor_digest(descriptor);
    for (size_t i = 0; i < blobs->count; i++)
        if (strcmp(blobs->at[i].digest, digest) == 0)
            return true;
    return false;
}

static void free_blobs(struct blobs *blobs) {
    for (size_t i = 0; i < blobs->count; i++)
        free(blobs->at[i].digest);
    free(blobs->at);
}

static int by_digest(const void *one, const void *other) {
    return strcmp(((const struct blob *)one)->digest, ((const struct blob *)other)->digest);
}

static void print_total(struct blobs *blobs) {
    char text[32];
    size_t count[2] = {0, 0};
    uint64_t bytes[2] = {0, 0};
    if (blobs->count > 0)
        qsort(blobs->at, blobs->count, sizeof *blobs->at, by_digest);
    for (size_t i = 0; i < blobs->count; i++)
        if (i == 0 || by_digest(&blobs->at[i - 1], &blobs->at[i]) != 0) {
            count[blobs->at[i].here]++;
            bytes[blobs->at[i].here] += blobs->at[i].size;
        }
    printf("total: %zu blobs, %s", count[true], size_text(text, (double)bytes[true]));
    if (count[false] > 0)
        printf("; not here: %zu, %s", count[false], size_text(text, (double)bytes[false]));
    putchar('\n');
}

/* Prints a text of the layout. Anybody may have written it, so it must not get
 * to steer the terminal: control characters, in UTF-8 up to U+009F, become ?. */
static void print_text(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
            putchar('?');
            c++;
        } else {
            putchar(*c < 0x20 || *c == 0x7f ? '?' : *c);
        }
    }
}

static const char *short_type(const char *media_type) {
    static const char *const types[][2] = {
        {OCILAYOUT_MEDIA_TYPE_IMAGE_INDEX, "index"},
        {OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST, "image"},
        {OCILAYOUT_MEDIA_TYPE_IMAGE_CONFIG, "config"},
        {OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER, "layer (tar)"},
        {OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_GZIP, "layer (tar+gzip)"},
        {OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_ZSTD, "layer (tar+zstd)"},
        {"application/vnd.docker.distribution.manifest.list.v2+json", "index"},
        {"application/vnd.docker.distribution.manifest.v2+json", "image"},
        {"application/vnd.docker.container.image.v1+json", "config"},
        {"application/vnd.docker.image.rootfs.diff.tar.gzip", "layer (tar+gzip)"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(media_type, types[i][0]) == 0)
            return types[i][1];
    return media_type;
}

static void print_line(const ocilayout_descriptor *descriptor, int level, const char *note) {
    char size[32];
    const char *platform = ocilayout_descriptor_platform(descriptor);
    printf("%*s", 2 * level, "");
    print_text(short_type(ocilayout_descriptor_media_type(descriptor)));
    printf("  %s  ", size_text(size, (double)ocilayout_descriptor_size(descriptor)));
    if (platform) {
        print_text(platform);
        fputs("  ", stdout);
    }
    printf("%s%s\n", ocilayout_descriptor_digest(descriptor), note);
}

/* Prints what descriptor points at, and all that is under it. */
static bool print_tree(const ocilayout *layout, const ocilayout_descriptor *descriptor, int level,
                       struct blobs *blobs) {
    ocilayout_error *err = NULL;
    ocilayout_descriptors *children = NULL;
    uint64_t size;
    bool ok = false;

    ocilayout_status status =
        ocilayout_blob_size(layout, ocilayout_descriptor_digest(descriptor), &size, &err);
    if (status == OCILAYOUT_OK)
        status = ocilayout_children(layout, descriptor, &children, &err);
    /* A sparse layout does not have everything; that is no mistake. */
    if (status != OCILAYOUT_OK && status != OCILAYOUT_ERR_NOT_FOUND) {
        complain("%s", ocilayout_error_message(err));
        goto out;
    }
    /* A few indexes that share children can lead to one of them in many ways. */
    bool is_index = strcmp(short_type(ocilayout_descriptor_media_type(descriptor)), "index") == 0;
    bool again = is_index && was_met(blobs, descriptor);
    print_line(descriptor, level,
               status != OCILAYOUT_OK ? "  (not here)" : again ? "  (as above)" : "");
    if (!add_blob(blobs, descriptor, status == OCILAYOUT_OK)) {
        complain("%s", strerror(ENOMEM));
        goto out;
    }
    if (again) {
        ok = true;
        goto out;
    }
    if (level > MOST_LEVELS && ocilayout_descriptors_count(children) > 0) {
        complain("%s: nested too deep", ocilayout_descriptor_digest(descriptor));
        goto out;
    }
    for (size_t i = 0; i < ocilayout_descriptors_count(children); i++)
        if (!print_tree(layout, ocilayout_descriptors_at(children, i), level + 1, blobs))
            goto out;
    ok = true;

out:
    ocilayout_descriptors_free(children);
    ocilayout_error_free(err);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 3) {
        fputs("usage: list LAYOUT [NAME]\n", stderr);
        return 2;
    }
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_match *match = NULL; /* NULL means every entry */
    ocilayout_descriptors *entries = NULL;
    struct blobs blobs = {NULL, 0, 0};
    int rc = 1;

    /* Who only reads may as well read what the rules of Bazel have linked. */
    uint64_t flags = OCILAYOUT_OPEN_READ_ONLY | OCILAYOUT_OPEN_SYMLINKED_BLOBS;
    if (ocilayout_open(argv[1], flags, &layout, &err)
        || (argc == 3 && ocilayout_match_reference(argv[2], &match, &err))
        || ocilayout_list(layout, match, NULL, NULL, &entries, &err)) {
        complain("%s", ocilayout_error_message(err));
        goto out;
    }
    if (argc == 3 && ocilayout_descriptors_count(entries) == 0) {
        complain("%s: no entry named %s", argv[1], argv[2]);
        goto out;
    }
    for (size_t i = 0; i < ocilayout_descriptors_count(entries); i++) {
        const ocilayout_descriptor *entry = ocilayout_descriptors_at(entries, i);
        const char *name = ocilayout_descriptor_reference(entry);
        print_text(name ? name : "(no name)");
        putchar('\n');
        if (!print_tree(layout, entry, 1, &blobs))
            goto out;
    }
    print_total(&blobs);
    rc = flush_output() ? 0 : 1;

out:
    free_blobs(&blobs);
    ocilayout_descriptors_free(entries);
    ocilayout_match_free(match);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}
