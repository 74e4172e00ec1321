/* Every kind of object from its making to its reading. What is right is known
 * from elsewhere: published digests, the RFCs, the image-spec, the bytes that
 * were put in. */
#include "check.h"

#define SHA512_OF_ABC \
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
/* Of a million times the letter a: FIPS 180-2, B.3. */
#define DIGEST_OF_A_MILLION "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
#define A_MILLION 1000000

#define GZIP_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define ZSTD_TYPE "application/vnd.oci.image.layer.v1.tar+zstd"
#define TAR_TYPE "application/vnd.oci.image.layer.v1.tar"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"

static const char *a_million(void) {
    static char text[A_MILLION + 1];
    memset(text, 'a', A_MILLION);
    return text;
}

static int64_t read_file(void *userdata, void *buf, size_t cap) {
    return (int64_t)fread(buf, 1, cap, userdata);
}

static void write_to(const char *file, const char *content) {
    FILE *out = fopen(file, "w");
    CHECK(out != NULL && fputs(content, out) >= 0 && fclose(out) == 0);
}

/* The stored bytes of a blob, as the descriptor says them and as they are. */
static char *stored(const char *dir, const ocilayout_descriptor *descriptor, size_t *size) {
    char name[256];
    const char *digest = ocilayout_descriptor_digest(descriptor);
    const char *colon = strchr(digest, ':');
    snprintf(name, sizeof name, "blobs/%.*s/%s", (int)(colon - digest), digest, colon + 1);
    char *content = content_of(path(dir, name), size);
    CHECK_INT(*size, ocilayout_descriptor_size(descriptor));
    return content;
}

static void check_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "expected:\n%s\nin:\n%s\n", part, text);
        fail(__FILE__, __LINE__, "check_has", "no such part");
    }
}

/* ---- layouts ---- */

static void opening(const char *dir) {
    ocilayout *layout = RUBBISH;
    char deep[1024];
    snprintf(deep, sizeof deep, "%s/a/b/layout", dir);
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "layout", ocilayout_open(deep, 0, &layout, err));
    CHECK(layout == NULL);
    CHECK(access(dir, F_OK) != 0);
    OK(ocilayout_open(deep, OCILAYOUT_OPEN_CREATE | OCILAYOUT_OPEN_EXCLUSIVE, &layout, err));
    size_t size;
    char *marker = content_of(path(deep, "oci-layout"), &size);
    CHECK_TEXT(marker, "{\"imageLayoutVersion\":\"1.0.0\"}");
    free(marker);
    CHECK_INT(count_entries(layout), 0);
    ocilayout_free(layout);
    CHECK_WHOLE(deep);
    char *before = tree_of(dir);

    OK(ocilayout_open(deep, 0, &layout, err));
    ocilayout_free(layout);
    OK(ocilayout_open(deep, OCILAYOUT_OPEN_CREATE, &layout, err));
    ocilayout_free(layout);
    FAILS(OCILAYOUT_ERR_EXISTS, "layout",
          ocilayout_open(deep, OCILAYOUT_OPEN_CREATE | OCILAYOUT_OPEN_EXCLUSIVE, &layout, err));
    FAILS(OCILAYOUT_ERR_FORMAT, "layout", ocilayout_open(dir, 0, &layout, err));
    int dirfd = open(dir, O_RDONLY | O_DIRECTORY);
    OK(ocilayout_open_at(dirfd, "a/b/layout", OCILAYOUT_OPEN_READ_ONLY, &layout, err));
    CHECK_INT(fcntl(dirfd, F_GETFD) >= 0, true);
    close(dirfd);
    ocilayout_free(layout);
    CHECK_UNCHANGED(dir, before);
    free(before);

    /* It may be moved meanwhile. */
    char moved[1024];
    snprintf(moved, sizeof moved, "%s/moved", dir);
    OK(ocilayout_open(deep, 0, &layout, err));
    CHECK_INT(rename(deep, moved), 0);
    ocilayout_descriptor *abc = put(layout, "abc");
    OK(ocilayout_append(layout, abc, "abc", 0, err));
    CHECK(has_entry(layout, "abc"));
    CHECK_INT(access(path(moved, "blobs/sha256/" HEX_OF_ABC), F_OK), 0);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);

    write_to(path(moved, "oci-layout"), "{\"imageLayoutVersion\":\"2.0.0\"}");
    FAILS(OCILAYOUT_ERR_UNSUPPORTED, "2", ocilayout_open(moved, 0, &layout, err));
    write_to(path(moved, "oci-layout"), "{}");
    FAILS(OCILAYOUT_ERR_FORMAT, "oci", ocilayout_open(moved, 0, &layout, err));
}

