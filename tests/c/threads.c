/* Many writers at once, threads of one process and processes: no entry is lost,
 * every blob is right. */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#define THREADS 8
#define EACH_THREAD 10
#define PROCESSES 4
#define EACH_PROCESS 25

/* What the threads share. All of it may be looked at by several at once. */
struct shared {
    ocilayout *layout;
    const ocilayout_blob_options *gzip;
    const ocilayout_descriptor *same;
    const ocilayout_match *match;
    const ocilayout_descriptors *list;
};

struct worker {
    pthread_t thread;
    const struct shared *shared;
    int number;
};

/* A text of some length that only this writer has. */
static const char *own_text(char text[4096], int writer, int i) {
    int start = snprintf(text, 4096, "writer %d, blob %d ", writer, i);
    memset(text + start, 'a' + i % 26, (size_t)(4095 - start));
    text[4095] = '\0';
    return text;
}

static const char *own_name(char name[32], int writer, int i) {
    snprintf(name, 32, "writer-%d-%d", writer, i);
    return name;
}

static void put_and_append(const ocilayout *layout, int writer, int i) {
    char text[4096], name[32];
    ocilayout_descriptor *own = put(layout, own_text(text, writer, i));
    OK(ocilayout_append(layout, own, own_name(name, writer, i), 0, err));
    ocilayout_descriptor_free(own);
}

/* Checks that each writer has appended each name once, with its own text. */
static void check_all(const char *dir, int writers, int each) {
    ocilayout *layout;
    OK(ocilayout_open(dir, OCILAYOUT_OPEN_READ_ONLY, &layout, err));
    for (int writer = 0; writer < writers; writer++)
        for (int i = 0; i < each; i++) {
            char text[4096], name[32];
            ocilayout_descriptor *entry;
            ocilayout_bytes *bytes;
            CHECK(has_entry(layout, own_name(name, writer, i)));
            OK(ocilayout_resolve(layout, name, NULL, &entry, err));
            OK(ocilayout_blob_read(layout, entry, sizeof text, &bytes, err));
            own_text(text, writer, i);
            CHECK_INT(ocilayout_bytes_size(bytes), strlen(text));
            CHECK(memcmp(ocilayout_bytes_data(bytes), text, strlen(text)) == 0);
            ocilayout_bytes_free(bytes);
            ocilayout_descriptor_free(entry);
        }
    ocilayout_free(layout);
    CHECK_WHOLE(dir);
}

static void *work(void *argument) {
    const struct worker *worker = argument;
    const struct shared *shared = worker->shared;
    size_t seen = 0;
    for (int i = 0; i < EACH_THREAD; i++) {
        put_and_append(shared->layout, worker->number, i);

        /* The same blobs as all the others. */
        char text[32];
        snprintf(text, sizeof text, "the same, %d", i);
        ocilayout_descriptor *same = put(shared->layout, text), *packed;
        OK(ocilayout_blob_put_memory(shared->layout, text, strlen(text), shared->gzip, NULL, NULL,
                                     &packed, err));
        CHECK(ocilayout_descriptor_diff_id(packed) != NULL);
        CHECK_TEXT(ocilayout_descriptor_diff_id(packed), ocilayout_descriptor_digest(same));
        ocilayout_descriptor_free(same);
        ocilayout_descriptor_free(packed);

        /* Entries are only added, so every later list is longer. */
        size_t now = count_entries(shared->layout);
        CHECK(now > seen);
        seen = now;

        bool yes;
        OK(ocilayout_match_test(shared->match, shared->same, &yes, err));
        CHECK(!yes);
        CHECK_TEXT(ocilayout_descriptor_digest(shared->same), DIGEST_OF_ABC);
        CHECK(strstr(ocilayout_descriptor_json(shared->same), DIGEST_OF_ABC) != NULL);
        CHECK_TEXT(ocilayout_descriptor_reference(ocilayout_descriptors_at(shared->list, 0)),
                   "first");
    }
    return NULL;
}

