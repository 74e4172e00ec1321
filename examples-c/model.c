/*
 * model: packs a model, its weights and the file that describes them, as an
 * artifact by the ModelPack specification.
 *
 *     model LAYOUT NAME CONFIG.json WEIGHTS...
 *
 * The layout is made if it is not there. Weights may have any size and come in
 * several files, which are read at once. Each file is stored as it is, under its own
 * name: ORAS and the tools of ModelPack unpack them as they were. The artifact takes
 * the place of what had its name. The digest of its manifest is printed.
 *
 *     model layout tiny:1.0 config.json tiny.safetensors
 *     oras pull --oci-layout layout:tiny:1.0
 *
 * cc model.c -o model $(pkg-config --cflags --libs ocilayout)
 */
#define _POSIX_C_SOURCE 200809L
#define PROGRAM "model"
#include "common.h"

#include <stdlib.h>

/* What these are called is said by https://github.com/modelpack/model-spec. */
#define MODEL "application/vnd.cncf.model.manifest.v1+json"
#define MODEL_CONFIG "application/vnd.cncf.model.config.v1+json"
#define WEIGHTS "application/vnd.cncf.model.weight.v1.raw"
#define WEIGHTS_CONFIG "application/vnd.cncf.model.weight.config.v1.raw"
#define FILE_PATH "org.cncf.model.filepath"

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether each file has a name of its own; unpacked, one would replace the other. */
static bool names_differ(char *const *paths, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(base_name(paths[i]), base_name(paths[j])) == 0) {
                complain("%s and %s: two files of one name", paths[j], paths[i]);
                return false;
            }
    return true;
}

/* Stores the files, the first as what describes the others. */
static bool put_files(const ocilayout *layout, const char *name, char *const *paths,
                      size_t count, ocilayout_descriptors **out,
                      ocilayout_error **err) {
    struct progress progress = begin_progress(name);
    ocilayout_blob_options *as_config = NULL, *as_weights = NULL;
    ocilayout_sources *files = NULL;

    bool failed = ocilayout_blob_options_new(&as_config, err)
        || ocilayout_blob_options_set_media_type(as_config, WEIGHTS_CONFIG, err)
        || ocilayout_blob_options_new(&as_weights, err)
        || ocilayout_blob_options_set_media_type(as_weights, WEIGHTS, err)
        || ocilayout_sources_new(&files, err);
    for (size_t i = 0; !failed && i < count; i++)
        failed = ocilayout_sources_add_file(files, paths[i], i ? as_weights : as_config, err);
    if (!failed) {
        failed = ocilayout_blob_put_all(layout, files, 0, draw_progress, &progress, out, err);
        end_progress(&progress);
    }
    ocilayout_sources_free(files);
    ocilayout_blob_options_free(as_weights);
    ocilayout_blob_options_free(as_config);
    return !failed;
}

/* Stores a document that was written into memory. */
static bool put_config(const ocilayout *layout, const char *json, size_t size,
                       ocilayout_descriptor **out, ocilayout_error **err) {
    ocilayout_blob_options *as_config = NULL;

    bool failed = ocilayout_blob_options_new(&as_config, err)
        || ocilayout_blob_options_set_media_type(as_config, MODEL_CONFIG, err)
        || ocilayout_blob_put_memory(layout, json, size, as_config, NULL, NULL, out, err);
    ocilayout_blob_options_free(as_config);
    return !failed;
}

/* Writes the layers of the manifest: the files as they were stored, each with its
 * path in the words of ModelPack too. */
static bool write_layers(FILE *json, const ocilayout_descriptors *files,
                         char *const *paths, ocilayout_error **err) {
    bool failed = false;
    for (size_t i = 0; !failed && i < ocilayout_descriptors_count(files); i++) {
        ocilayout_descriptor *layer = NULL;
        failed = ocilayout_descriptor_copy(ocilayout_descriptors_at(files, i), &layer, err)
            || ocilayout_descriptor_set_annotation(layer, FILE_PATH, base_name(paths[i]), err);
        if (!failed)
            fprintf(json, "%s%s", i ? "," : "", ocilayout_descriptor_json(layer));
        ocilayout_descriptor_free(layer);
    }
    return !failed;
}

