/* What the programs of this folder share: checks that hold in every build, the
 * library called so that nothing goes unchecked, and a look at what is left on
 * the disk. A program is a list of tests, see TESTS. */
#ifndef CHECK_H
#define CHECK_H

#define _XOPEN_SOURCE 700

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ocilayout.h"
#include "sha256.h"

/* ---- checks ---- */

/* Ends the program at once: what comes after the first failure says nothing. */
static inline _Noreturn void fail(const char *file, int line, const char *what, const char *why) {
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, why);
    _exit(1);
}

static inline void check_int(const char *file, int line, const char *what, int64_t found,
                             int64_t expected) {
    char why[96];
    snprintf(why, sizeof why, "expected %lld, found %lld", (long long)expected, (long long)found);
    if (found != expected)
        fail(file, line, what, why);
}

static inline void check_text(const char *file, int line, const char *what, const char *found,
                              const char *expected) {
    if (found == expected || (found != NULL && expected != NULL && strcmp(found, expected) == 0))
        return;
    fprintf(stderr, "expected:\n%s\nfound:\n%s\n", expected ? expected : "NULL",
            found ? found : "NULL");
    fail(file, line, what, "another text");
}

#define CHECK(condition) \
    ((condition) ? (void)0 : fail(__FILE__, __LINE__, #condition, "expected it to hold"))
#define CHECK_INT(found, expected) \
    check_int(__FILE__, __LINE__, #found, (int64_t)(found), (int64_t)(expected))
#define CHECK_TEXT(found, expected) check_text(__FILE__, __LINE__, #found, found, expected)

/* ---- calls of the library ---- */

/* The macros below make the call that they are given, in which `err` stands for
 * the last argument. It points at rubbish before: the library overwrites it. */
#define RUBBISH ((void *)(uintptr_t)0xa5a5a5a5)

/* A call that succeeds. */
#define OK(...) \
    do { \
        ocilayout_error *error_ = RUBBISH, **err = &error_; \
        ocilayout_status status_ = (__VA_ARGS__); \
        if (status_ != OCILAYOUT_OK) \
            fail(__FILE__, __LINE__, #__VA_ARGS__, ocilayout_error_message(error_)); \
        CHECK(error_ == NULL); \
    } while (0)

/* A call that fails with this status, and with a message that has `word` in it
 * if that is not NULL. */
#define FAILS(status, word, ...) FAILS_WITH(status, word, 0, __VA_ARGS__)

/* A call that a callback stops by returning `code`. */
#define STOPS(code, ...) FAILS_WITH(OCILAYOUT_ERR_CALLBACK, "callback", code, __VA_ARGS__)

#define FAILS_WITH(status, word, code, ...) \
    do { \
        ocilayout_error *error_ = RUBBISH, **err = &error_; \
        ocilayout_status status_ = (__VA_ARGS__); \
        check_error(__FILE__, __LINE__, #__VA_ARGS__, status_, error_, status, word, code); \
    } while (0)

/* A call that refuses the parameter of this name, whether err is NULL or not. */
#define REFUSES(parameter, ...) \
    do { \
        FAILS(OCILAYOUT_ERR_INVALID_ARGUMENT, parameter, __VA_ARGS__); \
        ocilayout_error **err = NULL; \
        CHECK_INT((__VA_ARGS__), OCILAYOUT_ERR_INVALID_ARGUMENT); \
    } while (0)

/* The same for a call that fills `out`, which is cleared all the same. */
#define CLEARS(out, parameter, ...) \
    do { \
        memset(&(out), 0xa5, sizeof(out)); \
        FAILS(OCILAYOUT_ERR_INVALID_ARGUMENT, parameter, __VA_ARGS__); \
        CHECK(is_clear(&(out), sizeof(out))); \
        memset(&(out), 0xa5, sizeof(out)); \
        ocilayout_error **err = NULL; \
        CHECK_INT((__VA_ARGS__), OCILAYOUT_ERR_INVALID_ARGUMENT); \
        CHECK(is_clear(&(out), sizeof(out))); \
    } while (0)

static inline bool is_clear(const void *out, size_t size) {
    for (const char *at = out; size-- != 0; at++)
        if (*at != 0)
            return false;
    return true;
}

static inline bool is_of_a_name(char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether text has word in it, and not just as a part of a longer name. */
static inline bool has_word(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        if ((at == text || !is_of_a_name(at[-1])) && !is_of_a_name(at[length]))
            return true;
    return false;
}

/* RFC 3629, but for surrogates and overlong forms of three and four bytes. */
static inline bool is_utf8(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        int more = *at < 0x80 ? 0 : *at >= 0xc2 && *at < 0xe0 ? 1 : (*at & 0xf0) == 0xe0 ? 2
                 : *at >= 0xf0 && *at < 0xf5 ? 3 : -1;
        if (more < 0)
            return false;
        for (at++; more > 0; more--, at++)
            if ((*at & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static inline void check_error(const char *file, int line, const char *what,
                               ocilayout_status returned, ocilayout_error *error,
                               ocilayout_status status, const char *word, int64_t code) {
    const char *message = ocilayout_error_message(error);
    if (returned != status) {
        fprintf(stderr, "expected %s, found %s\n", ocilayout_status_name(status),
                ocilayout_status_name(returned));
        fail(file, line, what, message);
    }
    check_int(file, line, "ocilayout_error_status", ocilayout_error_status(error), status);
    check_int(file, line, "ocilayout_error_callback_code", ocilayout_error_callback_code(error),
              code);
    /* errno may be unknown even then, but never stands with another status. */
    if (status != OCILAYOUT_ERR_IO)
        check_int(file, line, "ocilayout_error_errno", ocilayout_error_errno(error), 0);
    if (message[0] == '\0' || strpbrk(message, "\n\r") != NULL || !is_utf8(message))
        fail(file, line, what, "expected a message of one line in UTF-8");
    if (word != NULL && !has_word(message, word)) {
        fprintf(stderr, "expected '%s' in the message\n", word);
        fail(file, line, what, message);
    }
    ocilayout_error_free(error);
}

/* ---- things that many tests need ---- */

#define HEX_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define DIGEST_OF_ABC "sha256:" HEX_OF_ABC
#define DIGEST_OF_NOTHING "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"

static inline ocilayout *layout_at(const char *dir) {
    ocilayout *layout;
    OK(ocilayout_open(dir, OCILAYOUT_OPEN_CREATE, &layout, err));
    return layout;
}

static inline ocilayout_descriptor *put(const ocilayout *layout, const char *text) {
    ocilayout_descriptor *descriptor;
    OK(ocilayout_blob_put_memory(layout, text, strlen(text), NULL, NULL, NULL, &descriptor, err));
    return descriptor;
}

static inline ocilayout_blob_options *new_options(void) {
    ocilayout_blob_options *options;
    OK(ocilayout_blob_options_new(&options, err));
    return options;
}

static inline ocilayout_match *named(const char *name) {
    ocilayout_match *match;
    OK(ocilayout_match_reference(name, &match, err));
    return match;
}

static inline ocilayout_descriptors *entries(const ocilayout *layout) {
    ocilayout_descriptors *list;
    OK(ocilayout_list(layout, NULL, NULL, NULL, &list, err));
    return list;
}

static inline size_t count_entries(const ocilayout *layout) {
    ocilayout_descriptors *list = entries(layout);
    size_t count = ocilayout_descriptors_count(list);
    ocilayout_descriptors_free(list);
    return count;
}

static inline bool has_entry(const ocilayout *layout, const char *name) {
    ocilayout_match *match = named(name);
    ocilayout_descriptors *list;
    OK(ocilayout_list(layout, match, NULL, NULL, &list, err));
    bool found = ocilayout_descriptors_count(list) == 1;
    ocilayout_descriptors_free(list);
    ocilayout_match_free(match);
    return found;
}

/* ---- what is on the disk ---- */

/* dir/name, good until the fourth call from then. */
static inline const char *path(const char *dir, const char *name) {
    static _Thread_local char paths[4][4096];
    static _Thread_local unsigned next;
    char *made = paths[next++ % 4];
    snprintf(made, sizeof paths[0], "%s/%s", dir, name);
    return made;
}

/* The content of a file, followed by a NUL. */
static inline char *content_of(const char *file, size_t *size) {
    int fd = open(file, O_RDONLY | O_NOFOLLOW);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) != 0)
        fail(__FILE__, __LINE__, file, strerror(errno));
    char *content = malloc((size_t)stat.st_size + 1);
    CHECK(content != NULL);
    CHECK_INT(read(fd, content, (size_t)stat.st_size), stat.st_size);
    content[stat.st_size] = '\0';
    *size = (size_t)stat.st_size;
    close(fd);
    return content;
}

/* Whether this is the stage of a writer that is alive: it holds it by a lock. */
static inline bool is_held_stage(const char *dir, const char *name) {
    if (strncmp(name, ".ocilayout-", 11) != 0)
        return false;
    int fd = open(path(dir, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

static inline void write_tree(FILE *out, const char *dir, const char *name) {
    struct dirent **list;
    int count = scandir(path(dir, name), &list, NULL, alphasort);
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i]->d_name, ".") != 0 && strcmp(list[i]->d_name, "..") != 0) {
            char below[1024];
            struct stat stat;
            snprintf(below, sizeof below, "%s%s%s", name, name[0] ? "/" : "", list[i]->d_name);
            CHECK_INT(lstat(path(dir, below), &stat), 0);
            if (S_ISDIR(stat.st_mode)) {
                if (!is_held_stage(dir, below)) {
                    fprintf(out, "%s/\n", below);
                    write_tree(out, dir, below);
                }
            } else {
                size_t size;
                char *content = content_of(path(dir, below), &size), hex[65];
                sha256(content, size, hex);
                fprintf(out, "%s %zu %s\n", below, size, hex);
                free(content);
            }
        }
        free(list[i]);
    }
    free(list);
}

/* Everything under dir, a line each: its name, size and SHA-256. */
static inline char *tree_of(const char *dir) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    write_tree(out, dir, "");
    CHECK_INT(fclose(out), 0);
    return text;
}

static inline void check_tree(const char *file, int line, const char *dir, const char *before) {
    char *after = tree_of(dir);
    check_text(file, line, dir, after, before);
    free(after);
}

/* Checks that dir holds what it held when tree_of() made `before`. */
#define CHECK_UNCHANGED(dir, before) check_tree(__FILE__, __LINE__, dir, before)

static inline void check_whole(const char *file, int line, const char *dir) {
    char *tree = tree_of(dir), *rest = tree, *entry;
    while ((entry = strtok_r(rest, "\n", &rest)) != NULL) {
        char name[256] = "", hex[65] = "";
        int fields = sscanf(entry, "%255s %*u %64s", name, hex);
        bool expected = fields == 2
            ? strcmp(name, "oci-layout") == 0 || strcmp(name, "index.json") == 0
                || (strncmp(name, "blobs/sha256/", 13) == 0 && strcmp(name + 13, hex) == 0)
                || (strncmp(name, "blobs/sha512/", 13) == 0 && strlen(name + 13) == 128)
            : strcmp(name, "blobs/") == 0 || strcmp(name, "blobs/sha256/") == 0
                || strcmp(name, "blobs/sha512/") == 0;
        if (!expected)
            fail(file, line, entry, "expected nothing but a layout of whole blobs");
    }
    free(tree);
}

/* Checks that dir holds a layout and nothing else, and that every blob is what
 * its name says. */
#define CHECK_WHOLE(dir) check_whole(__FILE__, __LINE__, dir)

/* A blob of zeros that takes no room, under a name that is not its own. */
static inline void put_sparse(const char *dir, int number, off_t size) {
    char name[128];
    snprintf(name, sizeof name, "blobs/sha256/%064x", (unsigned)number);
    int fd = open(path(dir, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK_INT(ftruncate(fd, size), 0);
    close(fd);
}

static inline void remove_sparse(const char *dir, int number) {
    char name[128];
    snprintf(name, sizeof name, "blobs/sha256/%064x", (unsigned)number);
    CHECK_INT(unlink(path(dir, name)), 0);
}

static inline size_t count_names(const char *of) {
    DIR *dir = opendir(of);
    CHECK(dir != NULL);
    size_t count = 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static inline size_t count_open_files(void) { return count_names("/proc/self/fd"); }

/* Those of this process: the folder also has "." and "..". */
static inline size_t count_threads(void) { return count_names("/proc/self/task") - 2; }

/* The most memory that the process has had so far, in KiB. */
static inline long peak(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    fclose(status);
    CHECK(kib > 0);
    return kib;
}

/* ---- the program ---- */

/* main(), which runs these tests: void test(const char *dir). Each gets the name
 * of a directory that it may make. None may leave a file open, hang, or fill the
 * disk. */
#define TESTS(...) \
    int main(int argc, char **argv) { \
        static void (*const tests[])(const char *) = {__VA_ARGS__}; \
        CHECK_INT(argc, 2); \
        alarm(300); \
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 28, 1 << 28}); \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) { \
            char dir[1024]; \
            snprintf(dir, sizeof dir, "%s/%zu", argv[1], i); \
            size_t open_files = count_open_files(); \
            tests[i](dir); \
            CHECK_INT(count_open_files(), open_files); \
        } \
        return 0; \
    }

#endif
