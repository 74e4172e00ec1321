/* Files as sources: limits of the process that the kernel's own copies do not heed, and
 * files that may not be read. */
#define _GNU_SOURCE
#include "check.h"

#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

enum { SIZE = 1 << 20 };

/* A file of so many bytes beside the layout; says its digest. */
static void make_file(const char *file, char digest[72]) {
    static char content[SIZE];
    for (size_t at = 0; at < SIZE; at++)
        content[at] = (char)(at * at >> 9);
    FILE *out = fopen(file, "w");
    CHECK(out != NULL);
    CHECK_INT(fwrite(content, 1, SIZE, out), SIZE);
    CHECK_INT(fclose(out), 0);
    memcpy(digest, "sha256:", 7);
    sha256(content, SIZE, digest + 7);
}

static ocilayout_blob_options *trusting(const char *digest) {
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_expected_digest(options, digest, err));
    OK(ocilayout_blob_options_set_expected_size(options, SIZE, err));
    OK(ocilayout_blob_options_set_flags(options, OCILAYOUT_BLOB_TRUSTED, err));
    return options;
}

static void set_limit(rlim_t bytes) {
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that would be too large is refused, however it would have been stored, and
 * without the signal that the kernel has for it. */
static void too_large(const char *dir) {
    char file[1100], digest[72];
    snprintf(file, sizeof file, "%s.file", dir);
    make_file(file, digest);
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    ocilayout_blob_options *trusted = trusting(digest);
    const ocilayout_blob_options *const each[] = {NULL, trusted};
    struct rlimit before;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    char *tree = tree_of(dir);
    for (size_t i = 0; i < 2; i++) {
        ocilayout_descriptor *out;
        for (rlim_t allowed = 0; allowed < SIZE; allowed += SIZE - 1) {
            ocilayout_error *error;
            set_limit(allowed);
            ocilayout_status status =
                ocilayout_blob_put_file(layout, file, each[i], NULL, NULL, &out, &error);
            set_limit(before.rlim_cur);
            CHECK_INT(ocilayout_error_errno(error), EFBIG);
            check_error(__FILE__, __LINE__, "too large", status, error, OCILAYOUT_ERR_IO, dir, 0);
            CHECK_UNCHANGED(dir, tree);
        }
        set_limit(SIZE);
        OK(ocilayout_blob_put_file(layout, file, each[i], NULL, NULL, &out, err));
        set_limit(before.rlim_cur);
        CHECK_TEXT(ocilayout_descriptor_digest(out), digest);
        OK(ocilayout_blob_remove(layout, digest, err));
        ocilayout_descriptor_free(out);
        CHECK_UNCHANGED(dir, tree);
    }
    free(tree);
    ocilayout_blob_options_free(trusted);
    ocilayout_free(layout);
}

/* As nobody in particular, who may not read everything. */
static void in_the_child(const char *dir, const char *file) {
    if (geteuid() == 0) {
        CHECK_INT(setgroups(0, NULL), 0);
        CHECK_INT(setgid(65534), 0);
        CHECK_INT(setuid(65534), 0);
    }
    ocilayout *layout = layout_at(dir);
    char *tree = tree_of(dir);
    ocilayout_descriptor *out;
    ocilayout_error *error;
    ocilayout_status status =
        ocilayout_blob_put_file(layout, file, NULL, NULL, NULL, &out, &error);
    CHECK_INT(ocilayout_error_errno(error), EACCES);
    check_error(__FILE__, __LINE__, "unreadable", status, error, OCILAYOUT_ERR_IO, file, 0);
    ocilayout_sources *sources;
    ocilayout_descriptors *list;
    OK(ocilayout_sources_new(&sources, err));
    OK(ocilayout_sources_add_memory(sources, "abc", 3, NULL, err));
    OK(ocilayout_sources_add_file(sources, file, NULL, err));
    status = ocilayout_blob_put_all(layout, sources, 1, NULL, NULL, &list, &error);
    CHECK_INT(ocilayout_error_errno(error), EACCES);
    check_error(__FILE__, __LINE__, "unreadable", status, error, OCILAYOUT_ERR_IO, "source 1", 0);
    ocilayout_sources_free(sources);
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));
    CHECK_UNCHANGED(dir, tree);
    free(tree);
    ocilayout_free(layout);
    _exit(0);
}

/* In a folder that anybody may enter. */
static void unreadable(const char *dir) {
    char open_to_all[] = "/tmp/ocilayout-files-XXXXXX", layout[64], file[64];
    (void)dir;
    CHECK(mkdtemp(open_to_all) != NULL);
    CHECK_INT(chmod(open_to_all, 0777), 0);
    snprintf(file, sizeof file, "%s/file", open_to_all);
    snprintf(layout, sizeof layout, "%s/layout", open_to_all);
    CHECK_INT(mkdir(layout, 0777), 0);
    CHECK_INT(chmod(layout, 0777), 0);
    char digest[72];
    make_file(file, digest);
    CHECK_INT(chmod(file, 0), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        in_the_child(layout, file);
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", open_to_all);
    CHECK_INT(system(command), 0);
}

TESTS(unreadable, too_large)