static void files(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_bytes *bytes;
    OK(ocilayout_write_file(layout, "extra", "a\0b", 3, err));
    OK(ocilayout_read_file(layout, "extra", &bytes, err));
    CHECK_INT(ocilayout_bytes_size(bytes), 3);
    CHECK(memcmp(ocilayout_bytes_data(bytes), "a\0b", 3) == 0);
    /* What was read stays what it was. */
    OK(ocilayout_write_file(layout, "extra", NULL, 0, err));
    CHECK(memcmp(ocilayout_bytes_data(bytes), "a\0b", 3) == 0);
    ocilayout_bytes_free(bytes);
    OK(ocilayout_read_file(layout, "extra", &bytes, err));
    CHECK_INT(ocilayout_bytes_size(bytes), 0);
    CHECK(ocilayout_bytes_data(bytes) == NULL);
    ocilayout_bytes_free(bytes);
    CHECK_INT(unlink(path(dir, "extra")), 0);

    char *before = tree_of(dir);
    FAILS(OCILAYOUT_ERR_FORMAT, "index", ocilayout_write_file(layout, "index.json", "{}", 2, err));
    FAILS(OCILAYOUT_ERR_FORMAT, "oci", ocilayout_write_file(layout, "oci-layout", "{", 1, err));
    const char *other = "{\"imageLayoutVersion\":\"2.0.0\"}";
    FAILS(OCILAYOUT_ERR_UNSUPPORTED, "2",
          ocilayout_write_file(layout, "oci-layout", other, strlen(other), err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "extra", ocilayout_read_file(layout, "extra", &bytes, err));
    CHECK_UNCHANGED(dir, before);
    free(before);

    CHECK_INT(mkdir(path(dir, "directory"), 0755), 0);
    CHECK_INT(symlink("index.json", path(dir, "link")), 0);
    CHECK_INT(mkfifo(path(dir, "fifo"), 0644), 0);
    FAILS(OCILAYOUT_ERR_FORMAT, "directory",
          ocilayout_read_file(layout, "directory", &bytes, err));
    FAILS(OCILAYOUT_ERR_FORMAT, "link", ocilayout_read_file(layout, "link", &bytes, err));
    FAILS(OCILAYOUT_ERR_FORMAT, "fifo", ocilayout_read_file(layout, "fifo", &bytes, err));
    ocilayout_free(layout);
}

/* ---- blobs ---- */

/* Checks that out points at the blob "abc", and frees it. */
static void check_abc(ocilayout_descriptor *out) {
    CHECK_TEXT(ocilayout_descriptor_digest(out), DIGEST_OF_ABC);
    CHECK_TEXT(ocilayout_descriptor_media_type(out), "application/octet-stream");
    CHECK_TEXT(ocilayout_descriptor_diff_id(out), NULL);
    CHECK_INT(ocilayout_descriptor_size(out), 3);
    ocilayout_descriptor_free(out);
}

static void putting(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *out;

    OK(ocilayout_blob_put_memory(layout, "abc", 3, NULL, NULL, NULL, &out, err));
    check_abc(out);
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));

    char source[1024];
    snprintf(source, sizeof source, "%s.source", dir);
    write_to(source, "..abc");
    FILE *file = fopen(source, "r");
    CHECK(file != NULL && getc(file) == '.' && getc(file) == '.');
    OK(ocilayout_blob_put_callback(layout, read_file, file, NULL, NULL, NULL, &out, err));
    check_abc(out);
    fclose(file);
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));

    /* A file, from where it stands to its end. */
    int fd = open(source, O_RDONLY);
    CHECK_INT(lseek(fd, 2, SEEK_SET), 2);
    OK(ocilayout_blob_put_fd(layout, fd, NULL, NULL, NULL, &out, err));
    check_abc(out);
    CHECK_INT(lseek(fd, 0, SEEK_CUR), 5);
    close(fd);
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));

    /* A pipe; what is stored of the end that it came from. */
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    CHECK_INT(write(pipes[1], "abc", 3), 3);
    close(pipes[1]);
    OK(ocilayout_blob_put_fd(layout, pipes[0], NULL, NULL, NULL, &out, err));
    check_abc(out);
    close(pipes[0]);
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));

    ocilayout_blob_writer *writer;
    OK(ocilayout_blob_writer_open(layout, NULL, &writer, err));
    OK(ocilayout_blob_writer_write(writer, "a", 1, err));
    OK(ocilayout_blob_writer_write(writer, NULL, 0, err));
    OK(ocilayout_blob_writer_write(writer, "bc", 2, err));
    uint64_t size;
    FAILS(OCILAYOUT_ERR_NOT_FOUND, HEX_OF_ABC,
          ocilayout_blob_size(layout, DIGEST_OF_ABC, &size, err));
    OK(ocilayout_blob_writer_finish(writer, &out, err));
    check_abc(out);
    OK(ocilayout_blob_size(layout, DIGEST_OF_ABC, &size, err));
    CHECK_INT(size, 3);
    ocilayout_blob_writer_free(writer);

    OK(ocilayout_blob_put_memory(layout, a_million(), A_MILLION, NULL, NULL, NULL, &out, err));
    CHECK_TEXT(ocilayout_descriptor_digest(out), DIGEST_OF_A_MILLION);
    ocilayout_descriptor_free(out);

    ocilayout_blob_options *options = new_options();
    OK(ocilayout_blob_options_set_media_type(options, TAR_TYPE, err));
    OK(ocilayout_blob_options_set_algorithm(options, "sha512", err));
    OK(ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &out, err));
    CHECK_TEXT(ocilayout_descriptor_digest(out), SHA512_OF_ABC);
    CHECK_TEXT(ocilayout_descriptor_media_type(out), TAR_TYPE);
    CHECK_TEXT(ocilayout_descriptor_diff_id(out), SHA512_OF_ABC);
    size_t length;
    char *content = stored(dir, out, &length);
    CHECK_TEXT(content, "abc");
    free(content);
    ocilayout_descriptor_free(out);
    /* What is expected names the algorithm, too. */
    OK(ocilayout_blob_options_set_expected_digest(options, DIGEST_OF_ABC, err));
    OK(ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &out, err));
    CHECK_TEXT(ocilayout_descriptor_digest(out), DIGEST_OF_ABC);
    ocilayout_descriptor_free(out);

    CHECK_WHOLE(dir);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
}

static void compressing(const char *dir) {
    ocilayout *layout = layout_at(dir);
    const char *types[] = {GZIP_TYPE, ZSTD_TYPE};
    const ocilayout_compression compressions[] = {OCILAYOUT_COMPRESSION_GZIP,
                                                  OCILAYOUT_COMPRESSION_ZSTD};
    const int32_t lowest[] = {0, 1}, usual[] = {1, 3}, highest[] = {9, 19};
    for (int i = 0; i < 2; i++) {
        ocilayout_blob_options *options = new_options();
        ocilayout_descriptor *out, *same;
        OK(ocilayout_blob_options_set_compression(options, compressions[i], lowest[i], err));
        OK(ocilayout_blob_options_set_compression(options, compressions[i], highest[i], err));
        OK(ocilayout_blob_options_set_compression(options, compressions[i],
                                                  OCILAYOUT_LEVEL_DEFAULT, err));
        OK(ocilayout_blob_put_memory(layout, a_million(), A_MILLION, options, NULL, NULL, &out,
                                     err));
        CHECK_TEXT(ocilayout_descriptor_media_type(out), types[i]);
        CHECK_TEXT(ocilayout_descriptor_diff_id(out), DIGEST_OF_A_MILLION);
        CHECK(ocilayout_descriptor_size(out) < 5000);
        CHECK(strstr(ocilayout_descriptor_json(out), "diff") == NULL);

        /* The usual level is a level like any other, and so is another way in. */
        OK(ocilayout_blob_options_set_compression(options, compressions[i], usual[i], err));
        ocilayout_blob_writer *writer;
        OK(ocilayout_blob_writer_open(layout, options, &writer, err));
        for (size_t at = 0, piece = 1; at < A_MILLION; at += piece, piece = piece * 3 + 1) {
            size_t len = A_MILLION - at < piece ? A_MILLION - at : piece;
            OK(ocilayout_blob_writer_write(writer, a_million() + at, len, err));
        }
        OK(ocilayout_blob_writer_finish(writer, &same, err));
        CHECK_TEXT(ocilayout_descriptor_json(same), ocilayout_descriptor_json(out));
        CHECK_TEXT(ocilayout_descriptor_diff_id(same), DIGEST_OF_A_MILLION);
        ocilayout_blob_writer_free(writer);
        ocilayout_descriptor_free(same);
        ocilayout_descriptor_free(out);
        ocilayout_blob_options_free(options);
    }

    size_t size;
    ocilayout_descriptor *out;
    ocilayout_blob_options *options = new_options();
    /* RFC 1952: a header of 10 bytes, without time or name; RFC 1951: one last
     * block of 3 bytes, stored; the CRC-32 of "abc", 0x352441c2; its length. */
    OK(ocilayout_blob_options_set_compression(options, OCILAYOUT_COMPRESSION_GZIP, 0, err));
    OK(ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &out, err));
    char *content = stored(dir, out, &size);
    CHECK_INT(size, 26);
    CHECK(memcmp(content, "\x1f\x8b\x08\0\0\0\0\0", 8) == 0);
    CHECK(memcmp(content + 10, "\x01\x03\0\xfc\xff" "abc" "\xc2\x41\x24\x35\x03\0\0\0", 16) == 0);
    CHECK_TEXT(ocilayout_descriptor_diff_id(out), DIGEST_OF_ABC);
    free(content);
    ocilayout_descriptor_free(out);
    /* RFC 8878: the magic number, a frame header of 2 bytes for a single segment
     * of 3 bytes, and one last block of 3 bytes, raw. */
    OK(ocilayout_blob_options_set_compression(options, OCILAYOUT_COMPRESSION_ZSTD, 1, err));
    OK(ocilayout_blob_put_memory(layout, "abc", 3, options, NULL, NULL, &out, err));
    content = stored(dir, out, &size);
    CHECK_INT(size, 12);
    CHECK(memcmp(content, "\x28\xb5\x2f\xfd\x20\x03\x19\0\0" "abc", 12) == 0);
    free(content);
    ocilayout_descriptor_free(out);

    CHECK_WHOLE(dir);
    ocilayout_blob_options_free(options);
    ocilayout_free(layout);
}

