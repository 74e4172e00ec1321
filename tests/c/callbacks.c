/* Callbacks that fail, lie, dawdle, or call the library themselves. Whatever a
 * callback does, a call that failed leaves the layout as it was. */
#include "check.h"

/* More than the library asks for at a time. */
#define LONG_SIZE (140 * 1024)

/* Bytes that a callback hands out, and how it is to behave. */
struct source {
    const char *bytes;
    size_t size;
    size_t piece;   /* the most that it gives at a time; 0 for all that fits */
    size_t stop_at; /* where it answers `answer` instead; SIZE_MAX for nowhere */
    int64_t answer;
    bool lies;      /* where it would stop, it claims one byte more than fits */
    bool stopped;   /* it did: nobody may ask again */
    size_t at;
    int calls;
};

static int64_t read_source(void *userdata, void *buf, size_t cap) {
    struct source *source = userdata;
    source->calls++;
    CHECK(cap >= 4096);
    CHECK(!source->stopped);
    memset(buf, 0xee, cap); /* all of it is ours to write */
    source->stopped = source->at == source->stop_at;
    if (source->stopped)
        return source->lies ? source->answer = (int64_t)cap + 1 : source->answer;
    size_t end = source->stop_at < source->size ? source->stop_at : source->size;
    size_t n = end - source->at;
    n = n < cap ? n : cap;
    n = source->piece != 0 && source->piece < n ? source->piece : n;
    memcpy(buf, source->bytes + source->at, n);
    source->at += n;
    return (int64_t)n;
}

static struct source source_of(const char *bytes, size_t size) {
    return (struct source){.bytes = bytes, .size = size, .stop_at = SIZE_MAX};
}

/* Text that no compression makes small. */
static const char *long_text(void) {
    static char text[LONG_SIZE + 1];
    uint32_t state = 1;
    for (size_t i = 0; i < LONG_SIZE; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (char)('!' + (state >> 24) % 90);
    }
    return text;
}

static ocilayout_blob_options *compressed(ocilayout_compression compression) {
    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    return options;
}

/* ---- what a read callback returns ---- */

static void failing(const char *dir) {
    static const int64_t codes[] = {-1, -99, INT64_MIN, INT32_MIN, INT64_MIN + 1};
    static const size_t stops[] = {0, 1, LONG_SIZE / 2, LONG_SIZE};
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    char *before = tree_of(dir);
    for (int i = 0; i < 3 * 4; i++) {
        ocilayout_blob_options *options = compressed(i / 4);
        struct source source = source_of(long_text(), LONG_SIZE);
        source.stop_at = stops[i % 4];
        source.answer = codes[i % 5];
        ocilayout_descriptor *out = RUBBISH;
        STOPS(source.answer, ocilayout_blob_put_callback(layout, read_source, &source, options,
                                                         NULL, NULL, &out, err));
        CHECK(out == NULL);
        CHECK_INT(source.at, source.stop_at);
        CHECK_UNCHANGED(dir, before);
        ocilayout_blob_options_free(options);
    }
    free(before);
    ocilayout_free(layout);
}

static void lying(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    char *before = tree_of(dir);
    for (int i = 0; i < 4; i++) {
        struct source source = source_of("abcdef", 6);
        source.stop_at = i % 2 == 0 ? 0 : 3;
        source.lies = i < 2;
        source.answer = INT64_MAX;
        ocilayout_descriptor *out = RUBBISH;
        STOPS(source.answer, ocilayout_blob_put_callback(layout, read_source, &source, NULL, NULL,
                                                         NULL, &out, err));
        CHECK(out == NULL);
        CHECK_UNCHANGED(dir, before);
    }
    free(before);
    ocilayout_free(layout);
}

