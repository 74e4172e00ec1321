/* A program outside of the tree: says what it was built against and what it runs with,
 * and makes a layout. */
#include <ocilayout.h>
#include <stdio.h>

int main(int argc, char **argv) {
    ocilayout *layout = NULL;
    ocilayout_error *err = NULL;
    if (argc != 2) return 2;
    int failed = ocilayout_open(argv[1], OCILAYOUT_OPEN_CREATE, &layout, &err);
    if (failed) fputs(ocilayout_error_message(err), stderr);
    ocilayout_error_free(err);
    ocilayout_free(layout);
    printf("%d.%d.%d %s\n", OCILAYOUT_VERSION_MAJOR, OCILAYOUT_VERSION_MINOR, OCILAYOUT_VERSION_PATCH,
           ocilayout_version());
    return failed || ocilayout_version_number() != OCILAYOUT_VERSION_NUMBER;
}
