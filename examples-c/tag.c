/*
 * tag: gives what has a name in an image layout another name too.
 *
 *     tag LAYOUT NAME NEW-NAME
 *
 * What had the new name before loses it, in the same step.
 *
 *     tag layout hello:1.0 hello:latest
 *
 * cc tag.c -o tag $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "tag"
#include "common.h"

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: tag LAYOUT NAME NEW-NAME\n", stderr);
        return 2;
    }
    const char *name = argv[2], *new_name = argv[3];
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_descriptor *entry = NULL;
    ocilayout_match *had_the_name = NULL;
    size_t replaced = 0;
    int rc = 1;

    /* The entry is there already; that its blob may be elsewhere is no reason
     * against a second name. */
    if (ocilayout_open(argv[1], 0, &layout, &err)
        || ocilayout_resolve(layout, name, NULL, &entry, &err)
        || ocilayout_match_reference(new_name, &had_the_name, &err)
        || ocilayout_replace(layout, had_the_name, NULL, NULL, entry, new_name,
                             OCILAYOUT_APPEND_MISSING_ALLOWED, &replaced, &err)) {
        complain("%s", ocilayout_error_message(err));
        goto out;
    }
    printf("%s is %s, %zu replaced\n", new_name, ocilayout_descriptor_digest(entry), replaced);
    rc = flush_output() ? 0 : 1;

out:
    ocilayout_match_free(had_the_name);
    ocilayout_descriptor_free(entry);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}
