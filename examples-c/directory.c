/*
 * directory: makes an image of one layer from a directory.
 *
 *     directory [-p OS/ARCHITECTURE] [-x PATTERN]... [-k]
 *               [-e ENTRYPOINT-ARG]... [-c CMD-ARG]... LAYOUT NAME DIRECTORY
 *
 * The layout is made if it is not there. The image takes the place of what had
 * its name. None of its files is younger than SOURCE_DATE_EPOCH, if that is set: the
 * same directory gives the same image. The digest of its manifest is printed.
 *
 * -p says what it runs on, which is else what this machine is. -x leaves out what
 * matches below the directory. With -k files belong to those who own them here, else
 * to root. -e and -c say what it runs.
 *
 *     directory -x 'var/cache' -e /bin/hello layout hello:1.0 rootfs
 *
 * cc directory.c -o directory $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "directory"
#include "common.h"

#include <stdlib.h>

/* What is to be done. */
struct job {
    const char *platform;
    int32_t owners;
    const char **excluded, **entrypoint, **command;
    size_t excluded_count, entrypoint_count, command_count;
    const char *layout, *name, *directory;
};

static bool put_layer(const ocilayout *layout, const struct job *job,
                      ocilayout_descriptor **out, ocilayout_error **err) {
    struct progress progress = begin_progress(job->directory);
    ocilayout_directory_options *how = NULL;
    ocilayout_blob_options *gzip = NULL;

    bool failed = ocilayout_directory_options_new(&how, err)
        || ocilayout_directory_options_set_owners(how, job->owners, err)
        || ocilayout_directory_options_set_source_date_epoch(how, err)
        || ocilayout_blob_options_new(&gzip, err)
        || ocilayout_blob_options_set_compression(gzip, OCILAYOUT_COMPRESSION_GZIP,
                                                            OCILAYOUT_LEVEL_DEFAULT, err);
    for (size_t i = 0; !failed && i < job->excluded_count; i++)
        failed = ocilayout_directory_options_exclude(how, job->excluded[i], err);
    if (!failed) {
        failed = ocilayout_blob_put_directory(layout, job->directory, how, gzip, draw_progress,
                                              &progress, out, err);
        end_progress(&progress);
    }
    ocilayout_blob_options_free(gzip);
    ocilayout_directory_options_free(how);
    return !failed;
}

static int make(const struct job *job) {
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_image *image = NULL;
    ocilayout_descriptor *layer = NULL, *manifest = NULL;
    ocilayout_match *same_name = NULL;
    int rc = 1;

    if (ocilayout_reference_check(job->name, &err)
        || ocilayout_open(job->layout, OCILAYOUT_OPEN_CREATE, &layout, &err)
        || ocilayout_image_new(layout, &image, &err)
        || ocilayout_image_set_platform(image, job->platform, &err))
        goto failed;
    if (job->entrypoint_count > 0
        && ocilayout_image_set_entrypoint(image, job->entrypoint, job->entrypoint_count, &err))
        goto failed;
    if (job->command_count > 0
        && ocilayout_image_set_command(image, job->command, job->command_count, &err))
        goto failed;

    if (!put_layer(layout, job, &layer, &err)
        || ocilayout_image_add_layer(image, layer, NULL, PROGRAM, &err)
        || ocilayout_image_finish(image, &manifest, &err)
        || ocilayout_match_reference(job->name, &same_name, &err)
        || ocilayout_replace(layout, same_name, NULL, NULL, manifest, job->name, 0, NULL, &err))
        goto failed;
    puts(ocilayout_descriptor_digest(manifest));
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain("%s", ocilayout_error_message(err));
out:
    ocilayout_match_free(same_name);
    ocilayout_descriptor_free(manifest);
    ocilayout_descriptor_free(layer);
    ocilayout_image_free(image);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}

static bool parse(int argc, char **argv, struct job *job) {
    int option;
    while ((option = getopt(argc, argv, "p:x:ke:c:")) != -1) {
        switch (option) {
        case 'p':
            job->platform = optarg;
            break;
        case 'x':
            job->excluded[job->excluded_count++] = optarg;
            break;
        case 'k':
            job->owners = OCILAYOUT_OWNERS_KEPT;
            break;
        case 'e':
            job->entrypoint[job->entrypoint_count++] = optarg;
            break;
        case 'c':
            job->command[job->command_count++] = optarg;
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 3)
        return false;
    job->layout = argv[optind];
    job->name = argv[optind + 1];
    job->directory = argv[optind + 2];
    return true;
}

int main(int argc, char **argv) {
    struct job job = {.owners = OCILAYOUT_OWNERS_ROOT};
    char own_platform[160];
    int rc = 1;

    /* No more arguments than these can be collected. */
    job.excluded = calloc((size_t)argc + 1, sizeof *job.excluded);
    job.entrypoint = calloc((size_t)argc + 1, sizeof *job.entrypoint);
    job.command = calloc((size_t)argc + 1, sizeof *job.command);
    if (!job.excluded || !job.entrypoint || !job.command) {
        complain("%s", strerror(ENOMEM));
    } else if (!parse(argc, argv, &job)) {
        fputs("usage: directory [-p OS/ARCHITECTURE] [-x PATTERN]... [-k]\n"
              "                 [-e ENTRYPOINT-ARG]... [-c CMD-ARG]... LAYOUT NAME DIRECTORY\n",
              stderr);
        rc = 2;
    } else if (!job.platform && !machine_platform(own_platform, sizeof own_platform)) {
        complain("cannot tell the platform of this machine; say one with -p");
    } else {
        if (!job.platform)
            job.platform = own_platform;
        rc = make(&job);
    }
    free(job.excluded);
    free(job.entrypoint);
    free(job.command);
    return rc;
}