static void short_reads(const char *dir) {
    ocilayout *layout = layout_at(dir);
    for (int compression = 0; compression <= OCILAYOUT_COMPRESSION_ZSTD; compression++) {
        ocilayout_blob_options *options = compressed(compression);
        ocilayout_descriptor *whole, *pieces;
        /* Compressors are slow with single bytes, so they get fewer. */
        size_t size = compression == OCILAYOUT_COMPRESSION_NONE ? LONG_SIZE : LONG_SIZE / 10;
        struct source source = source_of(long_text(), size);
        OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &whole,
                                       err));
        source = source_of(long_text(), size);
        source.piece = 1;
        OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &pieces,
                                       err));
        CHECK_INT(source.calls, size + 1);
        CHECK_TEXT(ocilayout_descriptor_json(pieces), ocilayout_descriptor_json(whole));
        ocilayout_descriptor_free(whole);
        ocilayout_descriptor_free(pieces);
        ocilayout_blob_options_free(options);
    }
    char digest[80] = "sha256:";
    uint64_t size;
    sha256(long_text(), LONG_SIZE, digest + 7);
    OK(ocilayout_blob_size(layout, digest, &size, err));
    CHECK_INT(size, LONG_SIZE);
    CHECK_WHOLE(dir);
    ocilayout_free(layout);
}

/* ---- when a read callback is called at all ---- */

static void not_called(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_blob_options *options = new_options();
    struct source source = source_of("abc", 3);
    char *before = tree_of(dir);

    CHECK(ocilayout_blob_put_callback(layout, read_source, &source, NULL, NULL, NULL, NULL, NULL) !=
          0);
    CHECK(ocilayout_blob_put_callback(NULL, read_source, &source, NULL, NULL, NULL, &out, NULL) !=
          0);
    CHECK_INT(source.calls, 0);

    /* It is there, and its digest and size are known. */
    OK(ocilayout_blob_options_set_expected_digest(options, DIGEST_OF_ABC, err));
    OK(ocilayout_blob_options_set_expected_size(options, 3, err));
    OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &out, err));
    CHECK_INT(source.calls, 0);
    CHECK_TEXT(ocilayout_descriptor_json(out), ocilayout_descriptor_json(abc));
    ocilayout_descriptor_free(out);
    OK(ocilayout_blob_options_set_flags(options, OCILAYOUT_BLOB_REHASH, err));
    OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &out, err));
    CHECK_INT(source.calls, 0);
    ocilayout_descriptor_free(out);
    CHECK_UNCHANGED(dir, before);

    /* It is there, but torn: it is read, and mended. */
    const char *file = path(dir, "blobs/sha256/" HEX_OF_ABC);
    CHECK_INT(chmod(file, 0644), 0);
    FILE *torn = fopen(file, "w");
    CHECK(torn != NULL && fputs("axc", torn) >= 0 && fclose(torn) == 0);
    OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &out, err));
    CHECK(source.calls > 0);
    ocilayout_descriptor_free(out);
    CHECK_UNCHANGED(dir, before);

    /* The size alone is no reason not to read. */
    ocilayout_blob_options_free(options);
    options = new_options();
    OK(ocilayout_blob_options_set_expected_size(options, 3, err));
    source = source_of("abc", 3);
    OK(ocilayout_blob_put_callback(layout, read_source, &source, options, NULL, NULL, &out, err));
    CHECK(source.calls > 0);
    ocilayout_descriptor_free(out);

    free(before);
    ocilayout_blob_options_free(options);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* A source that is too long is not read to its end. */
static int64_t read_forever(void *userdata, void *buf, size_t cap) {
    CHECK(++*(int *)userdata < 1000);
    memset(buf, 'x', cap);
    return (int64_t)cap;
}

static void too_much(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "abc"));
    char *before = tree_of(dir);
    ocilayout_blob_options *limit = new_options(), *size = new_options();
    OK(ocilayout_blob_options_set_limit(limit, 1000, err));
    OK(ocilayout_blob_options_set_expected_size(size, 1000, err));
    ocilayout_descriptor *out;
    int calls = 0;
    FAILS(OCILAYOUT_ERR_LIMIT, "1000",
          ocilayout_blob_put_callback(layout, read_forever, &calls, limit, NULL, NULL, &out, err));
    calls = 0;
    FAILS(OCILAYOUT_ERR_DIGEST, "1000",
          ocilayout_blob_put_callback(layout, read_forever, &calls, size, NULL, NULL, &out, err));
    CHECK_UNCHANGED(dir, before);
    free(before);
    ocilayout_blob_options_free(limit);
    ocilayout_blob_options_free(size);
    ocilayout_free(layout);
}

/* ---- callbacks that use the library ---- */

struct inside {
    ocilayout *layout;
    ocilayout_blob_options *options;
    int calls;
};

