/* unload DIR LIBRARY: loads the library, has it store layers with all its threads, and
 * unloads it, a hundred times. This program is not linked with it. */
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>

enum { ROUNDS = 100, SIZE = 3 << 20 };

/* A leak of one buffer each round would be more. */
enum { ALLOWED_KIB = 24 * 1024 };

static char data[SIZE];

/* A function of the library by its name, with the type that the header gives it. */
#define FUNCTION(name) \
    __typeof__(&name) name##_ = NULL; \
    *(void **)&name##_ = dlsym(library, #name); \
    CHECK(name##_ != NULL)

#define DONE(...) CHECK_INT((__VA_ARGS__), 0)

static void store(void *library, const char *dir, int round) {
    FUNCTION(ocilayout_open);
    FUNCTION(ocilayout_free);
    FUNCTION(ocilayout_set_threads);
    FUNCTION(ocilayout_blob_options_new);
    FUNCTION(ocilayout_blob_options_set_compression);
    FUNCTION(ocilayout_blob_options_free);
    FUNCTION(ocilayout_sources_new);
    FUNCTION(ocilayout_sources_add_memory);
    FUNCTION(ocilayout_sources_free);
    FUNCTION(ocilayout_blob_put_all);
    FUNCTION(ocilayout_descriptors_count);
    FUNCTION(ocilayout_descriptors_free);
    static const ocilayout_compression compressions[] = {
        OCILAYOUT_COMPRESSION_NONE, OCILAYOUT_COMPRESSION_GZIP, OCILAYOUT_COMPRESSION_ZSTD};
    ocilayout *layout;
    ocilayout_sources *sources;
    ocilayout_descriptors *list;
    DONE(ocilayout_open_(dir, OCILAYOUT_OPEN_CREATE | OCILAYOUT_OPEN_DURABILITY_NONE, &layout,
                         NULL));
    DONE(ocilayout_set_threads_(layout, 3, NULL));
    DONE(ocilayout_sources_new_(&sources, NULL));
    for (size_t i = 0; i < 3; i++) {
        ocilayout_blob_options *options;
        DONE(ocilayout_blob_options_new_(&options, NULL));
        DONE(ocilayout_blob_options_set_compression_(options, compressions[i],
                                                     OCILAYOUT_LEVEL_DEFAULT, NULL));
        DONE(ocilayout_sources_add_memory_(sources, data, SIZE - (size_t)(round % 2), options,
                                           NULL));
        ocilayout_blob_options_free_(options);
    }
    DONE(ocilayout_blob_put_all_(layout, sources, 0, NULL, NULL, &list, NULL));
    CHECK_INT(ocilayout_descriptors_count_(list), 3);
    ocilayout_descriptors_free_(list);
    ocilayout_sources_free_(sources);
    ocilayout_free_(layout);
}

/* The lines of a file of /proc/self that have a word in them. */
static size_t count_lines(const char *file, const char *word) {
    char line[4096];
    size_t count = 0;
    FILE *lines = fopen(file, "r");
    CHECK(lines != NULL);
    while (fgets(line, sizeof line, lines) != NULL)
        count += strstr(line, word) != NULL;
    fclose(lines);
    return count;
}

static long kib_of(const char *what) {
    char line[256], format[64];
    long kib = -1;
    snprintf(format, sizeof format, "%s: %%ld kB", what);
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, format, &kib) == 1)
            break;
    fclose(status);
    CHECK(kib > 0);
    return kib;
}

struct round {
    void *library;
    const char *dir;
    int number;
};

static void *store_once(void *argument) {
    const struct round *round = argument;
    store(round->library, round->dir, round->number);
    return NULL;
}

int main(int argc, char **argv) {
    CHECK_INT(argc, 3);
    alarm(300);
    for (size_t at = 0; at < SIZE; at++)
        data[at] = (char)(at * at >> 9);
    char dir[1024];
    snprintf(dir, sizeof dir, "%s/layout", argv[1]);
    size_t open_files = 0;
    long early = 0;
    for (int number = 0; number < ROUNDS; number++) {
        if (number == 0)
            CHECK_INT(count_lines("/proc/self/maps", "libocilayout"), 0);
        void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL)
            fail(__FILE__, __LINE__, argv[2], dlerror());
        CHECK(count_lines("/proc/self/maps", "libocilayout") > 0);
        /* Of a thread that goes on the loader keeps what it would call at its end, and
         * so the last round is the only one in which the library stays. */
        struct round round = {library, dir, number};
        if (number == ROUNDS - 1) {
            store_once(&round);
        } else {
            pthread_t thread;
            CHECK_INT(pthread_create(&thread, NULL, store_once, &round), 0);
            CHECK_INT(pthread_join(thread, NULL), 0);
        }
        CHECK_INT(dlclose(library), 0);
        if (number == ROUNDS / 5) {
            open_files = count_open_files();
            early = kib_of("VmRSS");
        }
    }
    CHECK_INT(count_open_files(), open_files);
    long late = kib_of("VmRSS");
    if (late > early + ALLOWED_KIB)
        fprintf(stderr, "%ld KiB after a fifth of the rounds, %ld KiB after all\n", early, late);
    CHECK(late <= early + ALLOWED_KIB);
    CHECK_INT(count_lines("/proc/self/status", "Threads:\t1\n"), 1);
    CHECK_WHOLE(dir);
    return 0;
}
