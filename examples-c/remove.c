/*
 * remove: takes names out of an image layout, all in one step.
 *
 *     remove LAYOUT NAME...
 *
 * Blobs stay where they are, since others may point at them. Fails if there is
 * no entry of any of these names.
 *
 *     remove layout hello:1.0 hello:latest
 *
 * cc remove.c -o remove $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "remove"
#include "common.h"

#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc < 3) {
        fputs("usage: remove LAYOUT NAME...\n", stderr);
        return 2;
    }
    size_t count = (size_t)argc - 2, removed = 0;
    char **names = argv + 2;
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_match *any = NULL;
    ocilayout_match **each = calloc(count, sizeof *each);
    int rc = 1;

    if (!each) {
        complain("%s", strerror(ENOMEM));
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        if (ocilayout_match_reference(names[i], &each[i], &err))
            goto failed;
    if (ocilayout_match_any_of(each, count, &any, &err)
        || ocilayout_open(argv[1], 0, &layout, &err)
        || ocilayout_remove(layout, any, NULL, NULL, &removed, &err))
        goto failed;
    if (removed == 0) {
        complain("%s: no entry named %s%s", argv[1], names[0], count > 1 ? " or the others" : "");
        goto out;
    }
    printf("%zu removed\n", removed);
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain("%s", ocilayout_error_message(err));
out:
    for (size_t i = 0; i < count; i++)
        ocilayout_match_free(each[i]);
    free(each);
    ocilayout_match_free(any);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}
