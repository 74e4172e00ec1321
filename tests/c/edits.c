/* edits DIR: edits the layout in DIR, which has entries n0, n1 and so on, and says how much
 * more memory the process had at its peak than at the start, in KiB. */
#include "check.h"

#include <malloc.h>

static size_t in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A copy of one in a list keeps nothing of the others. */
static void copy_one(const ocilayout *layout, ocilayout_descriptor **copy) {
    ocilayout_descriptors *list;
    OK(ocilayout_list(layout, NULL, NULL, NULL, &list, err));
    OK(ocilayout_descriptor_copy(ocilayout_descriptors_at(list, 5), copy, err));
    ocilayout_descriptors_free(list);
}

int main(int argc, char **argv) {
    CHECK_INT(argc, 2);
    size_t at_first = in_use();
    ocilayout *layout = layout_at(argv[1]);
    ocilayout_descriptor *blob = put(layout, "blob");
    long before = peak();
    for (int n = 0; n < 10; n++) {
        char new[16], old[16];
        size_t count;
        snprintf(new, sizeof new, "new%d", n);
        snprintf(old, sizeof old, "n%d", n * 7919);
        OK(ocilayout_append(layout, blob, new, 0, err));
        ocilayout_match *match = named(old);
        OK(ocilayout_replace(layout, match, NULL, NULL, blob, old, 0, &count, err));
        CHECK_INT(count, 1);
        OK(ocilayout_remove(layout, match, NULL, NULL, &count, err));
        CHECK_INT(count, 1);
        ocilayout_match_free(match);
        ocilayout_descriptor *found;
        OK(ocilayout_resolve(layout, new, NULL, &found, err));
        ocilayout_descriptor_free(found);
    }
    printf("grew by %ld\n", peak() - before);
    ocilayout_descriptor_free(blob);
    ocilayout_descriptor *copy;
    copy_one(layout, &copy);
    ocilayout_free(layout);
    CHECK(in_use() - at_first < 1 << 20);
    ocilayout_descriptor_free(copy);
    return 0;
}