/* Writes the config of the model. Of a file that is stored as it is, the diff ID is
 * its digest. A name has no character that JSON would have to escape. */
static void write_config(FILE *json, const char *name, const ocilayout_descriptors *files) {
    fprintf(json, "{\"descriptor\":{\"name\":\"%s\"},\"config\":{},", name);
    fputs("\"modelfs\":{\"type\":\"layers\",\"diffIds\":[", json);
    for (size_t i = 0; i < ocilayout_descriptors_count(files); i++)
        fprintf(json, "%s\"%s\"", i ? "," : "",
                ocilayout_descriptor_digest(ocilayout_descriptors_at(files, i)));
    fputs("]}}", json);
}

/* A text that is being written. */
struct text {
    FILE *file;
    char *start;
    size_t size;
};

static bool begin_text(struct text *text) {
    text->file = open_memstream(&text->start, &text->size);
    return text->file != NULL;
}

static bool end_text(struct text *text) {
    bool whole = !ferror(text->file);
    whole = fclose(text->file) == 0 && whole;
    text->file = NULL;
    return whole;
}

static void free_text(struct text *text) {
    if (text->file)
        fclose(text->file);
    free(text->start);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fputs("usage: model LAYOUT NAME CONFIG.json WEIGHTS...\n", stderr);
        return 2;
    }
    const char *name = argv[2];
    char *const *paths = argv + 3;
    size_t count = (size_t)argc - 3;
    struct text config_text = {NULL, NULL, 0}, manifest_text = {NULL, NULL, 0};
    ocilayout_error *err = NULL;
    ocilayout *layout = NULL, *transaction = NULL;
    ocilayout_descriptors *files = NULL;
    ocilayout_descriptor *config = NULL, *manifest = NULL;
    ocilayout_match *same_name = NULL;
    int rc = 1;

    if (!names_differ(paths, count))
        return 1;

    /* All that is stored waits in the transaction, and nobody sees a part of it. */
    if (ocilayout_reference_check(name, &err)
        || ocilayout_open(argv[1], OCILAYOUT_OPEN_CREATE, &layout, &err)
        || ocilayout_begin(layout, &transaction, &err)
        || !put_files(transaction, name, paths, count, &files, &err))
        goto failed;

    if (!begin_text(&config_text))
        goto no_memory;
    write_config(config_text.file, name, files);
    if (!end_text(&config_text))
        goto no_memory;
    if (!put_config(transaction, config_text.start, config_text.size, &config, &err))
        goto failed;

    if (!begin_text(&manifest_text))
        goto no_memory;
    fprintf(manifest_text.file,
            "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"artifactType\":\"%s\","
            "\"config\":%s,\"layers\":[",
            OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST, MODEL, ocilayout_descriptor_json(config));
    if (!write_layers(manifest_text.file, files, paths, &err))
        goto failed;
    fputs("]}", manifest_text.file);
    if (!end_text(&manifest_text))
        goto no_memory;

    if (ocilayout_manifest_put(transaction, manifest_text.start, manifest_text.size, NULL, 0,
                               &manifest, &err)
        || ocilayout_match_reference(name, &same_name, &err)
        || ocilayout_replace(transaction, same_name, NULL, NULL, manifest, name, 0, NULL, &err)
        || ocilayout_commit(transaction, &err))
        goto failed;
    puts(ocilayout_descriptor_digest(manifest));
    rc = flush_output() ? 0 : 1;
    goto out;

no_memory:
    complain("%s", strerror(ENOMEM));
    goto out;
failed:
    complain("%s", ocilayout_error_message(err));
out:
    ocilayout_match_free(same_name);
    ocilayout_descriptor_free(manifest);
    ocilayout_descriptor_free(config);
    ocilayout_descriptors_free(files);
    ocilayout_free(transaction);
    ocilayout_free(layout);
    ocilayout_error_free(err);
    free_text(&manifest_text);
    free_text(&config_text);
    return rc;
}
