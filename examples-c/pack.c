/*
 * pack: packs tars, each as a layer, into an image of an image layout.
 *
 *     pack [-z gzip|zstd|none] [-l LEVEL] [-p OS/ARCHITECTURE]
 *          [-e ENTRYPOINT-ARG]... [-c CMD-ARG]... LAYOUT NAME LAYER.tar...
 *
 * The layout is made if it is not there. The image takes the place of what had
 * its name. The digest of its manifest is printed.
 *
 *     pack -e /bin/hello layout hello:1.0 hello.tar
 *
 * cc pack.c -o pack $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#define PROGRAM "pack"
#include "common.h"

#include <stdlib.h>
#include <sys/stat.h>

/* What is to be done. */
struct job {
    ocilayout_compression compression;
    int32_t level;
    const char *platform;
    const char **entrypoint, **command;
    size_t entrypoint_count, command_count;
    const char *layout, *name;
    char **paths;
    struct tar *tars;
    size_t tar_count;
};

/* How many bytes a tar has, which the library does not know of a callback;
 * UINT64_MAX if it is a pipe. */
static uint64_t size_of(const struct tar *tar) {
    struct stat stat;
    if (fstat(tar->fd, &stat) == 0 && S_ISREG(stat.st_mode))
        return (uint64_t)stat.st_size;
    return UINT64_MAX;
}

static int pack(const struct job *job) {
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL;
    ocilayout_blob_options *options = NULL;
    ocilayout_image *image = NULL;
    ocilayout_descriptor *layer = NULL, *manifest = NULL;
    ocilayout_match *same_name = NULL;
    const char *source = NULL;
    int rc = 1;

    if (ocilayout_reference_check(job->name, &err)
        || ocilayout_open(job->layout, OCILAYOUT_OPEN_CREATE, &layout, &err)
        || ocilayout_blob_options_new(&options, &err)
        || ocilayout_blob_options_set_compression(options, job->compression, job->level, &err)
        || ocilayout_image_new(layout, &image, &err)
        || ocilayout_image_set_platform(image, job->platform, &err))
        goto failed;

    /* A compressed layer has its media type by itself; plain bytes could be
     * anything. */
    if (job->compression == OCILAYOUT_COMPRESSION_NONE
        && ocilayout_blob_options_set_media_type(options, OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER, &err))
        goto failed;
    if (job->entrypoint_count > 0
        && ocilayout_image_set_entrypoint(image, job->entrypoint, job->entrypoint_count, &err))
        goto failed;
    if (job->command_count > 0
        && ocilayout_image_set_command(image, job->command, job->command_count, &err))
        goto failed;

    for (size_t i = 0; i < job->tar_count; i++) {
        struct progress progress = begin_progress(job->paths[i]);
        progress.total = size_of(&job->tars[i]);
        source = job->paths[i];
        ocilayout_status status =
            ocilayout_blob_put_callback(layout, read_tar, &job->tars[i], options, draw_progress,
                                        &progress, &layer, &err);
        end_progress(&progress);
        if (status || ocilayout_image_add_layer(image, layer, NULL, PROGRAM, &err))
            goto failed;
        ocilayout_descriptor_free(layer);
        layer = NULL;
    }

    /* From here to the last call nobody sees the image; then all do. */
    if (ocilayout_image_finish(image, &manifest, &err)
        || ocilayout_match_reference(job->name, &same_name, &err)
        || ocilayout_replace(layout, same_name, NULL, NULL, manifest, job->name, 0, NULL, &err))
        goto failed;
    puts(ocilayout_descriptor_digest(manifest));
    rc = flush_output() ? 0 : 1;
    goto out;

failed:
    complain_of(err, source);
out:
    ocilayout_match_free(same_name);
    ocilayout_descriptor_free(manifest);
    ocilayout_descriptor_free(layer);
    ocilayout_image_free(image);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    return rc;
}

/* Opens and checks all tars before anything is written. */
static int open_and_pack(struct job *job) {
    size_t opened = 0;
    int rc = 1;
    job->tars = malloc(job->tar_count * sizeof *job->tars);
    if (!job->tars) {
        complain("%s", strerror(ENOMEM));
        return 1;
    }
    while (opened < job->tar_count && open_tar(&job->tars[opened], job->paths[opened]))
        opened++;
    if (opened == job->tar_count)
        rc = pack(job);
    while (opened > 0)
        close(job->tars[--opened].fd);
    free(job->tars);
    return rc;
}

static bool parse_compression(const char *text, ocilayout_compression *compression) {
    if (strcmp(text, "gzip") == 0)
        *compression = OCILAYOUT_COMPRESSION_GZIP;
    else if (strcmp(text, "zstd") == 0)
        *compression = OCILAYOUT_COMPRESSION_ZSTD;
    else if (strcmp(text, "none") == 0)
        *compression = OCILAYOUT_COMPRESSION_NONE;
    else
        return false;
    return true;
}

/* The library knows which levels there are; here it need only be a number. */
static bool parse_level(const char *text, int32_t *level) {
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end || number < 0 || number > 1000)
        return false;
    *level = (int32_t)number;
    return true;
}

static bool parse(int argc, char **argv, struct job *job) {
    int option;
    while ((option = getopt(argc, argv, "z:l:p:e:c:")) != -1) {
        switch (option) {
        case 'z':
            if (!parse_compression(optarg, &job->compression))
                return false;
            break;
        case 'l':
            if (!parse_level(optarg, &job->level))
                return false;
            break;
        case 'p':
            job->platform = optarg;
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
    if (argc - optind < 3)
        return false;
    job->layout = argv[optind];
    job->name = argv[optind + 1];
    job->paths = argv + optind + 2;
    job->tar_count = (size_t)(argc - optind - 2);
    return true;
}

int main(int argc, char **argv) {
    struct job job = {
        .compression = OCILAYOUT_COMPRESSION_GZIP,
        .level = OCILAYOUT_LEVEL_DEFAULT,
    };
    char own_platform[160];
    int rc = 1;

    /* No more arguments than these can be collected. */
    job.entrypoint = calloc((size_t)argc + 1, sizeof *job.entrypoint);
    job.command = calloc((size_t)argc + 1, sizeof *job.command);
    if (!job.entrypoint || !job.command) {
        complain("%s", strerror(ENOMEM));
    } else if (!parse(argc, argv, &job)) {
        fputs("usage: pack [-z gzip|zstd|none] [-l LEVEL] [-p OS/ARCHITECTURE]\n"
              "            [-e ENTRYPOINT-ARG]... [-c CMD-ARG]... LAYOUT NAME LAYER.tar...\n",
              stderr);
        rc = 2;
    } else if (!job.platform && !machine_platform(own_platform, sizeof own_platform)) {
        complain("cannot tell the platform of this machine; say one with -p");
    } else {
        if (!job.platform)
            job.platform = own_platform;
        rc = open_and_pack(&job);
    }
    free(job.entrypoint);
    free(job.command);
    return rc;
}
