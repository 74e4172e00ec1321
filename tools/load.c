/* Loads a shared library into a program that has nothing but libc, and says what that
 * takes: microseconds, and KiB of memory that is the process's own. */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static long own_kib(void) {
    FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kib, sum = 0;
    while (rollup && fgets(line, sizeof line, rollup))
        if (sscanf(line, "Private_Clean: %ld", &kib) == 1 || sscanf(line, "Private_Dirty: %ld", &kib) == 1)
            sum += kib;
    if (rollup) fclose(rollup);
    return sum;
}

int main(int argc, char **argv) {
    struct timespec begun, done;
    if (argc != 2) return 2;
    long before = own_kib();
    clock_gettime(CLOCK_MONOTONIC, &begun);
    void *library = dlopen(argv[1], RTLD_NOW);
    clock_gettime(CLOCK_MONOTONIC, &done);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    printf("%ld %ld\n", (done.tv_sec - begun.tv_sec) * 1000000 + (done.tv_nsec - begun.tv_nsec) / 1000,
           own_kib() - before);
    return 0;
}
