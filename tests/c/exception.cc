/* A C++ exception that leaves a callback ends the process: it never passes
 * through frames of the library as if nothing were there. */
#include "ocilayout.h"

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t read_and_throw(void *, void *, size_t) { throw std::runtime_error("thrown"); }

static int32_t match_and_throw(void *, const ocilayout_descriptor *) {
    throw std::runtime_error("thrown");
}

static ocilayout *layout;

static void from_reading() {
    ocilayout_descriptor *out = nullptr;
    (void)!ocilayout_blob_put_callback(layout, read_and_throw, nullptr, nullptr, NULL, NULL, &out,
                                       nullptr);
}

static void from_matching() {
    (void)!ocilayout_remove(layout, nullptr, match_and_throw, nullptr, nullptr, nullptr);
}

static bool ends_the_process(void (*call)()) {
    pid_t child = fork();
    if (child == 0) {
        rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (freopen("/dev/null", "w", stderr) == nullptr)
            _exit(3);
        try {
            call();
        } catch (...) {
            _exit(1);
        }
        _exit(2);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status)
        && WTERMSIG(status) == SIGABRT;
}

int main(int argc, char **argv) {
    ocilayout_descriptor *abc = nullptr;
    if (argc != 2 ||
        ocilayout_open((std::string(argv[1]) + "/layout").c_str(), OCILAYOUT_OPEN_CREATE, &layout,
                       nullptr) ||
        ocilayout_blob_put_memory(layout, "abc", 3, nullptr, NULL, NULL, &abc, nullptr) ||
        ocilayout_append(layout, abc, "abc", 0, nullptr))
        return 1;
    bool good = ends_the_process(from_reading) && ends_the_process(from_matching);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
    return good ? 0 : 1;
}