static int64_t read_and_use(void *userdata, void *buf, size_t cap) {
    struct inside *inside = userdata;
    CHECK(cap >= 3);
    if (inside->calls++ == 0) {
        ocilayout_descriptor *xyz = put(inside->layout, "xyz"), *again;
        struct source source = source_of("nested", 6);
        OK(ocilayout_append(inside->layout, xyz, "xyz", 0, err));
        CHECK(has_entry(inside->layout, "xyz"));
        OK(ocilayout_blob_put_callback(inside->layout, read_source, &source, inside->options, NULL,
                                       NULL, &again, err));
        /* The options of the call that is running may even be changed. */
        OK(ocilayout_blob_options_set_media_type(inside->options, "c/d", err));
        ocilayout_descriptor_free(again);
        ocilayout_descriptor_free(xyz);
        memcpy(buf, "abc", 3);
        return 3;
    }
    return 0;
}

static void reading_and_writing(const char *dir) {
    struct inside inside = {.layout = layout_at(dir), .options = new_options()};
    OK(ocilayout_blob_options_set_media_type(inside.options, "a/b", err));
    ocilayout_descriptor *out;
    OK(ocilayout_blob_put_callback(inside.layout, read_and_use, &inside, inside.options, NULL, NULL,
                                   &out, err));
    CHECK_TEXT(ocilayout_descriptor_digest(out), DIGEST_OF_ABC);
    CHECK_TEXT(ocilayout_descriptor_media_type(out), "a/b");
    CHECK(has_entry(inside.layout, "xyz"));
    CHECK_WHOLE(dir);
    ocilayout_descriptor_free(out);
    ocilayout_blob_options_free(inside.options);
    ocilayout_free(inside.layout);
}

/* How many open files a child would inherit. */
static int inherited(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);
        count += flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    return count;
}

static int64_t read_and_count(void *userdata, void *buf, size_t cap) {
    (void)buf, (void)cap;
    CHECK_INT(inherited(), *(int *)userdata);
    return 0;
}

