/* Arguments and orders of calls that the header forbids: each is an error, and
 * the object is as it was. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#define BAD_UTF8 "caf\xe9"

static const char empty_index[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":[]}";

static int64_t never_read(void *userdata, void *buf, size_t cap) {
    (void)userdata, (void)buf, (void)cap;
    fail(__FILE__, __LINE__, "never_read", "expected no call");
}

static int64_t never_read_blob(void *userdata, const ocilayout_descriptor *descriptor,
                               uint64_t offset, void *buf, size_t cap) {
    (void)userdata, (void)descriptor, (void)offset, (void)buf, (void)cap;
    fail(__FILE__, __LINE__, "never_read_blob", "expected no call");
}

static int32_t never_match(void *userdata, const ocilayout_descriptor *descriptor) {
    (void)userdata, (void)descriptor;
    fail(__FILE__, __LINE__, "never_match", "expected no call");
}

/* ---- orders of calls ---- */

static void after_finish(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_blob_writer *writer;
    ocilayout_descriptor *abc, *again = RUBBISH;
    OK(ocilayout_blob_writer_open(layout, NULL, &writer, err));
    OK(ocilayout_blob_writer_write(writer, "abc", 3, err));
    OK(ocilayout_blob_writer_finish(writer, &abc, err));
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_write(writer, "d", 1, err));
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_write(writer, NULL, 0, err));
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_finish(writer, &again, err));
    CHECK(again == NULL);
    ocilayout_blob_writer_free(writer);
    CHECK_TEXT(ocilayout_descriptor_digest(abc), DIGEST_OF_ABC);
    CHECK_WHOLE(dir);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void after_an_error(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    ocilayout_blob_options *options = new_options();
    ocilayout_blob_writer *writer;
    ocilayout_descriptor *out = RUBBISH;
    char *before = tree_of(dir);

    /* A finish that failed: the writer is finished all the same. */
    OK(ocilayout_blob_options_set_expected_size(options, 4, err));
    OK(ocilayout_blob_writer_open(layout, options, &writer, err));
    OK(ocilayout_blob_writer_write(writer, "abcd", 3, err));
    FAILS(OCILAYOUT_ERR_DIGEST, "blob", ocilayout_blob_writer_finish(writer, &out, err));
    CHECK(out == NULL);
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_finish(writer, &out, err));
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_write(writer, "d", 1, err));
    ocilayout_blob_writer_free(writer);
    CHECK_UNCHANGED(dir, before);

    /* A write that failed: more than the size, by a piece that no buffer holds. */
    static const char large[1 << 20];
    OK(ocilayout_blob_writer_open(layout, options, &writer, err));
    FAILS(OCILAYOUT_ERR_DIGEST, "blob",
          ocilayout_blob_writer_write(writer, large, sizeof large, err));
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_write(writer, "d", 1, err));
    FAILS(OCILAYOUT_ERR_STATE, "writer", ocilayout_blob_writer_finish(writer, &out, err));
    ocilayout_blob_writer_free(writer);
    CHECK_UNCHANGED(dir, before);
    ocilayout_blob_options_free(options);

    /* The same for a limit, and for a writer that is given up. */
    options = new_options();
    OK(ocilayout_blob_options_set_limit(options, 3, err));
    OK(ocilayout_blob_writer_open(layout, options, &writer, err));
    FAILS(OCILAYOUT_ERR_LIMIT, "blob",
          ocilayout_blob_writer_write(writer, large, sizeof large, err));
    ocilayout_blob_writer_free(writer);
    OK(ocilayout_blob_writer_open(layout, options, &writer, err));
    OK(ocilayout_blob_writer_write(writer, "xyz", 3, err));
    ocilayout_blob_writer_free(writer);
    CHECK_UNCHANGED(dir, before);

    FAILS(OCILAYOUT_ERR_LIMIT, "blob",
          ocilayout_blob_put_memory(layout, "abcd", 4, options, NULL, NULL, &out, err));
    OK(ocilayout_blob_options_set_expected_digest(options, DIGEST_OF_NOTHING, err));
    FAILS(OCILAYOUT_ERR_DIGEST, "blob",
          ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &out, err));
    CHECK_UNCHANGED(dir, before);

    free(before);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
}