static void reading(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *large, *gone, *odd, *abc = put(layout, "abc");
    ocilayout_blob_reader *reader;
    ocilayout_bytes *bytes;
    OK(ocilayout_blob_put_memory(layout, a_million(), A_MILLION, NULL, NULL, NULL, &large, err));

    static char buf[A_MILLION + 100];
    size_t n;
    for (size_t piece = 4097; piece < A_MILLION * 5; piece = piece * 5 + 1) {
        size_t at = 0, cap = piece < sizeof buf ? piece : sizeof buf;
        OK(ocilayout_blob_reader_open(layout, large, &reader, err));
        do {
            memset(buf, '?', sizeof buf);
            OK(ocilayout_blob_reader_read(reader, buf, cap, &n, err));
            CHECK(n <= cap && memcmp(buf, a_million(), n) == 0);
            at += n;
        } while (n != 0);
        CHECK_INT(at, A_MILLION);
        OK(ocilayout_blob_reader_read(reader, buf, cap, &n, err));
        CHECK_INT(n, 0);
        ocilayout_blob_reader_free(reader);
    }
    OK(ocilayout_blob_reader_open(layout, abc, &reader, err));
    for (int i = 0; i <= 3; i++) {
        OK(ocilayout_blob_reader_read(reader, buf, 1, &n, err));
        CHECK(i == 3 ? n == 0 : n == 1 && buf[0] == "abc"[i]);
    }
    ocilayout_blob_reader_free(reader);

    OK(ocilayout_blob_read(layout, large, A_MILLION, &bytes, err));
    CHECK_INT(ocilayout_bytes_size(bytes), A_MILLION);
    CHECK(memcmp(ocilayout_bytes_data(bytes), a_million(), A_MILLION) == 0);
    ocilayout_bytes_free(bytes);
    bytes = RUBBISH;
    FAILS(OCILAYOUT_ERR_LIMIT, "999999",
          ocilayout_blob_read(layout, large, A_MILLION - 1, &bytes, err));
    CHECK(bytes == NULL);

    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_NOTHING, 0, &gone, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob", ocilayout_blob_read(layout, gone, 10, &bytes, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob", ocilayout_blob_reader_open(layout, gone, &reader, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob", ocilayout_blob_remove(layout, DIGEST_OF_NOTHING, err));
    ocilayout_descriptor_free(gone);
    OK(ocilayout_descriptor_new("a/b", "md5:900150983cd24fb0d6963f7d28e17f72", 3, &odd, err));
    FAILS(OCILAYOUT_ERR_UNSUPPORTED, "md5", ocilayout_blob_read(layout, odd, 10, &bytes, err));
    FAILS(OCILAYOUT_ERR_UNSUPPORTED, "md5",
          ocilayout_blob_reader_open(layout, odd, &reader, err));
    ocilayout_descriptor_free(odd);
    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 4, &odd, err));
    FAILS(OCILAYOUT_ERR_DIGEST, "4", ocilayout_blob_reader_open(layout, odd, &reader, err));
    ocilayout_descriptor_free(odd);

    /* Other content: all of it is read before it can be known. */
    char file[1024];
    snprintf(file, sizeof file, "%s/blobs/sha256/" HEX_OF_ABC, dir);
    CHECK_INT(chmod(file, 0644), 0);
    write_to(file, "axc");
    FAILS(OCILAYOUT_ERR_DIGEST, HEX_OF_ABC, ocilayout_blob_read(layout, abc, 10, &bytes, err));
    OK(ocilayout_blob_reader_open(layout, abc, &reader, err));
    OK(ocilayout_blob_reader_read(reader, buf, sizeof buf, &n, err));
    CHECK_INT(n, 3);
    n = 77;
    FAILS(OCILAYOUT_ERR_DIGEST, HEX_OF_ABC,
          ocilayout_blob_reader_read(reader, buf, sizeof buf, &n, err));
    CHECK_INT(n, 0);
    ocilayout_blob_reader_free(reader);

    ocilayout_descriptor_free(large);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static void symbolic_links(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc");
    ocilayout_bytes *bytes;
    char file[1024], target[1024];
    snprintf(file, sizeof file, "%s/blobs/sha256/" HEX_OF_ABC, dir);
    snprintf(target, sizeof target, "%s/elsewhere", dir);
    CHECK_INT(rename(file, target), 0);
    CHECK_INT(symlink("../../elsewhere", file), 0);
    FAILS(OCILAYOUT_ERR_FORMAT, HEX_OF_ABC, ocilayout_blob_read(layout, abc, 3, &bytes, err));
    ocilayout_free(layout);
    OK(ocilayout_open(dir, OCILAYOUT_OPEN_SYMLINKED_BLOBS, &layout, err));
    OK(ocilayout_blob_read(layout, abc, 3, &bytes, err));
    CHECK_INT(ocilayout_bytes_size(bytes), 3);
    ocilayout_bytes_free(bytes);
    CHECK_INT(chmod(target, 0644), 0);
    write_to(target, "axc");
    FAILS(OCILAYOUT_ERR_DIGEST, HEX_OF_ABC, ocilayout_blob_read(layout, abc, 3, &bytes, err));
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* ---- descriptors ---- */

/* What the header says for hosts is what the image-spec says. */
static void media_types(const char *dir) {
    (void)dir;
    CHECK_TEXT(OCILAYOUT_MEDIA_TYPE_IMAGE_INDEX, INDEX_TYPE);
    CHECK_TEXT(OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST, MANIFEST_TYPE);
    CHECK_TEXT(OCILAYOUT_MEDIA_TYPE_IMAGE_CONFIG, CONFIG_TYPE);
    CHECK_TEXT(OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER, TAR_TYPE);
    CHECK_TEXT(OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_GZIP, GZIP_TYPE);
    CHECK_TEXT(OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_ZSTD, ZSTD_TYPE);
    CHECK_TEXT(OCILAYOUT_REF_NAME, "org.opencontainers.image.ref.name");
}

static void describing(const char *dir) {
    (void)dir;
    ocilayout_descriptor *descriptor, *copy;
    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, INT64_MAX, &descriptor, err));
    OK(ocilayout_reference_check("registry.example:5000/x/y:1.2@b+c", err));
    CHECK_TEXT(ocilayout_descriptor_json(descriptor),
               "{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST_OF_ABC
               "\",\"size\":9223372036854775807}");
    CHECK_TEXT(ocilayout_descriptor_reference(descriptor), NULL);
    CHECK_TEXT(ocilayout_descriptor_platform(descriptor), NULL);
    CHECK_TEXT(ocilayout_descriptor_artifact_type(descriptor), NULL);
    OK(ocilayout_descriptor_copy(descriptor, &copy, err));

    OK(ocilayout_descriptor_set_reference(descriptor, "registry.example:5000/x/y:1.2@b+c", err));
    OK(ocilayout_descriptor_set_annotation(descriptor, "key", "value", err));
    OK(ocilayout_descriptor_set_annotation(descriptor, "k\xc3\xa9y", "", err));
    OK(ocilayout_descriptor_set_annotation(descriptor, "key", "other", err));
    OK(ocilayout_descriptor_set_platform(descriptor, "windows/arm64/v8:10.0.1", err));
    OK(ocilayout_descriptor_set_artifact_type(descriptor, "c/d", err));
    OK(ocilayout_descriptor_add_url(descriptor, "https://host/1", err));
    OK(ocilayout_descriptor_add_url(descriptor, "urn:x", err));
    CHECK_TEXT(ocilayout_descriptor_reference(descriptor), "registry.example:5000/x/y:1.2@b+c");
    CHECK_TEXT(ocilayout_descriptor_annotation(descriptor, OCILAYOUT_REF_NAME),
               "registry.example:5000/x/y:1.2@b+c");
    CHECK_TEXT(ocilayout_descriptor_annotation(descriptor, "key"), "other");
    CHECK_INT(ocilayout_descriptor_annotation_count(descriptor), 3);
    CHECK_TEXT(ocilayout_descriptor_annotation_key(descriptor, 1), "key");
    CHECK_TEXT(ocilayout_descriptor_annotation_value(descriptor, 1), "other");
    CHECK_TEXT(ocilayout_descriptor_annotation_key(descriptor, 2), "k\xc3\xa9y");
    CHECK_TEXT(ocilayout_descriptor_annotation_value(descriptor, 2), "");
    CHECK_TEXT(ocilayout_descriptor_platform(descriptor), "windows/arm64/v8:10.0.1");
    CHECK_TEXT(ocilayout_descriptor_artifact_type(descriptor), "c/d");
    CHECK_TEXT(ocilayout_descriptor_url(descriptor, 0), "https://host/1");
    CHECK_TEXT(ocilayout_descriptor_url(descriptor, 1), "urn:x");
    /* A text lives until the next change, and is the same until then. */
    CHECK(ocilayout_descriptor_digest(descriptor) == ocilayout_descriptor_digest(descriptor));
    CHECK_INT(ocilayout_descriptor_annotation_count(copy), 0);
    ocilayout_descriptor_free(descriptor);
    ocilayout_descriptor_free(copy);

    /* What is read is kept as it stands; NUL is said in another way. */
    const char *json = "{ \"x\" : [1.0, {}], \"size\":3,\n\"digest\":\"" DIGEST_OF_ABC
                       "\", \"mediaType\":\"odd\", \"annotations\":{\"a\\u0000b\":\"c\\u0000\"}}";
    OK(ocilayout_descriptor_from_json(json, strlen(json), &descriptor, err));
    CHECK_TEXT(ocilayout_descriptor_json(descriptor), json);
    CHECK_TEXT(ocilayout_descriptor_media_type(descriptor), "odd");
    CHECK_INT(ocilayout_descriptor_size(descriptor), 3);
    CHECK_TEXT(ocilayout_descriptor_annotation_key(descriptor, 0), "a\xef\xbf\xbd" "b");
    CHECK_TEXT(ocilayout_descriptor_annotation_value(descriptor, 0), "c\xef\xbf\xbd");
    OK(ocilayout_descriptor_set_annotation(descriptor, "key", "value", err));
    check_has(ocilayout_descriptor_json(descriptor), "[1.0, {}]");
    ocilayout_descriptor_free(descriptor);

    /* As the JSON object, a platform can say more than as text. */
    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_ABC, 3, &descriptor, err));
    OK(ocilayout_descriptor_set_platform(
        descriptor, "{\"os\":\"windows\",\"architecture\":\"amd64\",\"os.features\":[\"f\"]}",
        err));
    CHECK_TEXT(ocilayout_descriptor_platform(descriptor), "windows/amd64");
    check_has(ocilayout_descriptor_json(descriptor), "\"os.features\":[\"f\"]");
    ocilayout_descriptor_free(descriptor);
}

