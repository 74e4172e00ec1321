/* trusted LAYOUT FILE DIGEST SIZE: stores a file whose digest is believed. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK_INT(argc, 5);
    ocilayout *layout = layout_at(argv[1]);
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_expected_digest(options, argv[3], err));
    OK(ocilayout_blob_options_set_expected_size(options, strtoull(argv[4], NULL, 10), err));
    OK(ocilayout_blob_options_set_flags(options, OCILAYOUT_BLOB_TRUSTED, err));
    ocilayout_descriptor *out;
    OK(ocilayout_blob_put_file(layout, argv[2], options, NULL, NULL, &out, err));
    CHECK_TEXT(ocilayout_descriptor_digest(out), argv[3]);
    ocilayout_descriptor_free(out);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    return 0;
}