static void what_a_child_inherits(const char *dir) {
    int before = inherited();
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *out;
    ocilayout_blob_reader *reader;
    ocilayout_blob_writer *writer;
    OK(ocilayout_blob_reader_open(layout, abc, &reader, err));
    OK(ocilayout_blob_writer_open(layout, NULL, &writer, err));
    OK(ocilayout_blob_put_callback(layout, read_and_count, &before, NULL, NULL, NULL, &out, err));
    ocilayout_blob_reader_free(reader);
    ocilayout_blob_writer_free(writer);
    ocilayout_descriptor_free(out);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* A filter that edits the layout whose edit it is asked for. */
static int32_t match_and_edit(void *userdata, const ocilayout_descriptor *descriptor) {
    struct inside *inside = userdata;
    if (inside->calls++ == 0) {
        ocilayout_descriptor *copy;
        OK(ocilayout_descriptor_copy(descriptor, &copy, err));
        OK(ocilayout_append(inside->layout, copy, "meanwhile", 0, err));
        ocilayout_descriptor_free(copy);
    }
    const char *name = ocilayout_descriptor_reference(descriptor);
    return name != NULL && strcmp(name, "old") == 0;
}

static void editing_inside_of_an_edit(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    size_t count;
    struct inside inside = {.layout = layout};

    OK(ocilayout_append(layout, abc, "old", 0, err));
    OK(ocilayout_replace(layout, NULL, match_and_edit, &inside, abc, "new", 0, &count, err));
    CHECK_INT(count, 1);
    CHECK(has_entry(layout, "new") && has_entry(layout, "meanwhile") && !has_entry(layout, "old"));
    CHECK_INT(count_entries(layout), 2);

    inside.calls = 0;
    OK(ocilayout_append(layout, abc, "old", 0, err));
    OK(ocilayout_remove(layout, NULL, match_and_edit, &inside, &count, err));
    CHECK_INT(count, 1);
    CHECK_INT(count_entries(layout), 2);

    /* A list is that of the instant when it was asked for, or of a later one. */
    inside.calls = 0;
    ocilayout_descriptors *list;
    OK(ocilayout_list(layout, NULL, match_and_edit, &inside, &list, err));
    CHECK_INT(ocilayout_descriptors_count(list), 0);
    ocilayout_descriptors_free(list);

    CHECK_WHOLE(dir);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* ---- filters ---- */

struct answer {
    int calls;
    int stop_at;
    int32_t code;
};

static int32_t match_until(void *userdata, const ocilayout_descriptor *descriptor) {
    struct answer *answer = userdata;
    CHECK(ocilayout_descriptor_reference(descriptor) != NULL);
    return answer->calls++ == answer->stop_at ? answer->code : 1;
}

static void failing_filters(const char *dir) {
    static const int32_t codes[] = {-1, -77, INT32_MIN};
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "one", 0, err));
    OK(ocilayout_append(layout, abc, "two", 0, err));
    char *before = tree_of(dir);
    for (int i = 0; i < 6; i++) {
        struct answer answer = {.stop_at = i % 2, .code = codes[i / 2]}, ask = answer;
        size_t count = 77;
        STOPS(ask.code,
              ocilayout_replace(layout, NULL, match_until, &ask, abc, "new", 0, &count, err));
        CHECK_INT(count, 0);
        CHECK_INT(ask.calls, answer.stop_at + 1);
        ask = answer, count = 77;
        STOPS(ask.code, ocilayout_remove(layout, NULL, match_until, &ask, &count, err));
        CHECK_INT(count, 0);
        ask = answer;
        ocilayout_descriptors *list = RUBBISH;
        STOPS(ask.code, ocilayout_list(layout, NULL, match_until, &ask, &list, err));
        CHECK(list == NULL);
        CHECK_UNCHANGED(dir, before);
    }
    /* The filter is asked about what the matcher means, and both must. */
    ocilayout_match *one = named("one");
    struct answer yes = {.stop_at = -1}, no = {.stop_at = 0};
    size_t count;
    OK(ocilayout_remove(layout, one, match_until, &no, &count, err));
    CHECK(count == 0 && no.calls == 1);
    OK(ocilayout_remove(layout, one, match_until, &yes, &count, err));
    CHECK(count == 1 && yes.calls == 1);
    CHECK(has_entry(layout, "two"));
    struct answer large = {.stop_at = 0, .code = INT32_MAX};
    OK(ocilayout_remove(layout, NULL, match_until, &large, &count, err));
    CHECK_INT(count, 1);

    free(before);
    ocilayout_match_free(one);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* ---- progress ---- */

struct told {
    const ocilayout *layout;
    int times;
    ocilayout_progress last;
};

/* Uses the layout while it is being worked on, which it may. */
static int32_t use_the_layout(void *userdata, const ocilayout_progress *progress) {
    struct told *told = userdata;
    told->times++;
    told->last = *progress;
    CHECK_INT(count_entries(told->layout), 1);
    ocilayout_descriptor *abc = put(told->layout, "abc");
    OK(ocilayout_append(told->layout, abc, "one", 0, err));
    OK(ocilayout_set_threads(told->layout, 1, err));
    ocilayout_findings *found;
    OK(ocilayout_verify(told->layout, 0, NULL, NULL, &found, err));
    CHECK_INT(ocilayout_findings_count(found), 0);
    ocilayout_findings_free(found);
    ocilayout_descriptor_free(abc);
    return 0;
}

/* A call that is told of, and of its end. */
#define TELLS(...) \
    do { \
        told.times = 0; \
        OK(__VA_ARGS__); \
        CHECK(told.times > 0); \
        CHECK_INT((int64_t)told.last.items_done, 1); \
        CHECK_INT((int64_t)told.last.items_total, 1); \
        CHECK_INT((int64_t)told.last.bytes_done, (int64_t)told.last.bytes_total); \
    } while (0)

/* It is told nothing of a call that fails. */
static int32_t never_told(void *userdata, const ocilayout_progress *progress) {
    (void)userdata, (void)progress;
    fail(__FILE__, __LINE__, "progress", "told of a call that fails");
}

static void progress(const char *dir) {
    ocilayout *layout = layout_at(dir), *copy = layout_at(path(dir, "../copy"));
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "one", 0, err));
    struct told told = {.layout = layout};
    ocilayout_findings *found;
    TELLS(ocilayout_verify(layout, 0, use_the_layout, &told, &found, err));
    CHECK_INT((int64_t)told.last.bytes_done, 3);
    ocilayout_findings_free(found);
    ocilayout_collection *collection;
    TELLS(ocilayout_collect(layout, 0, 0, use_the_layout, &told, &collection, err));
    ocilayout_collection_free(collection);
    ocilayout_descriptors *list;
    TELLS(ocilayout_unreferenced(layout, use_the_layout, &told, &list, err));
    ocilayout_descriptors_free(list);
    TELLS(ocilayout_write_from(copy, abc, layout, use_the_layout, &told, err));
    CHECK_INT((int64_t)told.last.bytes_done, 3);

    FAILS(OCILAYOUT_ERR_INVALID_ARGUMENT, "flags",
          ocilayout_verify(layout, 4, never_told, NULL, &found, err));
    FAILS(OCILAYOUT_ERR_INVALID_ARGUMENT, "flags",
          ocilayout_collect(layout, 2, 0, never_told, NULL, &collection, err));
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, HEX_OF_ABC,
          ocilayout_write_from(layout, abc, layout, never_told, NULL, err));
    ocilayout_free(copy);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* ---- read_blob ---- */