static void any_order_of_freeing(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *written, *made;
    ocilayout_blob_options *options = new_options();
    ocilayout_blob_writer *writer, *unfinished;
    ocilayout_blob_reader *reader;
    ocilayout_image *image;
    ocilayout_index *index;
    ocilayout_descriptors *list;
    OK(ocilayout_append(layout, abc, "abc", 0, err));
    OK(ocilayout_blob_writer_open(layout, options, &writer, err));
    OK(ocilayout_blob_writer_open(layout, options, &unfinished, err));
    OK(ocilayout_blob_reader_open(layout, abc, &reader, err));
    OK(ocilayout_image_new(layout, &image, err));
    OK(ocilayout_index_new(layout, &index, err));
    OK(ocilayout_list(layout, NULL, NULL, NULL, &list, err));
    ocilayout_free(layout);
    ocilayout_blob_options_free(options);

    OK(ocilayout_blob_writer_write(writer, "xyz", 3, err));
    OK(ocilayout_blob_writer_finish(writer, &written, err));
    OK(ocilayout_image_set_platform(image, "linux/amd64", err));
    OK(ocilayout_image_add_layer(image, written, DIGEST_OF_ABC, NULL, err));
    ocilayout_descriptor_free(written);
    OK(ocilayout_image_finish(image, &made, err));
    OK(ocilayout_index_add_manifest(index, made, err));
    ocilayout_descriptor_free(made);
    OK(ocilayout_index_finish(index, &made, err));
    ocilayout_descriptor_free(made);

    char buf[8];
    size_t n;
    OK(ocilayout_blob_reader_read(reader, buf, sizeof buf, &n, err));
    CHECK(n == 3 && memcmp(buf, "abc", 3) == 0);
    CHECK_TEXT(ocilayout_descriptor_reference(ocilayout_descriptors_at(list, 0)), "abc");

    ocilayout_blob_writer_free(unfinished);
    ocilayout_descriptor_free(abc);
    ocilayout_index_free(index);
    ocilayout_blob_writer_free(writer);
    ocilayout_descriptors_free(list);
    ocilayout_blob_reader_free(reader);
    ocilayout_image_free(image);
    CHECK_WHOLE(dir);
}

static void errors_outlive_everything(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_bytes *bytes;
    ocilayout_error *error;
    CHECK_INT(ocilayout_read_file(layout, "none", &bytes, &error), OCILAYOUT_ERR_NOT_FOUND);
    ocilayout_free(layout);
    CHECK(has_word(ocilayout_error_message(error), "none"));
    CHECK_TEXT(ocilayout_status_name(ocilayout_error_status(error)), "OCILAYOUT_ERR_NOT_FOUND");
    ocilayout_error_free(error);
}

/* ---- a layout that is open read-only ---- */