static void threads(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    ocilayout_blob_options *gzip = new_options();
    OK(ocilayout_blob_options_set_compression(gzip, OCILAYOUT_COMPRESSION_GZIP, 1, err));
    OK(ocilayout_append(layout, abc, "first", 0, err));
    ocilayout_match *match = named("first");
    ocilayout_descriptors *list = entries(layout);

    struct shared shared = {layout, gzip, abc, match, list};
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shared = &shared, .number = i};
        CHECK_INT(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(workers[i].thread, NULL), 0);
    CHECK_INT(count_entries(layout), THREADS * EACH_THREAD + 1);
    check_all(dir, THREADS, EACH_THREAD);

    ocilayout_descriptors_free(list);
    ocilayout_match_free(match);
    ocilayout_blob_options_free(gzip);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* Not even the layout is there when they begin. */
static void processes(const char *dir) {
    pid_t children[PROCESSES];
    for (int writer = 0; writer < PROCESSES; writer++) {
        children[writer] = fork();
        CHECK(children[writer] >= 0);
        if (children[writer] == 0) {
            ocilayout *layout = layout_at(dir);
            for (int i = 0; i < EACH_PROCESS; i++)
                put_and_append(layout, writer, i);
            ocilayout_free(layout);
            _exit(0);
        }
    }
    for (int writer = 0; writer < PROCESSES; writer++) {
        int status;
        CHECK_INT(waitpid(children[writer], &status, 0), children[writer]);
        CHECK_INT(status, 0);
    }
    ocilayout *layout = layout_at(dir);
    CHECK_INT(count_entries(layout), PROCESSES * EACH_PROCESS);
    ocilayout_free(layout);
    check_all(dir, PROCESSES, EACH_PROCESS);
}

/* Each moves the one name to a blob of its own: one of them is the last. */
static void *move_the_name(void *argument) {
    const struct worker *worker = argument;
    const ocilayout *layout = worker->shared->layout;
    char text[4096];
    ocilayout_descriptor *own = put(layout, own_text(text, worker->number, 0));
    for (int i = 0; i < EACH_THREAD; i++) {
        size_t replaced;
        OK(ocilayout_replace(layout, worker->shared->match, NULL, NULL, own, "latest", 0, &replaced,
                             err));
        CHECK(replaced <= 1);
    }
    ocilayout_descriptor_free(own);
    return NULL;
}

static void one_name(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_match *match = named("latest");
    struct shared shared = {.layout = layout, .match = match};
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shared = &shared, .number = i};
        CHECK_INT(pthread_create(&workers[i].thread, NULL, move_the_name, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(workers[i].thread, NULL), 0);
    CHECK_INT(count_entries(layout), 1);
    CHECK(has_entry(layout, "latest"));
    CHECK_WHOLE(dir);
    ocilayout_match_free(match);
    ocilayout_free(layout);
}

struct budget {
    pthread_t caller;
    size_t threads;
};

/* Stops a verification when it has as many threads as it may have, by the names that
 * the header says. */
static int32_t count_in_the_middle(void *userdata, const ocilayout_progress *progress) {
    struct budget *budget = userdata;
    CHECK(pthread_equal(pthread_self(), budget->caller));
    if (progress->items_done == progress->items_total)
        return 0;
    size_t found = 0;
    struct dirent **tasks;
    int count = scandir("/proc/self/task", &tasks, NULL, NULL);
    for (int i = 0; i < count; i++) {
        char comm[320], name[64] = "";
        snprintf(comm, sizeof comm, "/proc/self/task/%s/comm", tasks[i]->d_name);
        FILE *file = fopen(comm, "r");
        if (file != NULL && fgets(name, sizeof name, file) != NULL)
            found += strncmp(name, "ocilayout-", 10) == 0;
        if (file != NULL)
            fclose(file);
        free(tasks[i]);
    }
    free(tasks);
    CHECK(found <= budget->threads);
    return found == budget->threads;
}

static void budgets(const char *dir) {
    ocilayout *layout = layout_at(dir);
    size_t before = count_threads();
    for (int i = 0; i < 16; i++)
        put_sparse(dir, i, 1 << 28);
    for (size_t threads = 1; threads < 5; threads++) {
        struct budget budget = {pthread_self(), threads == 1 ? 0 : threads};
        ocilayout_findings *found;
        OK(ocilayout_set_threads(layout, threads, err));
        FAILS(OCILAYOUT_ERR_CANCELLED, "progress",
              ocilayout_verify(layout, 0, count_in_the_middle, &budget, &found, err));
        CHECK(found == NULL);
        CHECK_INT(count_threads(), before);
    }
    ocilayout_free(layout);
}

TESTS(threads, processes, one_name, budgets)