/* ---- images and indexes ---- */

static ocilayout_descriptor *layer(const ocilayout *layout, const char *text,
                                   ocilayout_compression compression) {
    ocilayout_blob_options *options = new_options();
    ocilayout_descriptor *out;
    OK(ocilayout_blob_options_set_compression(options, compression, OCILAYOUT_LEVEL_DEFAULT, err));
    if (compression == OCILAYOUT_COMPRESSION_NONE)
        OK(ocilayout_blob_options_set_media_type(options, TAR_TYPE, err));
    OK(ocilayout_blob_put_memory(layout, text, strlen(text), options, NULL, NULL, &out, err));
    ocilayout_blob_options_free(options);
    return out;
}

static ocilayout_descriptor *image_for(const ocilayout *layout, const char *platform) {
    ocilayout_image *image;
    ocilayout_descriptor *out;
    OK(ocilayout_image_new(layout, &image, err));
    OK(ocilayout_image_set_platform(image, platform, err));
    OK(ocilayout_image_finish(image, &out, err));
    ocilayout_image_free(image);
    return out;
}

/* The blob that stands at a position among the children of a document. */
static char *child_content(const char *dir, const ocilayout *layout,
                           const ocilayout_descriptor *document, size_t position) {
    ocilayout_descriptors *children;
    size_t size;
    OK(ocilayout_children(layout, document, &children, err));
    char *content = stored(dir, ocilayout_descriptors_at(children, position), &size);
    ocilayout_descriptors_free(children);
    return content;
}

