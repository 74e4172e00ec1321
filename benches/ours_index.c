/*
 * ours_index: what the benchmarks measure of layouts that are there, by the
 * header alone.
 *
 *     ours_index list    LAYOUT               reads each entry's digest and reference
 *     ours_index resolve LAYOUT COUNT STEP    the same, of entries found by their names
 *     ours_index replace LAYOUT COUNT STEP    other images in the place of small ones
 *     ours_index remove  LAYOUT COUNT STEP    takes away the entries of small images
 *     ours_index verify  LAYOUT               fails if anything is found
 *     ours_index collect LAYOUT               removes garbage of any age
 *
 * Names are those of small images below COUNT, each STEPth of them, one by one.
 * The first two print how many entries they read, and the sums of the lengths
 * of their names and of the last characters of their digests; the second also
 * the microseconds that each name took, but for the first. What is written has
 * the durability none.
 */
#include "ours.h"

#include <string.h>
#include <time.h>

struct sums {
    size_t entries, names, digests;
};

static void read_entry(struct sums *sums, const ocilayout_descriptor *entry) {
    const char *name = ocilayout_descriptor_reference(entry);
    const char *digest = ocilayout_descriptor_digest(entry);
    sums->entries++;
    sums->names += strlen(name);
    sums->digests += (unsigned char)digest[strlen(digest) - 1];
}

static void list(const ocilayout *layout) {
    struct sums sums = {0, 0, 0};
    ocilayout_descriptors *entries;
    ocilayout_error *err;
    must(ocilayout_list(layout, NULL, NULL, NULL, &entries, &err), err);
    for (size_t i = 0; i < ocilayout_descriptors_count(entries); i++)
        read_entry(&sums, ocilayout_descriptors_at(entries, i));
    ocilayout_descriptors_free(entries);
    printf("%zu %zu %zu\n", sums.entries, sums.names, sums.digests);
}

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void resolve(const ocilayout *layout, int count, int step) {
    struct sums sums = {0, 0, 0};
    double begun = 0;
    for (int number = 0; number < count; number += step) {
        char name[32];
        ocilayout_descriptor *entry;
        ocilayout_error *err;
        small_name(name, number);
        must(ocilayout_resolve(layout, name, NULL, &entry, &err), err);
        read_entry(&sums, entry);
        ocilayout_descriptor_free(entry);
        if (number == 0)
            begun = microseconds();
    }
    double each = (microseconds() - begun) / (double)(sums.entries - 1);
    printf("%zu %zu %zu %.3f\n", sums.entries, sums.names, sums.digests, each);
}

static ocilayout_match *match_name(const char *name) {
    ocilayout_match *match;
    ocilayout_error *err;
    must(ocilayout_match_reference(name, &match, &err), err);
    return match;
}

static void replace(const ocilayout *layout, int count, int step) {
    ocilayout_blob_options *options = small_options();
    for (int number = 0; number < count; number += step) {
        char name[32];
        small_name(name, number);
        ocilayout_match *match = match_name(name);
        ocilayout_descriptor *manifest = put_small_image(layout, options, number + count);
        ocilayout_error *err;
        must(ocilayout_replace(layout, match, NULL, NULL, manifest, name, 0, NULL, &err), err);
        ocilayout_descriptor_free(manifest);
        ocilayout_match_free(match);
    }
    ocilayout_blob_options_free(options);
}

static void take_away(const ocilayout *layout, int count, int step) {
    for (int number = 0; number < count; number += step) {
        char name[32];
        small_name(name, number);
        ocilayout_match *match = match_name(name);
        ocilayout_error *err;
        must(ocilayout_remove(layout, match, NULL, NULL, NULL, &err), err);
        ocilayout_match_free(match);
    }
}

static void verify(const ocilayout *layout) {
    ocilayout_findings *findings;
    ocilayout_error *err;
    must(ocilayout_verify(layout, 0, NULL, NULL, &findings, &err), err);
    for (size_t i = 0; i < ocilayout_findings_count(findings); i++)
        fprintf(stderr, "ours: %s\n",
                ocilayout_finding_message(ocilayout_findings_at(findings, i)));
    if (ocilayout_findings_count(findings) > 0)
        exit(1);
    ocilayout_findings_free(findings);
}

static void collect(const ocilayout *layout) {
    ocilayout_collection *collection;
    ocilayout_error *err;
    must(ocilayout_collect(layout, 0, 0, NULL, NULL, &collection, &err), err);
    ocilayout_collection_free(collection);
}

static int edits(const char *verb) {
    return strcmp(verb, "replace") == 0 || strcmp(verb, "remove") == 0 ||
           strcmp(verb, "collect") == 0;
}

int main(int argc, char **argv) {
    const char *verb = argc > 2 ? argv[1] : "";
    int count = argc == 5 ? atoi(argv[3]) : 0, step = argc == 5 ? atoi(argv[4]) : 0;
    ocilayout *layout = NULL;
    if (argc > 2)
        layout = open_layout(argv[2], edits(verb) ? OCILAYOUT_OPEN_DURABILITY_NONE
                                                  : OCILAYOUT_OPEN_READ_ONLY);
    if (strcmp(verb, "list") == 0) {
        list(layout);
    } else if (strcmp(verb, "verify") == 0) {
        verify(layout);
    } else if (strcmp(verb, "collect") == 0) {
        collect(layout);
    } else if (strcmp(verb, "resolve") == 0 && step > 0) {
        resolve(layout, count, step);
    } else if (strcmp(verb, "replace") == 0 && step > 0) {
        replace(layout, count, step);
    } else if (strcmp(verb, "remove") == 0 && step > 0) {
        take_away(layout, count, step);
    } else {
        fputs("usage: see the top of benches/ours_index.c\n", stderr);
        return 2;
    }
    ocilayout_free(layout);
    return 0;
}
