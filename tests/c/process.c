/* What a host sets for its whole process, before and between calls: limits, the
 * umask, the current directory. */
#include "check.h"

#include <signal.h>

static ocilayout_status put_text(const ocilayout *layout, const char *text, ocilayout_error **err) {
    ocilayout_descriptor *out;
    ocilayout_status status =
        ocilayout_blob_put_memory(layout, text, strlen(text), NULL, NULL, NULL, &out, err);
    ocilayout_descriptor_free(out);
    return status;
}

static ocilayout_status append(const ocilayout *layout, const char *name, ocilayout_error **err) {
    ocilayout_descriptor *abc;
    ocilayout_status status = ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 3, &abc, err);
    if (status == OCILAYOUT_OK)
        status = ocilayout_append(layout, abc, name, 0, err);
    ocilayout_descriptor_free(abc);
    return status;
}

static ocilayout_status list(const ocilayout *layout, const char *name, ocilayout_error **err) {
    (void)name;
    ocilayout_descriptors *out;
    ocilayout_status status = ocilayout_list(layout, NULL, NULL, NULL, &out, err);
    ocilayout_descriptors_free(out);
    return status;
}

static void set_limit(int resource, rlim_t soft) {
    struct rlimit limit;
    CHECK_INT(getrlimit(resource, &limit), 0);
    limit.rlim_cur = soft == RLIM_INFINITY ? limit.rlim_max : soft;
    CHECK_INT(setrlimit(resource, &limit), 0);
}

/* Checks that a call failed with this errno, and named the place. */
static void check_errno(const char *what, ocilayout_status status, ocilayout_error *error,
                        int number, const char *dir) {
    CHECK_INT(ocilayout_error_errno(error), number);
    check_error(__FILE__, __LINE__, what, status, error, OCILAYOUT_ERR_IO, dir, 0);
}

/* With any number of files that may be open, a call is made or says that there
 * were too few. */
static void open_files(const char *dir) {
    typedef ocilayout_status call(const ocilayout *, const char *, ocilayout_error **);
    static call *const calls[] = {put_text, append, list};
    struct rlimit before;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ocilayout_error *error;
        ocilayout_status status = OCILAYOUT_ERR_IO;
        rlim_t allowed = 0;
        for (; status != OCILAYOUT_OK; allowed++) {
            char text[32];
            snprintf(text, sizeof text, "%zu.%d", i, (int)allowed);
            set_limit(RLIMIT_NOFILE, allowed);
            status = calls[i](layout, text, &error);
            set_limit(RLIMIT_NOFILE, before.rlim_cur);
            if (status != OCILAYOUT_OK) {
                check_errno("with few files", status, error, EMFILE, dir);
                OK(calls[i](layout, text, err));
            }
        }
        CHECK(allowed > 4);
    }
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static mode_t mode_of(const char *dir, const char *name) {
    struct stat stat;
    CHECK_INT(lstat(path(dir, name), &stat), 0);
    return stat.st_mode & 07777;
}

/* New files have the umask of the moment, and the library does not touch it. */
static void masks(const char *dir) {
    mode_t before = umask(027);
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    CHECK_INT(umask(077), 027);
    OK(append(layout, "name", err));
    CHECK_INT(umask(before), 077);
    CHECK_INT(mode_of(dir, "blobs/sha256"), 0750);
    CHECK_INT(mode_of(dir, "blobs/sha256/" HEX_OF_ABC), 0640);
    CHECK_INT(mode_of(dir, "index.json"), 0600);
    ocilayout_free(layout);
}

/* A relative path means what it meant when the layout was opened. */
static void current_directory(const char *dir) {
    int before = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(before >= 0);
    CHECK_INT(mkdir(dir, 0755), 0);
    CHECK_INT(mkdir(path(dir, "elsewhere"), 0755), 0);
    CHECK_INT(chdir(dir), 0);
    ocilayout *layout = layout_at("layout");
    CHECK_INT(chdir("elsewhere"), 0);
    ocilayout_descriptor_free(put(layout, "abc"));
    OK(append(layout, "name", err));
    CHECK(has_entry(layout, "name"));
    ocilayout_free(layout);
    char *elsewhere = tree_of(".");
    CHECK_TEXT(elsewhere, "");
    free(elsewhere);
    CHECK_INT(chdir(".."), 0);
    CHECK_WHOLE("layout");
    CHECK_INT(fchdir(before), 0);
    close(before);
}

/* A host is told that a file may not become so large. */
static void file_size(const char *dir) {
    struct rlimit before;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    char *tree = tree_of(dir);
    for (rlim_t allowed = 0; allowed < 3; allowed++) {
        ocilayout_error *error;
        set_limit(RLIMIT_FSIZE, allowed);
        ocilayout_status status = put_text(layout, "four", &error);
        set_limit(RLIMIT_FSIZE, before.rlim_cur);
        check_errno("a blob", status, error, EFBIG, dir);
        set_limit(RLIMIT_FSIZE, 80 + allowed);
        status = append(layout, "name", &error);
        set_limit(RLIMIT_FSIZE, before.rlim_cur);
        check_errno("index.json", status, error, EFBIG, dir);
        CHECK_UNCHANGED(dir, tree);
    }
    OK(put_text(layout, "four", err));
    OK(append(layout, "name", err));
    free(tree);
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

/* The same, whether it ignores the signal that the kernel has for this or is
 * killed by it. */
static void file_size_without_signal(const char *dir) {
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    file_size(dir);
    CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
}

TESTS(open_files, masks, current_directory, file_size_without_signal, file_size)