static ocilayout_descriptor *build(const ocilayout *layout) {
    ocilayout_descriptor *gzip = layer(layout, "abc", OCILAYOUT_COMPRESSION_GZIP);
    ocilayout_descriptor *tar = layer(layout, "abc", OCILAYOUT_COMPRESSION_NONE);
    ocilayout_descriptor *foreign = put(layout, "foreign"), *out;
    const char *entrypoint[] = {"/bin/app", "--flag"}, *command[] = {"serve", "\"quoted\""};
    const char *config = "{\"author\":\"somebody\",\"x-unknown\":[1.50]}";
    ocilayout_image *image;
    OK(ocilayout_image_new(layout, &image, err));
    OK(ocilayout_image_set_config_json(image, config, strlen(config), err));
    OK(ocilayout_image_set_platform(image, "linux/arm64/v8", err));
    OK(ocilayout_image_add_layer(image, gzip, NULL, NULL, err));
    OK(ocilayout_image_set_created(image, "2026-01-31T12:00:00Z", err));
    OK(ocilayout_image_set_entrypoint(image, entrypoint, 2, err));
    OK(ocilayout_image_set_command(image, command, 2, err));
    OK(ocilayout_image_set_env(image, "PATH", "/bin", err));
    OK(ocilayout_image_set_env(image, "A", "b=c", err));
    OK(ocilayout_image_set_env(image, "PATH", "/usr/bin", err));
    OK(ocilayout_image_set_working_dir(image, "/work", err));
    OK(ocilayout_image_set_user(image, "1000:1000", err));
    OK(ocilayout_image_set_label(image, "label", "one", err));
    OK(ocilayout_image_set_label(image, "label", "two", err));
    OK(ocilayout_image_add_exposed_port(image, "80", err));
    OK(ocilayout_image_add_exposed_port(image, "53/udp", err));
    OK(ocilayout_image_set_annotation(image, "key", "value", err));
    OK(ocilayout_image_set_annotation(image, "gone", "value", err));
    OK(ocilayout_image_set_annotation(image, "gone", NULL, err));
    OK(ocilayout_image_add_layer(image, tar, NULL, "second", err));
    OK(ocilayout_image_add_history(image, "third", "comment", err));
    OK(ocilayout_image_add_layer(image, foreign, DIGEST_OF_NOTHING, "fourth", err));
    OK(ocilayout_image_finish(image, &out, err));
    ocilayout_image_free(image);
    ocilayout_descriptor_free(gzip);
    ocilayout_descriptor_free(tar);
    ocilayout_descriptor_free(foreign);
    return out;
}

static void building(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *image = build(layout), *again = build(layout), *more;
    CHECK_TEXT(ocilayout_descriptor_media_type(image), MANIFEST_TYPE);
    CHECK_TEXT(ocilayout_descriptor_platform(image), "linux/arm64/v8");
    CHECK_TEXT(ocilayout_descriptor_json(again), ocilayout_descriptor_json(image));
    ocilayout_descriptor_free(again);
    CHECK_INT(count_entries(layout), 0);

    size_t size;
    char *manifest = stored(dir, image, &size);
    check_has(manifest, "\"schemaVersion\":2");
    check_has(manifest, "\"mediaType\":\"" MANIFEST_TYPE "\"");
    check_has(manifest, "\"annotations\":{\"key\":\"value\"}");
    free(manifest);
    ocilayout_descriptors *children;
    OK(ocilayout_children(layout, image, &children, err));
    CHECK_INT(ocilayout_descriptors_count(children), 4);
    const char *types[] = {CONFIG_TYPE, GZIP_TYPE, TAR_TYPE, "application/octet-stream"};
    for (size_t i = 0; i < 4; i++)
        CHECK_TEXT(ocilayout_descriptor_media_type(ocilayout_descriptors_at(children, i)),
                   types[i]);
    ocilayout_descriptors_free(children);

    char *config = child_content(dir, layout, image, 0);
    check_has(config, "\"author\":\"somebody\"");
    check_has(config, "\"x-unknown\":[1.50]");
    check_has(config, "\"architecture\":\"arm64\"");
    check_has(config, "\"os\":\"linux\"");
    check_has(config, "\"variant\":\"v8\"");
    check_has(config, "\"created\":\"2026-01-31T12:00:00Z\"");
    check_has(config, "\"Entrypoint\":[\"/bin/app\",\"--flag\"]");
    check_has(config, "\"Cmd\":[\"serve\",\"\\\"quoted\\\"\"]");
    check_has(config, "\"Env\":[\"PATH=/usr/bin\",\"A=b=c\"]");
    check_has(config, "\"WorkingDir\":\"/work\"");
    check_has(config, "\"User\":\"1000:1000\"");
    check_has(config, "\"Labels\":{\"label\":\"two\"}");
    check_has(config, "\"ExposedPorts\":{\"80\":{},\"53/udp\":{}}");
    check_has(config, "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST_OF_ABC "\",\""
                      DIGEST_OF_ABC "\",\"" DIGEST_OF_NOTHING "\"]}");
    check_has(config,
              "\"history\":[{},"
              "{\"created\":\"2026-01-31T12:00:00Z\",\"created_by\":\"second\"},"
              "{\"created\":\"2026-01-31T12:00:00Z\",\"created_by\":\"third\","
              "\"comment\":\"comment\",\"empty_layer\":true},"
              "{\"created\":\"2026-01-31T12:00:00Z\",\"created_by\":\"fourth\"}]");
    free(config);

    /* Another image on top of it, and the first one once more. */
    ocilayout_image *loaded;
    OK(ocilayout_image_load(layout, image, &loaded, err));
    OK(ocilayout_image_finish(loaded, &again, err));
    CHECK_TEXT(ocilayout_descriptor_digest(again), ocilayout_descriptor_digest(image));
    ocilayout_descriptor *top = layer(layout, "top", OCILAYOUT_COMPRESSION_ZSTD);
    OK(ocilayout_image_add_layer(loaded, top, NULL, "fifth", err));
    OK(ocilayout_image_finish(loaded, &more, err));
    OK(ocilayout_children(layout, more, &children, err));
    CHECK_INT(ocilayout_descriptors_count(children), 5);
    CHECK_TEXT(ocilayout_descriptor_json(ocilayout_descriptors_at(children, 4)),
               ocilayout_descriptor_json(top));
    config = child_content(dir, layout, more, 0);
    check_has(config, "\"x-unknown\":[1.50]");
    check_has(config, "\"created_by\":\"fifth\"");
    free(config);
    ocilayout_descriptors_free(children);

    CHECK_WHOLE(dir);
    ocilayout_image_free(loaded);
    ocilayout_descriptor_free(top);
    ocilayout_descriptor_free(more);
    ocilayout_descriptor_free(again);
    ocilayout_descriptor_free(image);
    ocilayout_free(layout);
}

