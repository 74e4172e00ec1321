/* NULL for each pointer in turn. Where the header does not allow it, it is an
 * error that names the parameter, and what is handed out is cleared; tests/c.rs
 * sees to it that no function is forgotten here. */
#include "check.h"

static const char index_json[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":[]}";

static int64_t read_nothing(void *userdata, void *buf, size_t cap) {
    (void)userdata, (void)buf, (void)cap;
    return 0;
}

static int64_t read_no_blob(void *userdata, const ocilayout_descriptor *descriptor,
                            uint64_t offset, void *buf, size_t cap) {
    (void)userdata, (void)descriptor, (void)offset, (void)buf, (void)cap;
    return 0;
}

static int32_t match_all(void *userdata, const ocilayout_descriptor *descriptor) {
    (void)userdata, (void)descriptor;
    return 1;
}

static void layouts(const char *dir) {
    ocilayout *layout = layout_at(dir), *out;
    ocilayout_bytes *bytes;

    CLEARS(out, "path", ocilayout_open(NULL, 0, &out, err));
    REFUSES("out", ocilayout_open(dir, 0, NULL, err));
    CLEARS(out, "path", ocilayout_open_at(AT_FDCWD, NULL, 0, &out, err));
    REFUSES("out", ocilayout_open_at(AT_FDCWD, dir, 0, NULL, err));

    const char *new = path(dir, "new");
    size_t len = strlen(index_json);
    CLEARS(out, "path", ocilayout_create(NULL, index_json, len, NULL, NULL, NULL, NULL, &out, err));
    CLEARS(out, "index", ocilayout_create(new, NULL, 1, NULL, NULL, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_create(new, index_json, len, NULL, NULL, NULL, NULL, NULL, err));
    CHECK(access(new, F_OK) != 0);

    CLEARS(bytes, "layout", ocilayout_read_file(NULL, "index.json", &bytes, err));
    CLEARS(bytes, "name", ocilayout_read_file(layout, NULL, &bytes, err));
    REFUSES("out", ocilayout_read_file(layout, "index.json", NULL, err));

    REFUSES("layout", ocilayout_write_file(NULL, "extra", "x", 1, err));
    REFUSES("name", ocilayout_write_file(layout, NULL, "x", 1, err));
    REFUSES("data", ocilayout_write_file(layout, "extra", NULL, 1, err));

    CHECK_WHOLE(dir);
    ocilayout_free(layout);
}

static void blobs(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_bytes *bytes;
    uint64_t size;

    CLEARS(out, "layout",
           ocilayout_blob_put_callback(NULL, read_nothing, NULL, NULL, NULL, NULL, &out, err));
    CLEARS(out, "read",
           ocilayout_blob_put_callback(layout, NULL, NULL, NULL, NULL, NULL, &out, err));
    REFUSES("out",
            ocilayout_blob_put_callback(layout, read_nothing, NULL, NULL, NULL, NULL, NULL, err));

    CLEARS(out, "layout", ocilayout_blob_put_fd(NULL, 0, NULL, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_blob_put_fd(layout, 0, NULL, NULL, NULL, NULL, err));

    CLEARS(out, "layout", ocilayout_blob_put_memory(NULL, "x", 1, NULL, NULL, NULL, &out, err));
    CLEARS(out, "data", ocilayout_blob_put_memory(layout, NULL, 1, NULL, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_blob_put_memory(layout, "x", 1, NULL, NULL, NULL, NULL, err));

    CLEARS(out, "layout", ocilayout_blob_put_file(NULL, "x", NULL, NULL, NULL, &out, err));
    CLEARS(out, "path", ocilayout_blob_put_file(layout, NULL, NULL, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_blob_put_file(layout, "x", NULL, NULL, NULL, NULL, err));

    CLEARS(size, "layout", ocilayout_blob_size(NULL, DIGEST_OF_ABC, &size, err));
    CLEARS(size, "digest", ocilayout_blob_size(layout, NULL, &size, err));
    REFUSES("size", ocilayout_blob_size(layout, DIGEST_OF_ABC, NULL, err));

    CLEARS(bytes, "layout", ocilayout_blob_read(NULL, abc, 3, &bytes, err));
    CLEARS(bytes, "descriptor", ocilayout_blob_read(layout, NULL, 3, &bytes, err));
    REFUSES("out", ocilayout_blob_read(layout, abc, 3, NULL, err));

    REFUSES("layout", ocilayout_blob_remove(NULL, DIGEST_OF_ABC, err));
    REFUSES("digest", ocilayout_blob_remove(layout, NULL, err));

    ocilayout_blob_writer *writer;
    CLEARS(writer, "layout", ocilayout_blob_writer_open(NULL, NULL, &writer, err));
    REFUSES("out", ocilayout_blob_writer_open(layout, NULL, NULL, err));
    OK(ocilayout_blob_writer_open(layout, NULL, &writer, err));
    REFUSES("writer", ocilayout_blob_writer_write(NULL, "x", 1, err));
    REFUSES("data", ocilayout_blob_writer_write(writer, NULL, 1, err));
    CLEARS(out, "writer", ocilayout_blob_writer_finish(NULL, &out, err));
    REFUSES("out", ocilayout_blob_writer_finish(writer, NULL, err));
    /* A refused argument is no error of the blob: it goes on. */
    OK(ocilayout_blob_writer_write(writer, "abc", 3, err));
    OK(ocilayout_blob_writer_finish(writer, &out, err));
    CHECK_TEXT(ocilayout_descriptor_digest(out), DIGEST_OF_ABC);
    ocilayout_descriptor_free(out);
    ocilayout_blob_writer_free(writer);

    ocilayout_blob_reader *reader;
    char buf[8];
    size_t n;
    CLEARS(reader, "layout", ocilayout_blob_reader_open(NULL, abc, &reader, err));
    CLEARS(reader, "descriptor", ocilayout_blob_reader_open(layout, NULL, &reader, err));
    REFUSES("out", ocilayout_blob_reader_open(layout, abc, NULL, err));
    OK(ocilayout_blob_reader_open(layout, abc, &reader, err));
    CLEARS(n, "reader", ocilayout_blob_reader_read(NULL, buf, sizeof buf, &n, err));
    CLEARS(n, "buf", ocilayout_blob_reader_read(reader, NULL, sizeof buf, &n, err));
    REFUSES("n", ocilayout_blob_reader_read(reader, buf, sizeof buf, NULL, err));
    OK(ocilayout_blob_reader_read(reader, buf, sizeof buf, &n, err));
    CHECK_INT(n, 3);
    ocilayout_blob_reader_free(reader);

    CHECK_WHOLE(dir);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void directories(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_directory_options *options;
    ocilayout_descriptor *out;

    REFUSES("out", ocilayout_directory_options_new(NULL, err));
    OK(ocilayout_directory_options_new(&options, err));
    REFUSES("options", ocilayout_directory_options_set_clamp(NULL, 0, err));
    REFUSES("options", ocilayout_directory_options_set_source_date_epoch(NULL, err));
    REFUSES("options", ocilayout_directory_options_set_owners(NULL, 0, err));
    REFUSES("options", ocilayout_directory_options_map_users(NULL, 0, 0, 1, err));
    REFUSES("options", ocilayout_directory_options_map_groups(NULL, 0, 0, 1, err));
    REFUSES("options", ocilayout_directory_options_exclude(NULL, "x", err));
    REFUSES("pattern", ocilayout_directory_options_exclude(options, NULL, err));
    REFUSES("options", ocilayout_directory_options_include(NULL, "x", err));
    REFUSES("pattern", ocilayout_directory_options_include(options, NULL, err));
    REFUSES("options", ocilayout_directory_options_set_flags(NULL, 0, err));

    CLEARS(out, "layout",
           ocilayout_blob_put_directory(NULL, dir, NULL, NULL, NULL, NULL, &out, err));
    CLEARS(out, "path",
           ocilayout_blob_put_directory(layout, NULL, NULL, NULL, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_blob_put_directory(layout, dir, NULL, NULL, NULL, NULL, NULL, err));
    CLEARS(out, "layout",
           ocilayout_blob_put_difference(NULL, dir, dir, NULL, NULL, NULL, NULL, &out, err));
    CLEARS(out, "lower",
           ocilayout_blob_put_difference(layout, NULL, dir, NULL, NULL, NULL, NULL, &out, err));
    CLEARS(out, "upper",
           ocilayout_blob_put_difference(layout, dir, NULL, NULL, NULL, NULL, NULL, &out, err));
    REFUSES("out",
            ocilayout_blob_put_difference(layout, dir, dir, NULL, NULL, NULL, NULL, NULL, err));

    /* What the options are refused leaves them as they were. */
    REFUSES("owners", ocilayout_directory_options_set_owners(options, 2, err));
    REFUSES("range", ocilayout_directory_options_map_users(options, 0, 0, 0, err));
    REFUSES("flags", ocilayout_directory_options_set_flags(options, 2, err));
    const char *empty = path(dir, "empty");
    CHECK_INT(mkdir(empty, 0755), 0);
    OK(ocilayout_blob_put_directory(layout, empty, options, NULL, NULL, NULL, &out, err));
    ocilayout_descriptor_free(out);

    CHECK_INT(rmdir(empty), 0);
    CHECK_WHOLE(dir);
    ocilayout_directory_options_free(options);
    ocilayout_free(layout);
}

static void blob_options(const char *dir) {
    (void)dir;
    ocilayout_blob_options *options = new_options();
    REFUSES("out", ocilayout_blob_options_new(NULL, err));
    REFUSES("options", ocilayout_blob_options_set_media_type(NULL, "a/b", err));
    REFUSES("media_type", ocilayout_blob_options_set_media_type(options, NULL, err));
    REFUSES("options", ocilayout_blob_options_set_compression(NULL, OCILAYOUT_COMPRESSION_GZIP, 6,
                                                              err));
    REFUSES("options", ocilayout_blob_options_set_source_compression(
                           NULL, OCILAYOUT_COMPRESSION_GZIP, err));
    REFUSES("options", ocilayout_blob_options_set_algorithm(NULL, "sha256", err));
    REFUSES("algorithm", ocilayout_blob_options_set_algorithm(options, NULL, err));
    REFUSES("options", ocilayout_blob_options_set_expected_digest(NULL, DIGEST_OF_ABC, err));
    REFUSES("digest", ocilayout_blob_options_set_expected_digest(options, NULL, err));
    REFUSES("options", ocilayout_blob_options_set_expected_size(NULL, 3, err));
    REFUSES("options", ocilayout_blob_options_set_limit(NULL, 3, err));
    REFUSES("options", ocilayout_blob_options_set_flags(NULL, 0, err));
    ocilayout_blob_options_free(options);
}

static void sources(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_sources *sources;
    ocilayout_descriptors *out;

    REFUSES("out", ocilayout_sources_new(NULL, err));
    OK(ocilayout_sources_new(&sources, err));
    REFUSES("sources", ocilayout_sources_add_callback(NULL, read_nothing, NULL, NULL, err));
    REFUSES("read", ocilayout_sources_add_callback(sources, NULL, NULL, NULL, err));
    REFUSES("sources", ocilayout_sources_add_fd(NULL, 0, NULL, err));
    REFUSES("fd", ocilayout_sources_add_fd(sources, -1, NULL, err));
    REFUSES("sources", ocilayout_sources_add_memory(NULL, "abc", 3, NULL, err));
    REFUSES("data", ocilayout_sources_add_memory(sources, NULL, 3, NULL, err));
    REFUSES("sources", ocilayout_sources_add_file(NULL, "file", NULL, err));
    REFUSES("path", ocilayout_sources_add_file(sources, NULL, NULL, err));
    REFUSES("sources", ocilayout_sources_add_directory(NULL, dir, NULL, NULL, err));
    REFUSES("path", ocilayout_sources_add_directory(sources, NULL, NULL, NULL, err));
    REFUSES("sources", ocilayout_sources_add_difference(NULL, dir, dir, NULL, NULL, err));
    REFUSES("lower", ocilayout_sources_add_difference(sources, NULL, dir, NULL, NULL, err));
    REFUSES("upper", ocilayout_sources_add_difference(sources, dir, NULL, NULL, NULL, err));
    CLEARS(out, "layout", ocilayout_blob_put_all(NULL, sources, 0, NULL, NULL, &out, err));
    CLEARS(out, "sources", ocilayout_blob_put_all(layout, NULL, 0, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_blob_put_all(layout, sources, 0, NULL, NULL, NULL, err));
    REFUSES("layout", ocilayout_set_threads(NULL, 1, err));
    ocilayout_sources_free(sources);
    ocilayout_sources_free(NULL);
    ocilayout_free(layout);
}

static void descriptors(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;

    CLEARS(out, "media_type", ocilayout_descriptor_new(NULL, DIGEST_OF_ABC, 3, &out, err));
    CLEARS(out, "digest", ocilayout_descriptor_new("a/b", NULL, 3, &out, err));
    REFUSES("out", ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 3, NULL, err));

    const char *json = ocilayout_descriptor_json(abc);
    CLEARS(out, "json", ocilayout_descriptor_from_json(NULL, 1, &out, err));
    REFUSES("out", ocilayout_descriptor_from_json(json, strlen(json), NULL, err));
    CLEARS(out, "descriptor", ocilayout_descriptor_copy(NULL, &out, err));
    REFUSES("out", ocilayout_descriptor_copy(abc, NULL, err));

    REFUSES("descriptor", ocilayout_descriptor_set_annotation(NULL, "k", "v", err));
    REFUSES("key", ocilayout_descriptor_set_annotation(abc, NULL, "v", err));
    REFUSES("descriptor", ocilayout_descriptor_set_reference(NULL, "v1", err));
    REFUSES("reference", ocilayout_descriptor_set_reference(abc, NULL, err));
    REFUSES("reference", ocilayout_reference_check(NULL, err));
    REFUSES("descriptor", ocilayout_descriptor_set_platform(NULL, "linux/amd64", err));
    REFUSES("platform", ocilayout_descriptor_set_platform(abc, NULL, err));
    REFUSES("descriptor", ocilayout_descriptor_set_artifact_type(NULL, "a/b", err));
    REFUSES("artifact_type", ocilayout_descriptor_set_artifact_type(abc, NULL, err));
    REFUSES("descriptor", ocilayout_descriptor_add_url(NULL, "https://host/path", err));
    REFUSES("url", ocilayout_descriptor_add_url(abc, NULL, err));

    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void matchers(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    ocilayout_match *match = named("v1"), *out;
    const char *texts[] = {"linux/amd64", NULL};
    ocilayout_match *matches[] = {match, NULL};
    bool yes;

    CLEARS(out, "reference", ocilayout_match_reference(NULL, &out, err));
    REFUSES("out", ocilayout_match_reference("v1", NULL, err));
    CLEARS(out, "key", ocilayout_match_annotation(NULL, "v", &out, err));
    CLEARS(out, "value", ocilayout_match_annotation("k", NULL, &out, err));
    REFUSES("out", ocilayout_match_annotation("k", "v", NULL, err));
    CLEARS(out, "platforms", ocilayout_match_platforms(NULL, 1, &out, err));
    CLEARS(out, "platforms", ocilayout_match_platforms(texts, 2, &out, err));
    REFUSES("out", ocilayout_match_platforms(texts, 1, NULL, err));
    texts[0] = "a/b";
    CLEARS(out, "media_types", ocilayout_match_media_types(NULL, 1, &out, err));
    CLEARS(out, "media_types", ocilayout_match_media_types(texts, 2, &out, err));
    REFUSES("out", ocilayout_match_media_types(texts, 1, NULL, err));
    texts[0] = DIGEST_OF_ABC;
    CLEARS(out, "digests", ocilayout_match_digests(NULL, 1, &out, err));
    CLEARS(out, "digests", ocilayout_match_digests(texts, 2, &out, err));
    REFUSES("out", ocilayout_match_digests(texts, 1, NULL, err));
    CLEARS(out, "matchers", ocilayout_match_all_of(NULL, 1, &out, err));
    CLEARS(out, "matchers", ocilayout_match_all_of(matches, 2, &out, err));
    REFUSES("out", ocilayout_match_all_of(matches, 1, NULL, err));
    CLEARS(out, "matchers", ocilayout_match_any_of(NULL, 1, &out, err));
    CLEARS(out, "matchers", ocilayout_match_any_of(matches, 2, &out, err));
    REFUSES("out", ocilayout_match_any_of(matches, 1, NULL, err));
    CLEARS(out, "matcher", ocilayout_match_not(NULL, &out, err));
    REFUSES("out", ocilayout_match_not(match, NULL, err));
    CLEARS(yes, "matcher", ocilayout_match_test(NULL, abc, &yes, err));
    CLEARS(yes, "descriptor", ocilayout_match_test(match, NULL, &yes, err));
    REFUSES("matches", ocilayout_match_test(match, abc, NULL, err));

    ocilayout_match_free(match);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void edits(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    ocilayout_match *match = named("v1");
    char *before = tree_of(dir);
    size_t count;

    REFUSES("layout", ocilayout_append(NULL, abc, "v1", 0, err));
    REFUSES("descriptor", ocilayout_append(layout, NULL, "v1", 0, err));

    CLEARS(count, "layout",
           ocilayout_replace(NULL, match, NULL, NULL, abc, "v1", 0, &count, err));
    CLEARS(count, "match",
           ocilayout_replace(layout, NULL, NULL, NULL, abc, "v1", 0, &count, err));
    CLEARS(count, "descriptor",
           ocilayout_replace(layout, match, NULL, NULL, NULL, "v1", 0, &count, err));
    CLEARS(count, "layout", ocilayout_remove(NULL, match, NULL, NULL, &count, err));
    CLEARS(count, "match", ocilayout_remove(layout, NULL, NULL, NULL, &count, err));

    CHECK_UNCHANGED(dir, before);
    free(before);
    ocilayout_match_free(match);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void lookups(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_descriptors *list;

    CLEARS(list, "layout", ocilayout_list(NULL, NULL, NULL, NULL, &list, err));
    REFUSES("out", ocilayout_list(layout, NULL, NULL, NULL, NULL, err));
    CLEARS(list, "layout", ocilayout_children(NULL, abc, &list, err));
    CLEARS(list, "descriptor", ocilayout_children(layout, NULL, &list, err));
    REFUSES("out", ocilayout_children(layout, abc, NULL, err));
    CLEARS(out, "layout", ocilayout_resolve(NULL, "v1", NULL, &out, err));
    CLEARS(out, "reference", ocilayout_resolve(layout, NULL, NULL, &out, err));
    REFUSES("out", ocilayout_resolve(layout, "v1", NULL, NULL, err));
    CLEARS(list, "layout", ocilayout_unreferenced(NULL, NULL, NULL, &list, err));
    REFUSES("out", ocilayout_unreferenced(layout, NULL, NULL, NULL, err));
    ocilayout_collection *collection = NULL;
    CLEARS(collection, "layout", ocilayout_collect(NULL, 0, 0, NULL, NULL, &collection, err));
    REFUSES("out", ocilayout_collect(layout, 0, 0, NULL, NULL, NULL, err));
    CLEARS(collection, "flags", ocilayout_collect(layout, 2, 0, NULL, NULL, &collection, err));

    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void findings(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_findings *found;
    CLEARS(found, "layout", ocilayout_verify(NULL, 0, NULL, NULL, &found, err));
    REFUSES("out", ocilayout_verify(layout, 0, NULL, NULL, NULL, err));

    for (int i = 0; i < 8; i++) {
        char text[] = "number 0";
        text[7] += i;
        ocilayout_descriptor_free(put(layout, text));
    }
    OK(ocilayout_verify(layout, 0, NULL, NULL, &found, err));
    CHECK_INT(ocilayout_findings_count(found), 0);
    ocilayout_findings_free(found);
    CHECK_INT(unlink(path(dir, "index.json")), 0);
    OK(ocilayout_verify(layout, OCILAYOUT_VERIFY_QUICK, NULL, NULL, &found, err));
    CHECK_INT(ocilayout_findings_count(found), 1);
    const ocilayout_finding *lost = ocilayout_findings_at(found, 0);
    CHECK_INT(ocilayout_finding_kind(lost), OCILAYOUT_FINDING_MISSING);
    CHECK_TEXT(ocilayout_finding_path(lost), "index.json");
    CHECK_TEXT(ocilayout_finding_digest(lost), NULL);
    CHECK_INT(ocilayout_finding_referenced_count(lost), 0);
    CHECK(ocilayout_findings_at(found, 1) == NULL);
    ocilayout_findings_free(found);
    ocilayout_free(layout);
}

static void transactions(const char *dir) {
    ocilayout *layout = layout_at(dir), *transaction, *out;
    ocilayout_descriptor *described;

    CLEARS(out, "layout", ocilayout_begin(NULL, &out, err));
    REFUSES("out", ocilayout_begin(layout, NULL, err));
    REFUSES("transaction", ocilayout_commit(NULL, err));
    REFUSES("layout", ocilayout_set_lock_timeout(NULL, 0, err));
    CLEARS(out, "layout", ocilayout_interruptible(NULL, &out, err));
    REFUSES("out", ocilayout_interruptible(layout, NULL, err));
    REFUSES("layout", ocilayout_interrupt(NULL, err));
    CLEARS(described, "layout", ocilayout_describe_index(NULL, &described, err));
    REFUSES("out", ocilayout_describe_index(layout, NULL, err));

    OK(ocilayout_begin(layout, &transaction, err));
    REFUSES("transaction", ocilayout_commit_if(NULL, "sha256:00", err));
    REFUSES("digest", ocilayout_commit_if(transaction, NULL, err));
    ocilayout_free(transaction);

    FAILS(OCILAYOUT_ERR_STATE, "transaction", ocilayout_commit(layout, err));
    ocilayout_free(layout);
}

static void trees(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    char *before = tree_of(dir);
    size_t len = strlen(index_json);

    CLEARS(out, "layout", ocilayout_manifest_put(NULL, index_json, len, NULL, 0, &out, err));
    CLEARS(out, "json", ocilayout_manifest_put(layout, NULL, 1, NULL, 0, &out, err));
    REFUSES("out", ocilayout_manifest_put(layout, index_json, len, NULL, 0, NULL, err));
    REFUSES("layout", ocilayout_write(NULL, abc, read_no_blob, NULL, NULL, NULL, err));
    REFUSES("descriptor", ocilayout_write(layout, NULL, read_no_blob, NULL, NULL, NULL, err));
    REFUSES("read_blob", ocilayout_write(layout, abc, NULL, NULL, NULL, NULL, err));
    REFUSES("layout", ocilayout_write_from(NULL, abc, layout, NULL, NULL, err));
    REFUSES("descriptor", ocilayout_write_from(layout, NULL, layout, NULL, NULL, err));
    REFUSES("source", ocilayout_write_from(layout, abc, NULL, NULL, NULL, err));

    CHECK_UNCHANGED(dir, before);
    free(before);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void images(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_image *image;
    const char *arguments[] = {"/bin/sh", NULL};

    CLEARS(image, "layout", ocilayout_image_new(NULL, &image, err));
    REFUSES("out", ocilayout_image_new(layout, NULL, err));
    CLEARS(image, "layout", ocilayout_image_load(NULL, abc, &image, err));
    CLEARS(image, "manifest", ocilayout_image_load(layout, NULL, &image, err));
    REFUSES("out", ocilayout_image_load(layout, abc, NULL, err));

    OK(ocilayout_image_new(layout, &image, err));
    REFUSES("image", ocilayout_image_set_config_json(NULL, "{}", 2, err));
    REFUSES("json", ocilayout_image_set_config_json(image, NULL, 1, err));
    REFUSES("image", ocilayout_image_set_platform(NULL, "linux/amd64", err));
    REFUSES("platform", ocilayout_image_set_platform(image, NULL, err));
    REFUSES("image", ocilayout_image_set_created(NULL, "2026-01-31T12:00:00Z", err));
    REFUSES("created", ocilayout_image_set_created(image, NULL, err));
    REFUSES("image", ocilayout_image_set_entrypoint(NULL, arguments, 1, err));
    REFUSES("arguments", ocilayout_image_set_entrypoint(image, NULL, 1, err));
    REFUSES("arguments", ocilayout_image_set_entrypoint(image, arguments, 2, err));
    REFUSES("image", ocilayout_image_set_command(NULL, arguments, 1, err));
    REFUSES("arguments", ocilayout_image_set_command(image, NULL, 1, err));
    REFUSES("arguments", ocilayout_image_set_command(image, arguments, 2, err));
    REFUSES("image", ocilayout_image_set_env(NULL, "A", "b", err));
    REFUSES("name", ocilayout_image_set_env(image, NULL, "b", err));
    REFUSES("value", ocilayout_image_set_env(image, "A", NULL, err));
    REFUSES("image", ocilayout_image_set_working_dir(NULL, "/", err));
    REFUSES("path", ocilayout_image_set_working_dir(image, NULL, err));
    REFUSES("image", ocilayout_image_set_user(NULL, "0", err));
    REFUSES("user", ocilayout_image_set_user(image, NULL, err));
    REFUSES("image", ocilayout_image_set_label(NULL, "k", "v", err));
    REFUSES("key", ocilayout_image_set_label(image, NULL, "v", err));
    REFUSES("value", ocilayout_image_set_label(image, "k", NULL, err));
    REFUSES("image", ocilayout_image_add_exposed_port(NULL, "80", err));
    REFUSES("port", ocilayout_image_add_exposed_port(image, NULL, err));
    REFUSES("image", ocilayout_image_set_annotation(NULL, "k", "v", err));
    REFUSES("key", ocilayout_image_set_annotation(image, NULL, "v", err));
    REFUSES("image", ocilayout_image_add_layer(NULL, abc, DIGEST_OF_ABC, "step", err));
    REFUSES("layer", ocilayout_image_add_layer(image, NULL, DIGEST_OF_ABC, "step", err));
    REFUSES("image", ocilayout_image_add_history(NULL, "step", "why", err));
    REFUSES("created_by", ocilayout_image_add_history(image, NULL, "why", err));
    CLEARS(out, "image", ocilayout_image_finish(NULL, &out, err));
    REFUSES("out", ocilayout_image_finish(image, NULL, err));

    ocilayout_image_free(image);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void indexes(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_index *index;

    CLEARS(index, "layout", ocilayout_index_new(NULL, &index, err));
    REFUSES("out", ocilayout_index_new(layout, NULL, err));
    OK(ocilayout_index_new(layout, &index, err));
    REFUSES("index", ocilayout_index_add_manifest(NULL, abc, err));
    REFUSES("manifest", ocilayout_index_add_manifest(index, NULL, err));
    REFUSES("index", ocilayout_index_set_annotation(NULL, "k", "v", err));
    REFUSES("key", ocilayout_index_set_annotation(index, NULL, "v", err));
    CLEARS(out, "index", ocilayout_index_finish(NULL, &out, err));
    REFUSES("out", ocilayout_index_finish(index, NULL, err));

    ocilayout_index_free(index);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* What says something says that there is nothing. */
static void getters(const char *dir) {
    CHECK_INT(ocilayout_error_status(NULL), OCILAYOUT_OK);
    CHECK_TEXT(ocilayout_error_message(NULL), "no error");
    CHECK_INT(ocilayout_error_errno(NULL), 0);
    CHECK_INT(ocilayout_error_callback_code(NULL), 0);
    CHECK_TEXT(ocilayout_status_name(OCILAYOUT_OK), "OCILAYOUT_OK");
    CHECK_TEXT(ocilayout_status_name(-12345), "unknown status");
    CHECK_INT(ocilayout_version_number(), OCILAYOUT_VERSION_NUMBER);
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", OCILAYOUT_VERSION_MAJOR, OCILAYOUT_VERSION_MINOR,
             OCILAYOUT_VERSION_PATCH);
    CHECK_TEXT(ocilayout_version(), version);

    CHECK(ocilayout_bytes_data(NULL) == NULL);
    CHECK_INT(ocilayout_bytes_size(NULL), 0);
    CHECK_INT(ocilayout_descriptors_count(NULL), 0);
    CHECK(ocilayout_descriptors_at(NULL, 0) == NULL);
    CHECK_INT(ocilayout_collection_count(NULL), 0);
    CHECK(ocilayout_collection_at(NULL, 0) == NULL);
    CHECK_TEXT(ocilayout_collected_digest(NULL), NULL);
    CHECK_INT(ocilayout_collected_size(NULL), 0);
    CHECK_INT(ocilayout_collected_fate(NULL), 0);
    CHECK_INT(ocilayout_findings_count(NULL), 0);
    CHECK(ocilayout_findings_at(NULL, 0) == NULL);
    CHECK_INT(ocilayout_finding_kind(NULL), 0);
    CHECK_TEXT(ocilayout_finding_path(NULL), NULL);
    CHECK_TEXT(ocilayout_finding_digest(NULL), NULL);
    CHECK_TEXT(ocilayout_finding_message(NULL), NULL);
    CHECK_INT(ocilayout_finding_referenced_count(NULL), 0);
    CHECK_TEXT(ocilayout_finding_referenced_at(NULL, 0), NULL);
    CHECK_TEXT(ocilayout_descriptor_media_type(NULL), NULL);
    CHECK_TEXT(ocilayout_descriptor_digest(NULL), NULL);
    CHECK_INT(ocilayout_descriptor_size(NULL), 0);
    CHECK_TEXT(ocilayout_descriptor_diff_id(NULL), NULL);
    CHECK_TEXT(ocilayout_descriptor_reference(NULL), NULL);
    CHECK_TEXT(ocilayout_descriptor_platform(NULL), NULL);
    CHECK_TEXT(ocilayout_descriptor_artifact_type(NULL), NULL);
    CHECK_TEXT(ocilayout_descriptor_json(NULL), NULL);
    CHECK_TEXT(ocilayout_descriptor_annotation(NULL, "k"), NULL);
    CHECK_INT(ocilayout_descriptor_annotation_count(NULL), 0);
    CHECK_TEXT(ocilayout_descriptor_annotation_key(NULL, 0), NULL);
    CHECK_TEXT(ocilayout_descriptor_annotation_value(NULL, 0), NULL);
    CHECK_TEXT(ocilayout_descriptor_url(NULL, 0), NULL);

    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    CHECK_TEXT(ocilayout_descriptor_annotation(abc, NULL), NULL);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void freeing(const char *dir) {
    (void)dir;
    ocilayout_error_free(NULL);
    ocilayout_free(NULL);
    ocilayout_bytes_free(NULL);
    ocilayout_blob_options_free(NULL);
    ocilayout_directory_options_free(NULL);
    ocilayout_blob_writer_free(NULL);
    ocilayout_blob_reader_free(NULL);
    ocilayout_descriptor_free(NULL);
    ocilayout_descriptors_free(NULL);
    ocilayout_collection_free(NULL);
    ocilayout_findings_free(NULL);
    ocilayout_match_free(NULL);
    ocilayout_image_free(NULL);
    ocilayout_index_free(NULL);
}

/* Where the header allows NULL, it is no error, and neither is a NULL err. */
static void allowed(const char *dir) {
    ocilayout *layout, *second;
    CHECK_INT(ocilayout_open(dir, OCILAYOUT_OPEN_CREATE, &layout, NULL), OCILAYOUT_OK);
    OK(ocilayout_create(path(dir, "second"), index_json, strlen(index_json), NULL, NULL, NULL, NULL,
                        &second, err));
    ocilayout_free(second);
    OK(ocilayout_write_file(layout, "empty", NULL, 0, err));

    ocilayout_descriptor *nothing, *same, *image_descriptor, *index_descriptor;
    OK(ocilayout_blob_put_memory(layout, NULL, 0, NULL, NULL, NULL, &nothing, err));
    CHECK_TEXT(ocilayout_descriptor_digest(nothing), DIGEST_OF_NOTHING);
    OK(ocilayout_blob_put_callback(layout, read_nothing, NULL, NULL, NULL, NULL, &same, err));
    CHECK_TEXT(ocilayout_descriptor_digest(same), DIGEST_OF_NOTHING);
    ocilayout_descriptor_free(same);

    ocilayout_blob_writer *writer;
    OK(ocilayout_blob_writer_open(layout, NULL, &writer, err));
    OK(ocilayout_blob_writer_write(writer, NULL, 0, err));
    ocilayout_blob_writer_free(writer);

    ocilayout_match *all, *none, *nobody;
    bool yes;
    OK(ocilayout_match_all_of(NULL, 0, &all, err));
    OK(ocilayout_match_test(all, nothing, &yes, err));
    CHECK(yes);
    OK(ocilayout_match_any_of(NULL, 0, &none, err));
    OK(ocilayout_match_test(none, nothing, &yes, err));
    CHECK(!yes);
    OK(ocilayout_match_platforms(NULL, 0, &nobody, err));
    ocilayout_match_free(nobody);
    OK(ocilayout_match_media_types(NULL, 0, &nobody, err));
    ocilayout_match_free(nobody);
    OK(ocilayout_match_digests(NULL, 0, &nobody, err));
    ocilayout_match_free(nobody);

    OK(ocilayout_append(layout, nothing, NULL, 0, err));
    OK(ocilayout_replace(layout, all, NULL, NULL, nothing, NULL, 0, NULL, err));
    OK(ocilayout_replace(layout, NULL, match_all, NULL, nothing, NULL, 0, NULL, err));
    OK(ocilayout_remove(layout, NULL, match_all, NULL, NULL, err));
    CHECK_INT(count_entries(layout), 0);

    OK(ocilayout_descriptor_set_annotation(nothing, "k", "v", err));
    OK(ocilayout_descriptor_set_annotation(nothing, "k", NULL, err));
    CHECK_INT(ocilayout_descriptor_annotation_count(nothing), 0);

    ocilayout_image *image;
    OK(ocilayout_image_new(layout, &image, err));
    OK(ocilayout_image_set_platform(image, "linux/amd64", err));
    OK(ocilayout_image_set_entrypoint(image, NULL, 0, err));
    OK(ocilayout_image_set_command(image, NULL, 0, err));
    OK(ocilayout_image_set_annotation(image, "k", NULL, err));
    OK(ocilayout_image_add_layer(image, nothing, DIGEST_OF_NOTHING, NULL, err));
    OK(ocilayout_image_add_history(image, "step", NULL, err));
    OK(ocilayout_image_finish(image, &image_descriptor, err));
    ocilayout_image_free(image);

    ocilayout_index *index;
    OK(ocilayout_index_new(layout, &index, err));
    OK(ocilayout_index_set_annotation(index, "k", NULL, err));
    OK(ocilayout_index_add_manifest(index, image_descriptor, err));
    OK(ocilayout_index_finish(index, &index_descriptor, err));
    ocilayout_index_free(index);

    OK(ocilayout_append(layout, index_descriptor, "v1", 0, err));
    OK(ocilayout_resolve(layout, "v1", NULL, &same, err));
    CHECK_TEXT(ocilayout_descriptor_digest(same), ocilayout_descriptor_digest(index_descriptor));
    ocilayout_descriptor_free(same);
    OK(ocilayout_manifest_put(layout, index_json, strlen(index_json), NULL, 0, &same, err));
    CHECK_TEXT(ocilayout_descriptor_media_type(same), INDEX_TYPE);
    ocilayout_descriptor_free(same);

    ocilayout_match_free(all);
    ocilayout_match_free(none);
    ocilayout_descriptor_free(nothing);
    ocilayout_descriptor_free(image_descriptor);
    ocilayout_descriptor_free(index_descriptor);
    ocilayout_free(layout);
}

TESTS(layouts, blobs, directories, blob_options, sources, descriptors, matchers, edits, lookups,
      findings, transactions, trees, images, indexes, getters, freeing, allowed)