#define CONFIG_JSON "{}"
#define DIGEST_OF_CONFIG "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static const char manifest_json[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\","
    "\"config\":{\"mediaType\":\"a/config\",\"digest\":\"" DIGEST_OF_CONFIG "\",\"size\":2},"
    "\"layers\":[{\"mediaType\":\"a/layer\",\"digest\":\"" DIGEST_OF_ABC "\",\"size\":3}]}";

static ocilayout_descriptor *manifest_descriptor(void) {
    char digest[80] = "sha256:";
    ocilayout_descriptor *descriptor;
    sha256(manifest_json, strlen(manifest_json), digest + 7);
    OK(ocilayout_descriptor_new(MANIFEST_TYPE, digest, strlen(manifest_json), &descriptor, err));
    return descriptor;
}

/* Hands out the manifest and what it points at, and checks how it is asked. */
struct blobs {
    size_t piece;
    const char *bad; /* the digest of the blob at whose end it misbehaves */
    int64_t answer;  /* what it returns there, or ... */
    bool lies, wrong; /* ... one more than fits, or another last byte */
    uint64_t next;
    char current[80];
    int manifests, configs, layers;
};

static int64_t read_blob(void *userdata, const ocilayout_descriptor *descriptor, uint64_t offset,
                         void *buf, size_t cap) {
    struct blobs *blobs = userdata;
    const char *digest = ocilayout_descriptor_digest(descriptor), *bytes;
    CHECK(cap > 0);
    if (strcmp(ocilayout_descriptor_media_type(descriptor), MANIFEST_TYPE) == 0)
        bytes = manifest_json, blobs->manifests += offset == 0;
    else if (strcmp(digest, DIGEST_OF_CONFIG) == 0)
        bytes = CONFIG_JSON, blobs->configs += offset == 0;
    else
        bytes = "abc", blobs->layers += offset == 0;
    size_t size = strlen(bytes);
    CHECK_INT(ocilayout_descriptor_size(descriptor), size);
    if (offset == 0)
        snprintf(blobs->current, sizeof blobs->current, "%s", digest);
    else
        CHECK_INT(offset, blobs->next);
    CHECK_TEXT(digest, blobs->current);

    bool bad = blobs->bad != NULL && strcmp(digest, blobs->bad) == 0;
    if (bad && offset + 1 >= size && !blobs->wrong)
        return blobs->lies ? blobs->answer = (int64_t)cap + 1 : blobs->answer;
    size_t n = size - (size_t)offset;
    n = n < cap ? n : cap;
    n = blobs->piece != 0 && blobs->piece < n ? blobs->piece : n;
    memcpy(buf, bytes + offset, n);
    if (bad && blobs->wrong && offset + n == size && n > 0)
        ((char *)buf)[n - 1] = '?';
    blobs->next = offset + n;
    return (int64_t)n;
}