static void indexing(const char *dir) {
    const char *platforms[] = {"linux/amd64", "linux/arm/v7", "windows/amd64:10.0.1"};
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *images[3], *abc = put(layout, "abc"), *inner_index, *outer_index, *found;
    ocilayout_index *inner, *outer;
    OK(ocilayout_index_new(layout, &inner, err));
    OK(ocilayout_index_new(layout, &outer, err));
    for (int i = 0; i < 3; i++) {
        images[i] = image_for(layout, platforms[i]);
        OK(ocilayout_index_add_manifest(i == 0 ? outer : inner, images[i], err));
    }
    OK(ocilayout_index_set_annotation(inner, "key", "value", err));
    OK(ocilayout_index_set_annotation(inner, "gone", "value", err));
    OK(ocilayout_index_set_annotation(inner, "gone", NULL, err));
    OK(ocilayout_index_finish(inner, &inner_index, err));
    OK(ocilayout_index_add_manifest(outer, inner_index, err));
    OK(ocilayout_descriptor_set_reference(abc, "abc", err));
    OK(ocilayout_index_add_manifest(outer, abc, err));
    OK(ocilayout_index_finish(outer, &outer_index, err));
    OK(ocilayout_append(layout, outer_index, "multi", 0, err));
    OK(ocilayout_append(layout, images[0], "single", 0, err));
    CHECK_TEXT(ocilayout_descriptor_media_type(outer_index), INDEX_TYPE);
    size_t size;
    char *json = stored(dir, inner_index, &size);
    check_has(json, "\"annotations\":{\"key\":\"value\"}");
    free(json);

    ocilayout_descriptors *children;
    OK(ocilayout_children(layout, outer_index, &children, err));
    CHECK_INT(ocilayout_descriptors_count(children), 3);
    CHECK_TEXT(ocilayout_descriptor_digest(ocilayout_descriptors_at(children, 1)),
               ocilayout_descriptor_digest(inner_index));
    /* A reference has a meaning in index.json alone. */
    CHECK_TEXT(ocilayout_descriptor_digest(ocilayout_descriptors_at(children, 2)), DIGEST_OF_ABC);
    CHECK_TEXT(ocilayout_descriptor_reference(ocilayout_descriptors_at(children, 2)), NULL);
    ocilayout_descriptors_free(children);
    OK(ocilayout_children(layout, abc, &children, err));
    CHECK_INT(ocilayout_descriptors_count(children), 0);
    ocilayout_descriptors_free(children);

    for (int i = 0; i < 3; i++) {
        OK(ocilayout_resolve(layout, "multi", platforms[i], &found, err));
        CHECK_TEXT(ocilayout_descriptor_digest(found), ocilayout_descriptor_digest(images[i]));
        CHECK_TEXT(ocilayout_descriptor_platform(found), platforms[i]);
        ocilayout_descriptor_free(found);
    }
    OK(ocilayout_resolve(layout, "multi", "windows/amd64", &found, err));
    CHECK_TEXT(ocilayout_descriptor_digest(found), ocilayout_descriptor_digest(images[2]));
    ocilayout_descriptor_free(found);
    OK(ocilayout_resolve(layout, "multi", NULL, &found, err));
    CHECK_TEXT(ocilayout_descriptor_digest(found), ocilayout_descriptor_digest(outer_index));
    ocilayout_descriptor_free(found);
    found = RUBBISH;
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "s390x",
          ocilayout_resolve(layout, "multi", "linux/s390x", &found, err));
    CHECK(found == NULL);
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "none", ocilayout_resolve(layout, "none", NULL, &found, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "single",
          ocilayout_resolve(layout, "single", "linux/arm", &found, err));

    CHECK_WHOLE(dir);
    for (int i = 0; i < 3; i++)
        ocilayout_descriptor_free(images[i]);
    ocilayout_index_free(inner);
    ocilayout_index_free(outer);
    ocilayout_descriptor_free(inner_index);
    ocilayout_descriptor_free(outer_index);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

/* ---- entries ---- */

/* The names of the entries that are meant, in order, each followed by a space. */
static const char *names(const ocilayout *layout, const ocilayout_match *match) {
    static char text[256];
    ocilayout_descriptors *list;
    OK(ocilayout_list(layout, match, NULL, NULL, &list, err));
    text[0] = '\0';
    for (size_t i = 0; i < ocilayout_descriptors_count(list); i++) {
        const char *name = ocilayout_descriptor_reference(ocilayout_descriptors_at(list, i));
        strcat(strcat(text, name ? name : "-"), " ");
    }
    ocilayout_descriptors_free(list);
    return text;
}

