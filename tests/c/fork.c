/* Edits a layout while another thread forks children which live on. None of them
 * may hold the lock that was held when it was forked. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { CHILDREN = 40 };

static atomic_bool editing, forked, done;
static pid_t children[CHILDREN];

static void *fork_children(void *unused) {
    (void)unused;
    for (size_t i = 0; i < CHILDREN; i++) {
        while (!editing)
            ;
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) {
            /* If the test fails, they go with it. */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pause();
            _exit(0);
        }
        CHECK(nanosleep(&(struct timespec){0, 1000000}, NULL) == 0);
    }
    forked = true;
    /* The children would go with this thread. */
    while (!done)
        CHECK(nanosleep(&(struct timespec){0, 1000000}, NULL) == 0);
    return NULL;
}

static int32_t none(void *userdata, const ocilayout_descriptor *descriptor) {
    (void)userdata, (void)descriptor;
    return 0;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    ocilayout *layout = NULL;
    OK(ocilayout_open(argv[1], OCILAYOUT_OPEN_CREATE, &layout, err));
    /* A lock that a child holds is never let go while it lives. */
    OK(ocilayout_set_lock_timeout(layout, 10000, err));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, fork_children, NULL) == 0);
    while (!forked) {
        editing = true;
        OK(ocilayout_write_file(layout, "notes", "x", 1, err));
        OK(ocilayout_remove(layout, NULL, none, NULL, NULL, err));
        editing = false;
    }
    OK(ocilayout_write_file(layout, "notes", "y", 1, err));
    done = true;
    CHECK(pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < CHILDREN; i++) {
        CHECK(kill(children[i], SIGKILL) == 0);
        CHECK(waitpid(children[i], NULL, 0) == children[i]);
    }
    ocilayout_free(layout);
    return 0;
}