static void reading_blobs(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *manifest = manifest_descriptor();
    struct blobs blobs = {.piece = 1};
    OK(ocilayout_write(layout, manifest, read_blob, &blobs, NULL, NULL, err));
    CHECK(blobs.manifests == 1 && blobs.configs == 1 && blobs.layers == 1);
    /* All of it is there now. */
    OK(ocilayout_write(layout, manifest, read_blob, &blobs, NULL, NULL, err));
    CHECK(blobs.manifests == 1 && blobs.configs == 1 && blobs.layers == 1);
    CHECK_INT(count_entries(layout), 0);
    uint64_t size;
    OK(ocilayout_blob_size(layout, ocilayout_descriptor_digest(manifest), &size, err));
    OK(ocilayout_blob_size(layout, DIGEST_OF_ABC, &size, err));
    OK(ocilayout_blob_size(layout, DIGEST_OF_CONFIG, &size, err));
    CHECK_WHOLE(dir);
    ocilayout_descriptor_free(manifest);
    ocilayout_free(layout);
}

static void failing_at_blobs(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor_free(put(layout, "other"));
    ocilayout_descriptor *manifest = manifest_descriptor();
    const char *digest = ocilayout_descriptor_digest(manifest);
    uint64_t size;

    struct blobs bad = {.piece = 5, .bad = digest, .answer = INT64_MIN};
    char *before = tree_of(dir);
    STOPS(INT64_MIN, ocilayout_write(layout, manifest, read_blob, &bad, NULL, NULL, err));
    bad.lies = true;
    STOPS(bad.answer, ocilayout_write(layout, manifest, read_blob, &bad, NULL, NULL, err));
    bad.wrong = true;
    FAILS(OCILAYOUT_ERR_DIGEST, "blob",
          ocilayout_write(layout, manifest, read_blob, &bad, NULL, NULL, err));
    CHECK_UNCHANGED(dir, before);

    /* A blob that is whole may stay, but nothing that points at one that is not. */
    bad = (struct blobs){.piece = 2, .bad = DIGEST_OF_ABC, .answer = -5};
    STOPS(-5, ocilayout_write(layout, manifest, read_blob, &bad, NULL, NULL, err));
    bad.lies = true;
    STOPS(bad.answer, ocilayout_write(layout, manifest, read_blob, &bad, NULL, NULL, err));
    bad.wrong = true;
    FAILS(OCILAYOUT_ERR_DIGEST, "blob",
          ocilayout_write(layout, manifest, read_blob, &bad, NULL, NULL, err));
    CHECK_WHOLE(dir);
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob", ocilayout_blob_size(layout, digest, &size, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob", ocilayout_blob_size(layout, DIGEST_OF_ABC, &size, err));

    free(before);
    ocilayout_descriptor_free(manifest);
    ocilayout_free(layout);
}

static void creating(const char *dir) {
    ocilayout_descriptor *manifest = manifest_descriptor();
    char index[1024];
    snprintf(index, sizeof index,
             "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":[%s]}",
             ocilayout_descriptor_json(manifest));
    ocilayout *layout = RUBBISH;
    struct blobs bad = {.bad = DIGEST_OF_ABC, .answer = -6}, good = {0};
    STOPS(-6,
          ocilayout_create(dir, index, strlen(index), read_blob, &bad, NULL, NULL, &layout, err));
    CHECK(layout == NULL);
    CHECK(access(path(dir, "oci-layout"), F_OK) != 0);
    CHECK(access(path(dir, "index.json"), F_OK) != 0);

    OK(ocilayout_create(dir, index, strlen(index), read_blob, &good, NULL, NULL, &layout, err));
    CHECK_INT(good.layers, 1);
    size_t size;
    char *written = content_of(path(dir, "index.json"), &size);
    CHECK_TEXT(written, index);
    CHECK_INT(count_entries(layout), 1);
    CHECK_WHOLE(dir);
    free(written);
    ocilayout_free(layout);

    good.layers = 0;
    FAILS(OCILAYOUT_ERR_EXISTS, "layout",
          ocilayout_create(dir, index, strlen(index), read_blob, &good, NULL, NULL, &layout, err));
    CHECK_INT(good.layers, 0);
    ocilayout_descriptor_free(manifest);
}

TESTS(failing, lying, short_reads, not_called, too_much, reading_and_writing,
      what_a_child_inherits, editing_inside_of_an_edit, failing_filters, progress, reading_blobs,
      failing_at_blobs, creating)