static void read_only(const char *dir) {
    ocilayout *writable = layout_at(dir), *layout;
    ocilayout_descriptor *abc = put(writable, "abc"), *out = RUBBISH;
    OK(ocilayout_append(writable, abc, "abc", 0, err));
    ocilayout_match *match = named("abc");
    OK(ocilayout_open(dir, OCILAYOUT_OPEN_READ_ONLY, &layout, err));
    char *before = tree_of(dir);
    size_t count;

    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_write_file(layout, "index.json", empty_index, strlen(empty_index), err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_blob_put_callback(layout, never_read, NULL, NULL, NULL, NULL, &out, err));
    CHECK(out == NULL);
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_blob_put_fd(layout, 0, NULL, NULL, NULL, &out, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_blob_put_memory(layout, "abc", 3, NULL, NULL, NULL, &out, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only", ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));
    ocilayout_blob_writer *writer = RUBBISH;
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_blob_writer_open(layout, NULL, &writer, err));
    CHECK(writer == NULL);
    FAILS(OCILAYOUT_ERR_STATE, "read-only", ocilayout_append(layout, abc, "again", 0, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_replace(layout, match, never_match, NULL, abc, "again", 0, &count, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_remove(layout, match, never_match, NULL, &count, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_manifest_put(layout, empty_index, strlen(empty_index), NULL, 0, &out, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_write(layout, abc, never_read_blob, NULL, NULL, NULL, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only",
          ocilayout_write_from(layout, abc, writable, NULL, NULL, err));

    ocilayout_image *image;
    OK(ocilayout_image_new(layout, &image, err));
    OK(ocilayout_image_set_platform(image, "linux/amd64", err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only", ocilayout_image_finish(image, &out, err));
    ocilayout_image_free(image);
    ocilayout_index *index;
    OK(ocilayout_index_new(layout, &index, err));
    FAILS(OCILAYOUT_ERR_STATE, "read-only", ocilayout_index_finish(index, &out, err));
    ocilayout_index_free(index);

    /* Reading goes on. */
    CHECK_INT(count_entries(layout), 1);
    ocilayout_bytes *bytes;
    OK(ocilayout_blob_read(layout, abc, 3, &bytes, err));
    ocilayout_bytes_free(bytes);
    CHECK_UNCHANGED(dir, before);

    free(before);
    ocilayout_match_free(match);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
    ocilayout_free(writable);
}

/* ---- flags ---- */

static void unknown_flags(const char *dir) {
    ocilayout *layout = layout_at(dir), *opened;
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_blob_options *options = new_options();
    ocilayout_match *match = named("abc");
    ocilayout_findings *found;
    size_t count;
    const char *new = path(dir, "new");
    size_t len = strlen(empty_index);
    char *before = tree_of(dir);

    uint64_t both = OCILAYOUT_OPEN_DURABILITY_NONE | OCILAYOUT_OPEN_DURABILITY_ORDERED;
    CLEARS(opened, "flags", ocilayout_open(dir, both, &opened, err));

    /* The first bit that each does not know, one in the upper half, the last. */
    for (int i = 0; i < 3; i++) {
        uint64_t other = i == 0 ? 0 : i == 1 ? 1ull << 33 : 1ull << 63;
        uint64_t open = other ? other : OCILAYOUT_OPEN_DURABILITY_ORDERED << 1;
        CLEARS(opened, "flags", ocilayout_open(dir, OCILAYOUT_OPEN_CREATE | open, &opened, err));
        CLEARS(opened, "flags", ocilayout_open_at(AT_FDCWD, dir, open, &opened, err));
        uint64_t blob = other ? other : OCILAYOUT_BLOB_TRUSTED << 1;
        REFUSES("flags", ocilayout_blob_options_set_flags(options, blob, err));
        uint64_t append = other ? other : OCILAYOUT_APPEND_DUPLICATE << 1;
        REFUSES("flags", ocilayout_append(layout, abc, "abc", append, err));
        CLEARS(count, "flags",
               ocilayout_replace(layout, match, never_match, NULL, abc, "abc", append, &count,
                                 err));
        uint64_t manifest = other ? other : OCILAYOUT_MANIFEST_MISSING_ALLOWED << 1;
        CLEARS(out, "flags",
               ocilayout_manifest_put(layout, empty_index, len, NULL, manifest, &out, err));
        uint64_t verify = other ? other : OCILAYOUT_VERIFY_MISSING_ALLOWED << 1;
        CLEARS(found, "flags", ocilayout_verify(layout, verify, NULL, NULL, &found, err));
    }
    /* Known ones that contradict each other. */
    CLEARS(opened, "flags",
           ocilayout_open(new, OCILAYOUT_OPEN_CREATE | OCILAYOUT_OPEN_READ_ONLY, &opened, err));
    CLEARS(opened, "flags", ocilayout_open(dir, OCILAYOUT_OPEN_EXCLUSIVE, &opened, err));

    CHECK_UNCHANGED(dir, before);
    free(before);
    ocilayout_match_free(match);
    ocilayout_blob_options_free(options);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* ---- texts and numbers of the wrong form ---- */

#define EACH(text, ...) \
    for (const char *const *each = (const char *const[]){__VA_ARGS__, NULL}, *text; \
         (text = *each) != NULL; each++)

static void malformed_options(const char *dir) {
    (void)dir;
    ocilayout_blob_options *options = new_options();
    EACH(bad, "", "a", "a/", "/b", "a/b/c", "a b/c", "a/b;c=d", BAD_UTF8 "/b")
        REFUSES("media_type", ocilayout_blob_options_set_media_type(options, bad, err));
    EACH(bad, "", "sha1", "SHA256", "sha256 ", BAD_UTF8)
        REFUSES("algorithm", ocilayout_blob_options_set_algorithm(options, bad, err));
    EACH(bad, "", "sha256", "sha256:", "sha256:abc", "sha256:" HEX_OF_ABC "0", ":" HEX_OF_ABC,
         "SHA256:" HEX_OF_ABC, "md5:../../../etc/passwd", "md5:", "md5:a b", BAD_UTF8 ":ab")
        REFUSES("digest", ocilayout_blob_options_set_expected_digest(options, bad, err));
    FAILS(OCILAYOUT_ERR_UNSUPPORTED, "digest",
          ocilayout_blob_options_set_expected_digest(options, "md5:abcd", err));
    OK(ocilayout_blob_options_set_expected_size(options, INT64_MAX, err));
    REFUSES("size", ocilayout_blob_options_set_expected_size(options, INT64_MAX + 1ull, err));
    REFUSES("size", ocilayout_blob_options_set_expected_size(options, UINT64_MAX, err));
    for (int i = 0; i < 4; i++) {
        ocilayout_compression unknown = (int32_t[]){-1, 3, INT32_MIN, INT32_MAX}[i];
        REFUSES("compression", ocilayout_blob_options_set_compression(options, unknown,
                                                                      OCILAYOUT_LEVEL_DEFAULT, err));
    }
    for (int i = 0; i < 4; i++) {
        int32_t gzip = (int32_t[]){-2, 10, INT32_MIN, INT32_MAX}[i];
        int32_t zstd = (int32_t[]){0, 20, INT32_MIN, INT32_MAX}[i];
        REFUSES("level", ocilayout_blob_options_set_compression(
                             options, OCILAYOUT_COMPRESSION_GZIP, gzip, err));
        REFUSES("level", ocilayout_blob_options_set_compression(
                             options, OCILAYOUT_COMPRESSION_ZSTD, zstd, err));
    }
    OK(ocilayout_blob_options_set_compression(options, OCILAYOUT_COMPRESSION_NONE, 12345, err));
    ocilayout_blob_options_free(options);
}

/* What was refused changed nothing. */
static void refused_options_stay(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_blob_options *options = new_options();
    ocilayout_descriptor *out;
    OK(ocilayout_blob_options_set_media_type(options, "a/b", err));
    OK(ocilayout_blob_options_set_algorithm(options, "sha512", err));
    REFUSES("media_type", ocilayout_blob_options_set_media_type(options, "a", err));
    REFUSES("algorithm", ocilayout_blob_options_set_algorithm(options, "md5", err));
    REFUSES("compression", ocilayout_blob_options_set_compression(options, 77, 1, err));
    REFUSES("flags", ocilayout_blob_options_set_flags(options, 1ull << 63, err));
    OK(ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &out, err));
    CHECK_TEXT(ocilayout_descriptor_media_type(out), "a/b");
    CHECK(strncmp(ocilayout_descriptor_digest(out), "sha512:ddaf35a193617aba", 23) == 0);
    CHECK_INT(ocilayout_descriptor_size(out), 3);
    ocilayout_descriptor_free(out);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
}

static void malformed_descriptors(const char *dir) {
    (void)dir;
    ocilayout_descriptor *descriptor, *out;
    CLEARS(out, "media_type", ocilayout_descriptor_new("a", DIGEST_OF_ABC, 3, &out, err));
    CLEARS(out, "media_type", ocilayout_descriptor_new(BAD_UTF8, DIGEST_OF_ABC, 3, &out, err));
    CLEARS(out, "digest", ocilayout_descriptor_new("a/b", "sha256:abc", 3, &out, err));
    CLEARS(out, "digest", ocilayout_descriptor_new("a/b", BAD_UTF8, 3, &out, err));
    CLEARS(out, "size", ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 1ull << 63, &out, err));

    EACH(bad, "", "{", "{}", "[]", "null", BAD_UTF8, "{\"mediaType\":\"a/b\",\"size\":3}",
         "{\"mediaType\":\"a/b\",\"size\":-3,\"digest\":\"" DIGEST_OF_ABC "\"}",
         "{\"mediaType\":\"a/b\",\"size\":3,\"digest\":\"sha256:abc\"}",
         "{\"mediaType\":\"a/b\",\"size\":3,\"digest\":\"" DIGEST_OF_ABC "\"} x") {
        out = RUBBISH;
        FAILS(OCILAYOUT_ERR_FORMAT, "descriptor",
              ocilayout_descriptor_from_json(bad, strlen(bad), &out, err));
        CHECK(out == NULL);
    }

    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 3, &descriptor, err));
    char *json = strdup(ocilayout_descriptor_json(descriptor));
    REFUSES("key", ocilayout_descriptor_set_annotation(descriptor, "", "v", err));
    REFUSES("key", ocilayout_descriptor_set_annotation(descriptor, "", NULL, err));
    REFUSES("key", ocilayout_descriptor_set_annotation(descriptor, BAD_UTF8, "v", err));
    REFUSES("value", ocilayout_descriptor_set_annotation(descriptor, "k", BAD_UTF8, err));
    EACH(bad, "", "a b", "a/", "/a", "a..b", "a---b", "_a", "caf\xc3\xa9", BAD_UTF8) {
        REFUSES("reference", ocilayout_descriptor_set_reference(descriptor, bad, err));
    EACH(bad, "", "a b", "_a", BAD_UTF8)
        REFUSES("reference", ocilayout_reference_check(bad, err));
    }
    EACH(bad, "", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/am d64", "{", "{}",
         "{\"os\":\"linux\"}", "{\"os\":1,\"architecture\":\"amd64\"}", BAD_UTF8 "/amd64")
        REFUSES("platform", ocilayout_descriptor_set_platform(descriptor, bad, err));
    EACH(bad, "", "a", "a/b/c", BAD_UTF8)
        REFUSES("artifact_type", ocilayout_descriptor_set_artifact_type(descriptor, bad, err));
    EACH(bad, "", "host/path", "/path", ":x", "https:", "https://host/a b", "1http://x", BAD_UTF8)
        REFUSES("url", ocilayout_descriptor_add_url(descriptor, bad, err));
    CHECK_TEXT(ocilayout_descriptor_json(descriptor), json);

    /* Past the last, and what is not there. */
    CHECK_TEXT(ocilayout_descriptor_annotation(descriptor, "none"), NULL);
    CHECK_TEXT(ocilayout_descriptor_annotation(descriptor, BAD_UTF8), NULL);
    CHECK_TEXT(ocilayout_descriptor_annotation_key(descriptor, 0), NULL);
    CHECK_TEXT(ocilayout_descriptor_annotation_value(descriptor, SIZE_MAX), NULL);
    CHECK_TEXT(ocilayout_descriptor_url(descriptor, 0), NULL);
    OK(ocilayout_descriptor_set_annotation(descriptor, "k", "v", err));
    OK(ocilayout_descriptor_add_url(descriptor, "https://host/path", err));
    CHECK_TEXT(ocilayout_descriptor_annotation_key(descriptor, 0), "k");
    CHECK_TEXT(ocilayout_descriptor_annotation_value(descriptor, 0), "v");
    CHECK_TEXT(ocilayout_descriptor_url(descriptor, 0), "https://host/path");
    CHECK_TEXT(ocilayout_descriptor_annotation_key(descriptor, 1), NULL);
    CHECK_TEXT(ocilayout_descriptor_annotation_value(descriptor, 1), NULL);
    CHECK_TEXT(ocilayout_descriptor_url(descriptor, SIZE_MAX), NULL);

    free(json);
    ocilayout_descriptor_free(descriptor);
}

static void malformed_matchers(const char *dir) {
    (void)dir;
    ocilayout_match *out;
    CLEARS(out, "reference", ocilayout_match_reference(BAD_UTF8, &out, err));
    CLEARS(out, "key", ocilayout_match_annotation(BAD_UTF8, "v", &out, err));
    CLEARS(out, "value", ocilayout_match_annotation("k", BAD_UTF8, &out, err));
    const char *texts[] = {"linux/amd64", "linux"};
    CLEARS(out, "platforms", ocilayout_match_platforms(texts, 2, &out, err));
    texts[1] = "{";
    CLEARS(out, "platforms", ocilayout_match_platforms(texts, 2, &out, err));
    texts[1] = BAD_UTF8;
    CLEARS(out, "platforms", ocilayout_match_platforms(texts, 2, &out, err));
    texts[0] = "a/b", texts[1] = "a";
    CLEARS(out, "media_types", ocilayout_match_media_types(texts, 2, &out, err));
    texts[1] = BAD_UTF8;
    CLEARS(out, "media_types", ocilayout_match_media_types(texts, 2, &out, err));
    texts[0] = DIGEST_OF_ABC, texts[1] = "sha256:abc";
    CLEARS(out, "digests", ocilayout_match_digests(texts, 2, &out, err));
    texts[1] = BAD_UTF8;
    CLEARS(out, "digests", ocilayout_match_digests(texts, 2, &out, err));

    /* Lengths that no memory holds. */
    CLEARS(out, "digests", ocilayout_match_digests(texts, SIZE_MAX, &out, err));
    ocilayout_match *deep = NULL, *deeper = NULL;
    OK(ocilayout_match_reference("x", &deep, err));
    for (int level = 1; level <= 100; level++) {
        OK(ocilayout_match_not(deep, &deeper, err));
        ocilayout_match_free(deep);
        deep = deeper;
    }
    CLEARS(deeper, "matcher", ocilayout_match_not(deep, &deeper, err));
    CLEARS(deeper, "matchers", ocilayout_match_any_of(&deep, 1, &deeper, err));
    ocilayout_match_free(deep);

    ocilayout_match *none[] = {NULL};
    CLEARS(out, "matchers", ocilayout_match_all_of(none, SIZE_MAX / 2, &out, err));
}

static void malformed_images(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out = RUBBISH;
    ocilayout_image *image, *loaded;
    OK(ocilayout_image_new(layout, &image, err));

    CLEARS(loaded, "manifest", ocilayout_image_load(layout, abc, &loaded, err));
    EACH(bad, "", "{", "[]", "1", BAD_UTF8, "{\"config\":1}", "{\"history\":{}}")
        FAILS(OCILAYOUT_ERR_FORMAT, "config",
              ocilayout_image_set_config_json(image, bad, strlen(bad), err));
    EACH(bad, "", "linux", "linux/amd64:", "{", BAD_UTF8)
        REFUSES("platform", ocilayout_image_set_platform(image, bad, err));
    EACH(bad, "", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z",
         "2026-01-31T25:00:00Z", BAD_UTF8)
        REFUSES("created", ocilayout_image_set_created(image, bad, err));
    const char *arguments[] = {"/bin/sh", BAD_UTF8};
    REFUSES("arguments", ocilayout_image_set_entrypoint(image, arguments, 2, err));
    REFUSES("arguments", ocilayout_image_set_command(image, arguments, 2, err));
    EACH(bad, "", "A=B", "=", BAD_UTF8)
        REFUSES("name", ocilayout_image_set_env(image, bad, "value", err));
    REFUSES("value", ocilayout_image_set_env(image, "A", BAD_UTF8, err));
    REFUSES("path", ocilayout_image_set_working_dir(image, BAD_UTF8, err));
    REFUSES("user", ocilayout_image_set_user(image, BAD_UTF8, err));
    EACH(bad, "", BAD_UTF8)
        REFUSES("key", ocilayout_image_set_label(image, bad, "value", err));
    REFUSES("value", ocilayout_image_set_label(image, "key", BAD_UTF8, err));
    EACH(bad, "", "0", "65536", "-1", "+1", "80/sctp", "80/", "/tcp", "a", "80/tcp/udp", " 80",
         BAD_UTF8)
        REFUSES("port", ocilayout_image_add_exposed_port(image, bad, err));
    EACH(bad, "", BAD_UTF8)
        REFUSES("key", ocilayout_image_set_annotation(image, bad, "value", err));
    REFUSES("value", ocilayout_image_set_annotation(image, "key", BAD_UTF8, err));
    EACH(bad, "", "sha256:abc", BAD_UTF8)
        REFUSES("diff_id", ocilayout_image_add_layer(image, abc, bad, NULL, err));
    REFUSES("created_by", ocilayout_image_add_layer(image, abc, DIGEST_OF_ABC, BAD_UTF8, err));
    REFUSES("created_by", ocilayout_image_add_history(image, BAD_UTF8, NULL, err));
    REFUSES("comment", ocilayout_image_add_history(image, "step", BAD_UTF8, err));

    FAILS(OCILAYOUT_ERR_STATE, "diff", ocilayout_image_add_layer(image, abc, NULL, NULL, err));
    FAILS(OCILAYOUT_ERR_STATE, "platform", ocilayout_image_finish(image, &out, err));
    CHECK(out == NULL);
    ocilayout_descriptor *gone;
    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_NOTHING, 0, &gone, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob",
          ocilayout_image_add_layer(image, gone, DIGEST_OF_NOTHING, NULL, err));
    ocilayout_descriptor_free(gone);

    /* What was refused left nothing in the image: it is that of a new builder. */
    ocilayout_image *fresh;
    ocilayout_descriptor *one, *two;
    OK(ocilayout_image_new(layout, &fresh, err));
    OK(ocilayout_image_set_platform(image, "linux/amd64", err));
    OK(ocilayout_image_set_platform(fresh, "linux/amd64", err));
    OK(ocilayout_image_finish(image, &one, err));
    OK(ocilayout_image_finish(fresh, &two, err));
    CHECK_TEXT(ocilayout_descriptor_digest(one), ocilayout_descriptor_digest(two));
    ocilayout_descriptor_free(one);
    ocilayout_descriptor_free(two);
    ocilayout_image_free(fresh);

    ocilayout_index *index;
    OK(ocilayout_index_new(layout, &index, err));
    EACH(bad, "", BAD_UTF8)
        REFUSES("key", ocilayout_index_set_annotation(index, bad, "value", err));
    REFUSES("value", ocilayout_index_set_annotation(index, "key", BAD_UTF8, err));
    ocilayout_index_free(index);

    ocilayout_image_free(image);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void malformed_calls(const char *dir) {
    ocilayout *layout = layout_at(dir), *opened;
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_bytes *bytes;
    ocilayout_match *match = named("abc");
    uint64_t size;
    size_t n, len = strlen(empty_index);
    char *before = tree_of(dir);

    CLEARS(opened, "path", ocilayout_open("", OCILAYOUT_OPEN_CREATE, &opened, err));
    CLEARS(opened, "path", ocilayout_open_at(AT_FDCWD, "", 0, &opened, err));
    CLEARS(opened, "path",
           ocilayout_create("", empty_index, len, NULL, NULL, NULL, NULL, &opened, err));
    EACH(bad, "", ".", "..", "a/b", "/etc/passwd", "blobs", BAD_UTF8) {
        CLEARS(bytes, "name", ocilayout_read_file(layout, bad, &bytes, err));
        REFUSES("name", ocilayout_write_file(layout, bad, "x", 1, err));
    }
    EACH(bad, "", "sha256", "sha256:abc", "md5:../x", BAD_UTF8) {
        CLEARS(size, "digest", ocilayout_blob_size(layout, bad, &size, err));
        REFUSES("digest", ocilayout_blob_remove(layout, bad, err));
    }
    EACH(bad, "", "a b", "a/", BAD_UTF8) {
        REFUSES("reference", ocilayout_append(layout, abc, bad, 0, err));
        CLEARS(n, "reference",
               ocilayout_replace(layout, match, never_match, NULL, abc, bad, 0, &n, err));
    }
    CLEARS(out, "reference", ocilayout_resolve(layout, BAD_UTF8, NULL, &out, err));
    EACH(bad, "", "linux", "{", BAD_UTF8)
        CLEARS(out, "platform", ocilayout_resolve(layout, "abc", bad, &out, err));
    EACH(bad, "", "a", "a/b/c", BAD_UTF8)
        CLEARS(out, "media_type",
               ocilayout_manifest_put(layout, empty_index, len, bad, 0, &out, err));
    /* Neither of an image manifest nor of an index. */
    const char *silent = "{\"schemaVersion\":2,\"manifests\":[]}";
    CLEARS(out, "media_type",
           ocilayout_manifest_put(layout, silent, strlen(silent), "a/b", 0, &out, err));

    ocilayout_blob_reader *reader;
    char buf[8];
    OK(ocilayout_blob_reader_open(layout, abc, &reader, err));
    CLEARS(n, "cap", ocilayout_blob_reader_read(reader, buf, 0, &n, err));
    CLEARS(n, "cap", ocilayout_blob_reader_read(reader, buf, SIZE_MAX, &n, err));
    OK(ocilayout_blob_reader_read(reader, buf, sizeof buf, &n, err));
    CHECK_INT(n, 3);
    ocilayout_blob_reader_free(reader);

    /* Lengths that no memory holds. */
    CLEARS(out, "data",
           ocilayout_blob_put_memory(layout, "x", SIZE_MAX, NULL, NULL, NULL, &out, err));
    REFUSES("data", ocilayout_write_file(layout, "extra", "x", SIZE_MAX, err));
    CLEARS(out, "json", ocilayout_manifest_put(layout, "x", SIZE_MAX, NULL, 0, &out, err));

    CHECK_UNCHANGED(dir, before);
    free(before);
    ocilayout_match_free(match);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void lists_past_the_end(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptors *list = entries(layout);
    CHECK_INT(ocilayout_descriptors_count(list), 0);
    CHECK(ocilayout_descriptors_at(list, 0) == NULL);
    ocilayout_descriptors_free(list);

    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "abc", 0, err));
    list = entries(layout);
    CHECK_INT(ocilayout_descriptors_count(list), 1);
    CHECK(ocilayout_descriptors_at(list, 0) != NULL);
    CHECK(ocilayout_descriptors_at(list, 1) == NULL);
    CHECK(ocilayout_descriptors_at(list, SIZE_MAX) == NULL);
    ocilayout_descriptors_free(list);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* Paths are bytes, whatever they mean; messages that tell them are text. */
static void paths_are_bytes(const char *dir) {
    char odd[1024];
    snprintf(odd, sizeof odd, "%s/" BAD_UTF8 "\n", dir);
    ocilayout *layout = layout_at(odd);
    ocilayout_bytes *bytes;
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "none", ocilayout_read_file(layout, "none", &bytes, err));
    ocilayout_free(layout);
    CHECK_WHOLE(odd);
}

/* ---- file descriptors ---- */

static void bad_file_descriptors(const char *dir) {
    ocilayout *layout = layout_at(dir), *opened = RUBBISH;
    ocilayout_descriptor_free(put(layout, "abc"));
    ocilayout_descriptor *out = RUBBISH;
    char *before = tree_of(dir);
    /* A number that nothing else is given meanwhile. */
    int pipes[2], closed = 900, file = open(path(dir, "index.json"), O_RDONLY);
    CHECK_INT(pipe(pipes), 0);

    CLEARS(out, "fd", ocilayout_blob_put_fd(layout, -1, NULL, NULL, NULL, &out, err));
    CLEARS(out, "fd", ocilayout_blob_put_fd(layout, AT_FDCWD, NULL, NULL, NULL, &out, err));
    CLEARS(out, "fd", ocilayout_blob_put_fd(layout, INT32_MIN, NULL, NULL, NULL, &out, err));
    CLEARS(opened, "dirfd", ocilayout_open_at(-1, ".", 0, &opened, err));

    /* One that is not open, one that cannot be read, a directory. */
    ocilayout_error *error;
    const int fds[] = {closed, pipes[1], open(dir, O_RDONLY | O_DIRECTORY)};
    const int errnos[] = {EBADF, EBADF, EISDIR};
    for (int i = 0; i < 3; i++) {
        out = RUBBISH;
        CHECK_INT(ocilayout_blob_put_fd(layout, fds[i], NULL, NULL, NULL, &out, &error),
                  OCILAYOUT_ERR_IO);
        CHECK(out == NULL);
        CHECK_INT(ocilayout_error_errno(error), errnos[i]);
        ocilayout_error_free(error);
    }
    opened = RUBBISH;
    CHECK_INT(ocilayout_open_at(closed, "x", 0, &opened, &error), OCILAYOUT_ERR_IO);
    CHECK(opened == NULL);
    CHECK_INT(ocilayout_error_errno(error), EBADF);
    ocilayout_error_free(error);
    CHECK_INT(ocilayout_open_at(file, "x", 0, &opened, &error), OCILAYOUT_ERR_IO);
    CHECK_INT(ocilayout_error_errno(error), ENOTDIR);
    ocilayout_error_free(error);

    CHECK_UNCHANGED(dir, before);
    free(before);
    close(file);
    close(fds[2]);
    close(pipes[0]);
    close(pipes[1]);
    ocilayout_free(layout);
}

/* ---- two threads ---- */

/* One thread is in a long write most of the time; the other tries until it has
 * met it there. What is written meanwhile is a blob of no defined content. */
struct shared {
    ocilayout_blob_writer *writer;
    atomic_bool met;
};

static void *write_long(void *argument) {
    struct shared *shared = argument;
    static const char zeros[4 << 20];
    while (!shared->met) {
        ocilayout_status status =
            ocilayout_blob_writer_write(shared->writer, zeros, sizeof zeros, NULL);
        CHECK(status == OCILAYOUT_OK || status == OCILAYOUT_ERR_STATE);
    }
    return NULL;
}

static void one_writer_in_two_threads(const char *dir) {
    ocilayout *layout = layout_at(dir);
    struct shared shared = {0};
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, OCILAYOUT_COMPRESSION_GZIP, 9, err));
    OK(ocilayout_blob_writer_open(layout, options, &shared.writer, err));
    pthread_t other;
    CHECK_INT(pthread_create(&other, NULL, write_long, &shared), 0);
    while (!shared.met) {
        ocilayout_error *error;
        ocilayout_status status = ocilayout_blob_writer_write(shared.writer, "x", 1, &error);
        if (status != OCILAYOUT_OK) {
            CHECK_INT(status, OCILAYOUT_ERR_STATE);
            CHECK(has_word(ocilayout_error_message(error), "writer"));
            shared.met = true;
        }
        ocilayout_error_free(error);
    }
    CHECK_INT(pthread_join(other, NULL), 0);
    /* It can go on: an overlap is refused before it does anything. */
    ocilayout_descriptor *out;
    OK(ocilayout_blob_writer_write(shared.writer, "x", 1, err));
    OK(ocilayout_blob_writer_finish(shared.writer, &out, err));
    CHECK_WHOLE(dir);
    ocilayout_descriptor_free(out);
    ocilayout_blob_writer_free(shared.writer);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
}

TESTS(after_finish, after_an_error, any_order_of_freeing, errors_outlive_everything, read_only,
      unknown_flags, malformed_options, refused_options_stay, malformed_descriptors,
      malformed_matchers, malformed_images, malformed_calls, lists_past_the_end, paths_are_bytes,
      bad_file_descriptors, one_writer_in_two_threads)
