/* Verifies the layout argv[1], and prints the kind and the path of each finding,
 * so that its system calls can be looked at. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 2);
    ocilayout *layout = NULL;
    ocilayout_findings *found = NULL;
    OK(ocilayout_open(argv[1], OCILAYOUT_OPEN_READ_ONLY, &layout, err));
    OK(ocilayout_verify(layout, 0, NULL, NULL, &found, err));
    for (size_t i = 0; i < ocilayout_findings_count(found); i++) {
        const ocilayout_finding *finding = ocilayout_findings_at(found, i);
        printf("%d %s\n", ocilayout_finding_kind(finding), ocilayout_finding_path(finding));
    }
    ocilayout_findings_free(found);
    ocilayout_free(layout);
    return 0;
}