static void editing(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *xyz = put(layout, "xyz"), *gone;
    OK(ocilayout_append(layout, abc, "one", 0, err));
    OK(ocilayout_append(layout, abc, "one", 0, err));
    OK(ocilayout_append(layout, abc, "two", 0, err));
    OK(ocilayout_append(layout, xyz, NULL, 0, err));
    CHECK_TEXT(names(layout, NULL), "one two - ");
    OK(ocilayout_append(layout, abc, "one", OCILAYOUT_APPEND_DUPLICATE, err));
    CHECK_TEXT(names(layout, NULL), "one two - one ");
    /* The descriptor itself got no name. */
    CHECK_TEXT(ocilayout_descriptor_reference(abc), NULL);

    ocilayout_match *one = named("one"), *none = named("none");
    size_t count;
    OK(ocilayout_replace(layout, one, NULL, NULL, xyz, "three", 0, &count, err));
    CHECK_INT(count, 2);
    CHECK_TEXT(names(layout, NULL), "three two - ");
    OK(ocilayout_replace(layout, none, NULL, NULL, xyz, "four", 0, &count, err));
    CHECK_INT(count, 0);
    CHECK_TEXT(names(layout, NULL), "three two - four ");
    OK(ocilayout_remove(layout, none, NULL, NULL, &count, err));
    CHECK_INT(count, 0);
    CHECK_TEXT(names(layout, NULL), "three two - four ");

    /* An entry that says the same, and is not meant, is not said again. */
    ocilayout_match *four = named("four");
    OK(ocilayout_replace(layout, four, NULL, NULL, xyz, "three", 0, &count, err));
    CHECK_INT(count, 1);
    CHECK_TEXT(names(layout, NULL), "three two - ");
    OK(ocilayout_append(layout, xyz, "four", 0, err));
    OK(ocilayout_replace(layout, four, NULL, NULL, xyz, "three", OCILAYOUT_APPEND_DUPLICATE, &count,
                         err));
    CHECK_TEXT(names(layout, NULL), "three two - three ");
    ocilayout_match_free(four);

    OK(ocilayout_descriptor_new("a/b", DIGEST_OF_NOTHING, 0, &gone, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob", ocilayout_append(layout, gone, "gone", 0, err));
    FAILS(OCILAYOUT_ERR_NOT_FOUND, "blob",
          ocilayout_replace(layout, one, NULL, NULL, gone, "gone", 0, &count, err));
    OK(ocilayout_append(layout, gone, "gone", OCILAYOUT_APPEND_MISSING_ALLOWED, err));
    CHECK_TEXT(names(layout, NULL), "three two - three gone ");

    /* Content that a descriptor embeds, in base64, must be that of the blob. */
    const char *embedding = "{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST_OF_ABC
                            "\",\"size\":3,\"data\":\"YWJj\"}";
    char *wrong = strdup(embedding);
    memcpy(strstr(wrong, "YWJj"), "eHl6", 4);
    ocilayout_descriptor *right, *false_one;
    OK(ocilayout_descriptor_from_json(embedding, strlen(embedding), &right, err));
    OK(ocilayout_append(layout, right, "five", 0, err));
    OK(ocilayout_descriptor_from_json(wrong, strlen(wrong), &false_one, err));
    FAILS(OCILAYOUT_ERR_DIGEST, "data", ocilayout_append(layout, false_one, "six", 0, err));
    CHECK_TEXT(names(layout, NULL), "three two - three gone five ");
    ocilayout_descriptor_free(right);
    ocilayout_descriptor_free(false_one);
    free(wrong);

    /* What is not touched keeps its bytes. */
    char odd[2048], expected[2048];
    const char *entry = "{ \"size\":3,\"digest\":\"" DIGEST_OF_ABC
                        "\",\n \"mediaType\":\"a/b\",\"x\": [1.0 ] }";
    snprintf(odd, sizeof odd,
             "{ \"x\": {},\n \"mediaType\":\"" INDEX_TYPE "\", \"schemaVersion\": 2,\n"
             " \"manifests\": [\n  %s ]}\n", entry);
    OK(ocilayout_write_file(layout, "index.json", odd, strlen(odd), err));
    OK(ocilayout_append(layout, abc, NULL, 0, err));
    snprintf(expected, sizeof expected,
             "{ \"x\": {},\n \"mediaType\":\"" INDEX_TYPE "\", \"schemaVersion\": 2,\n"
             " \"manifests\": [\n  %s,%s]}\n", entry, ocilayout_descriptor_json(abc));
    size_t size;
    char *written = content_of(path(dir, "index.json"), &size);
    CHECK_TEXT(written, expected);
    free(written);

    CHECK_WHOLE(dir);
    ocilayout_match_free(one);
    ocilayout_match_free(none);
    ocilayout_descriptor_free(gone);
    ocilayout_descriptor_free(xyz);
    ocilayout_descriptor_free(abc);
    ocilayout_free(layout);
}

static int32_t match_the_smaller(void *userdata, const ocilayout_descriptor *descriptor) {
    return ocilayout_descriptor_size(descriptor) < *(const uint64_t *)userdata;
}

static void matching(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptor *abc = put(layout, "abc"), *long_one = put(layout, "longer");
    ocilayout_descriptor *image = image_for(layout, "linux/amd64");
    OK(ocilayout_descriptor_set_annotation(long_one, "key", "value", err));
    OK(ocilayout_append(layout, abc, "abc", 0, err));
    OK(ocilayout_append(layout, long_one, "long", 0, err));
    OK(ocilayout_append(layout, image, "image", 0, err));

    ocilayout_match *matches[8];
    const char *platforms[] = {"linux/s390x", "linux/amd64"}, *types[] = {"x/y", MANIFEST_TYPE};
    const char *digests[] = {DIGEST_OF_ABC, ocilayout_descriptor_digest(long_one)};
    OK(ocilayout_match_reference("long", &matches[0], err));
    OK(ocilayout_match_annotation("key", "value", &matches[1], err));
    OK(ocilayout_match_platforms(platforms, 2, &matches[2], err));
    OK(ocilayout_match_media_types(types, 2, &matches[3], err));
    OK(ocilayout_match_digests(digests, 2, &matches[4], err));
    ocilayout_match *both[] = {matches[4], matches[0]};
    OK(ocilayout_match_all_of(both, 2, &matches[5], err));
    both[0] = matches[2];
    OK(ocilayout_match_any_of(both, 2, &matches[6], err));
    OK(ocilayout_match_not(matches[0], &matches[7], err));
    const char *meant[] = {"long ", "long ", "image ", "image ", "abc long ", "long ",
                           "long image ", "abc image "};
    for (int i = 0; i < 8; i++) {
        CHECK_TEXT(names(layout, matches[i]), meant[i]);
        bool yes;
        OK(ocilayout_match_test(matches[i], image, &yes, err));
        CHECK_INT(yes, strstr(meant[i], "image") != NULL || i == 7);
    }

    /* Both a matcher and a filter; each alone is tried elsewhere. */
    uint64_t size = 6;
    size_t count;
    OK(ocilayout_remove(layout, matches[4], match_the_smaller, &size, &count, err));
    CHECK_INT(count, 1);
    CHECK_TEXT(names(layout, NULL), "long image ");
    /* The blobs are all there. */
    OK(ocilayout_blob_size(layout, DIGEST_OF_ABC, &size, err));

    OK(ocilayout_replace(layout, matches[2], NULL, NULL, abc, "abc", 0, &count, err));
    CHECK_INT(count, 1);
    CHECK_TEXT(names(layout, NULL), "long abc ");
    OK(ocilayout_remove(layout, matches[7], NULL, NULL, &count, err));
    CHECK_TEXT(names(layout, NULL), "long ");
    OK(ocilayout_remove(layout, matches[1], NULL, NULL, &count, err));
    CHECK_TEXT(names(layout, NULL), "");

    /* Made of the others, they go on without them. */
    for (int i = 0; i < 5; i++)
        ocilayout_match_free(matches[i]);
    bool yes;
    OK(ocilayout_match_test(matches[6], image, &yes, err));
    CHECK(yes);
    for (int i = 5; i < 8; i++)
        ocilayout_match_free(matches[i]);
    ocilayout_descriptor_free(abc);
    ocilayout_descriptor_free(long_one);
    ocilayout_descriptor_free(image);
    ocilayout_free(layout);
}

/* ---- whole trees ---- */

static void copying(const char *dir) {
    char first[1024], second[1024];
    snprintf(first, sizeof first, "%s/first", dir);
    snprintf(second, sizeof second, "%s/second", dir);
    ocilayout *layout = layout_at(first), *other = layout_at(second);
    ocilayout_descriptor *one = build(layout), *two = image_for(layout, "linux/amd64"), *found;
    ocilayout_index *index;
    OK(ocilayout_index_new(layout, &index, err));
    OK(ocilayout_index_add_manifest(index, one, err));
    OK(ocilayout_index_add_manifest(index, two, err));
    OK(ocilayout_index_finish(index, &found, err));
    ocilayout_index_free(index);

    OK(ocilayout_write_from(other, found, layout, NULL, NULL, err));
    CHECK_INT(count_entries(other), 0);
    char *blobs = tree_of(first);
    CHECK_UNCHANGED(second, blobs);
    OK(ocilayout_append(other, found, "copy", 0, err));
    CHECK(has_entry(other, "copy"));
    free(blobs);

    /* A layout that lacks one of them gives nothing that points at it. */
    ocilayout_descriptor_free(put(other, "more"));
    OK(ocilayout_blob_remove(layout, DIGEST_OF_ABC, err));
    ocilayout_free(other);
    char third[1024];
    snprintf(third, sizeof third, "%s/third", dir);
    other = layout_at(third);
    FAILS(OCILAYOUT_ERR_NOT_FOUND, HEX_OF_ABC,
          ocilayout_write_from(other, found, layout, NULL, NULL, err));
    uint64_t size;
    CHECK_INT(ocilayout_blob_size(other, ocilayout_descriptor_digest(found), &size, NULL),
              OCILAYOUT_ERR_NOT_FOUND);
    CHECK_INT(ocilayout_blob_size(other, ocilayout_descriptor_digest(one), &size, NULL),
              OCILAYOUT_ERR_NOT_FOUND);
    CHECK_WHOLE(third);

    ocilayout_descriptor_free(found);
    ocilayout_descriptor_free(two);
    ocilayout_descriptor_free(one);
    ocilayout_free(other);
    ocilayout_free(layout);
}

static void verbatim(const char *dir) {
    ocilayout *layout = layout_at(dir);
    const char *json = "{ \"x\":1.0,\n \"schemaVersion\" :2, "
                       "\"config\":{\"mediaType\":\"a/config\",\"digest\":\"" DIGEST_OF_ABC "\",\"size\":3}, \"layers\":[],\n"
                       "\"artifactType\":\"a/artifact\" }\n";
    ocilayout_descriptor *out = RUBBISH;
    FAILS(OCILAYOUT_ERR_NOT_FOUND, DIGEST_OF_ABC,
          ocilayout_manifest_put(layout, json, strlen(json), NULL, 0, &out, err));
    CHECK(out == NULL);
    OK(ocilayout_manifest_put(layout, json, strlen(json), NULL,
                              OCILAYOUT_MANIFEST_MISSING_ALLOWED, &out, err));
    ocilayout_descriptor_free(out);
    ocilayout_descriptor_free(put(layout, "abc"));
    OK(ocilayout_manifest_put(layout, json, strlen(json), MANIFEST_TYPE, 0, &out, err));
    CHECK_TEXT(ocilayout_descriptor_media_type(out), MANIFEST_TYPE);
    CHECK_TEXT(ocilayout_descriptor_artifact_type(out), "a/artifact");
    char digest[80] = "sha256:";
    sha256(json, strlen(json), digest + 7);
    CHECK_TEXT(ocilayout_descriptor_digest(out), digest);
    size_t size;
    char *content = stored(dir, out, &size);
    CHECK_TEXT(content, json);
    free(content);
    ocilayout_descriptor_free(out);

    char *before = tree_of(dir);
    FAILS(OCILAYOUT_ERR_FORMAT, "manifests",
          ocilayout_manifest_put(layout, json, strlen(json), INDEX_TYPE, 0, &out, err));
    const char *bad[] = {"", "{}", "[]", "{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}",
                         "{\"schemaVersion\":1,\"manifests\":[]}",
                         "{\"schemaVersion\":2,\"manifests\":[],\"mediaType\":\"" MANIFEST_TYPE
                         "\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(OCILAYOUT_ERR_FORMAT, NULL,
              ocilayout_manifest_put(layout, bad[i], strlen(bad[i]), NULL, 0, &out, err));
    CHECK_UNCHANGED(dir, before);
    free(before);
    CHECK_WHOLE(dir);
    ocilayout_free(layout);
}

/* ---- upkeep ---- */

static void unreferenced(const char *dir) {
    ocilayout *layout = layout_at(dir);
    ocilayout_descriptors *list;
    ocilayout_descriptor *image = build(layout);
    OK(ocilayout_append(layout, image, "image", 0, err));
    OK(ocilayout_unreferenced(layout, NULL, NULL, &list, err));
    CHECK_INT(ocilayout_descriptors_count(list), 0);
    ocilayout_descriptors_free(list);

    /* Sorted by digest: that of "apart" begins with 1, that of "lost" with 7. */
    ocilayout_descriptor *apart = put(layout, "apart"), *lost = put(layout, "lost");
    OK(ocilayout_unreferenced(layout, NULL, NULL, &list, err));
    CHECK_INT(ocilayout_descriptors_count(list), 2);
    CHECK_TEXT(ocilayout_descriptor_json(ocilayout_descriptors_at(list, 0)),
               ocilayout_descriptor_json(apart));
    CHECK_TEXT(ocilayout_descriptor_json(ocilayout_descriptors_at(list, 1)),
               ocilayout_descriptor_json(lost));
    for (size_t i = 0; i < 2; i++) {
        const ocilayout_descriptor *blob = ocilayout_descriptors_at(list, i);
        OK(ocilayout_blob_remove(layout, ocilayout_descriptor_digest(blob), err));
    }
    ocilayout_descriptors_free(list);

    /* Without its name, nothing of the image is needed. */
    ocilayout_match *match = named("image");
    OK(ocilayout_remove(layout, match, NULL, NULL, NULL, err));
    OK(ocilayout_unreferenced(layout, NULL, NULL, &list, err));
    CHECK_INT(ocilayout_descriptors_count(list), 5);
    ocilayout_descriptors_free(list);
    CHECK_WHOLE(dir);
    ocilayout_match_free(match);
    ocilayout_descriptor_free(apart);
    ocilayout_descriptor_free(lost);
    ocilayout_descriptor_free(image);
    ocilayout_free(layout);
}

TESTS(opening, files, putting, compressing, reading, symbolic_links, media_types, describing,
      building, indexing, editing, matching, copying, verbatim, unreferenced)
