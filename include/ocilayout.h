/**
 * @file
 * ocilayout: writes OCI image layouts, from any language.
 *
 * Made by cbindgen from src/ffi; do not edit. This header is the manual. What holds
 * for every function stands here, once.
 *
 * ## Names
 * ocilayout_OBJECT_VERB(). The first parameter is the object. Words are those of the
 * OCI image-spec.
 *
 * ## Status
 * A function that can fail returns an ocilayout_status: OCILAYOUT_OK or a negative
 * OCILAYOUT_ERR_ code. Its last parameter is `ocilayout_error **err`, which may be
 * NULL. If it is not, `*err` is always overwritten: by NULL on success, else by an
 * error that you free. Every such function can fail with
 * OCILAYOUT_ERR_INVALID_ARGUMENT, which names the parameter, and with
 * OCILAYOUT_ERR_STATE, when an object is misused. Those that take a layout can fail
 * with OCILAYOUT_ERR_IO, when the system refuses, and those that read documents of
 * it (index.json, manifests, indexes, configs) with OCILAYOUT_ERR_FORMAT, when one
 * is malformed, and with OCILAYOUT_ERR_LIMIT, when one is over 64 MiB. Those that
 * write fail with OCILAYOUT_ERR_STATE on a layout that is open read-only, with
 * OCILAYOUT_ERR_BUSY as ocilayout_set_lock_timeout() says, with
 * OCILAYOUT_ERR_CANCELLED as ocilayout_interrupt() says, and with
 * OCILAYOUT_ERR_UNSUPPORTED on a file system without locks; those that change a file
 * of it also with OCILAYOUT_ERR_NOT_DURABLE, which comes after the change. Where
 * there is too little memory for what is given or read, functions fail with
 * OCILAYOUT_ERR_MEMORY. What else can happen is said at each function.
 *
 * ## Outputs
 * Out-parameters stand just before err. They are set to NULL or 0 first and filled
 * only on success, so clean-up may always free them.
 *
 * ## Ownership
 * What a function hands out through `T **` is yours. Free it with
 * ocilayout_T_free(), exactly once, in any order: objects keep alive what they need.
 * Freeing NULL does nothing. No function takes over an object or memory of yours:
 * inputs are copied, or used during the call only. A pointer that is returned
 * (`const char *`, `const T *`) belongs to the object that it came from, and lives
 * until that object is changed or freed. It is also NULL where there is no memory to
 * make what it would point at.
 *
 * ## Text
 * Text ends with NUL. Paths are bytes; all other text is UTF-8, and refused if it is
 * not. Data and JSON are a pointer and a length in bytes; the pointer may be NULL
 * when the length is 0.
 *
 * ## Threads
 * An ocilayout may be used from any number of threads at once. Any other object may
 * move between threads, but is used by one at a time; functions that take it as
 * const may overlap. Overlapping uses that are not allowed fail with
 * OCILAYOUT_ERR_STATE. Nothing of a layout or of an error is kept in thread-locals
 * or in global state, and nothing is taken from the environment, unless
 * ocilayout_directory_options_set_source_date_epoch() is called. Threads of the
 * library work only while a call or a writer has work for them; see
 * ocilayout_set_threads().
 *
 * ## Callbacks
 * Callbacks run on the calling thread, only during the call that they were given to,
 * one at a time; those of ocilayout_blob_put_all() where it says. userdata is handed back
 * untouched. They may call the library, with any object, but not free one that the
 * running call was given. No lock is held while they run, so they may take their
 * time. They should return: a C++ exception that leaves one ends the process;
 * longjmp() and a recovered Go panic leak memory, but no file, lock or half a blob:
 * see ocilayout_free().
 *
 * ## Processes
 * Any number of processes of one machine may write one layout at once. Blobs are
 * stored side by side; edits of index.json take turns, and readers never wait. A
 * tool that locks index.json.lock, as BuildKit does, is waited for. A tool that does
 * not lock keeps what it wrote before our edit, but undoes what others write while
 * it runs, and so does another machine on a network file system: let it not run
 * beside other writers.
 *
 * ## Crashes
 * A blob, index.json and oci-layout appear whole or not at all. A process that is
 * killed loses nothing that was acknowledged, and leaves nothing under blobs/ that
 * is not whole. When the power goes, what was acknowledged is there, unless the
 * layout was opened with another OCILAYOUT_OPEN_DURABILITY_ flag. While a writer
 * lives, the layout has a hidden folder of his, .ocilayout- and 16 digits; it goes
 * when he frees the layout, and what a killed one has left goes with the first edit
 * of a later one. Other tools pass over it.
 *
 * ## Hosts
 * fork(): a child may exec, exit and free its copies of the objects; it must not use
 * them, and opens the layout anew. What a parent holds when it is killed stays held
 * while such a child lives. Signals: calls that one interrupts go on; the library
 * has no handlers and causes no SIGXFSZ or SIGPIPE. Threads: one that ends inside of
 * a callback, or is cancelled inside of a call, ends the process; see Callbacks for
 * what may leave one. Descriptors are close-on-exec. A host that closes them itself
 * gets errors, and nothing is published that is not whole; but what else it opens in
 * their place may be written to.
 *
 * ## Bugs
 * A bug in the library is reported as OCILAYOUT_ERR_INTERNAL. The object that was
 * used can then only be freed. The library does not exit, and does not touch
 * signals, the umask or the current directory.
 *
 * ## Growth
 * Functions, codes and flags are only added. Unknown flags are refused, so what a
 * newer header offers is never ignored silently.
 */


#ifndef OCILAYOUT_H
#define OCILAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Has the compiler warn where a status is not looked at. */
#if defined(__GNUC__) || defined(__clang__)
#define OCILAYOUT_MUST_USE __attribute__((warn_unused_result))
#else
#define OCILAYOUT_MUST_USE
#endif

/** The version that this header describes, as ocilayout_version_number() says it. */
#define OCILAYOUT_VERSION_NUMBER \
  (OCILAYOUT_VERSION_MAJOR * 1000000 + OCILAYOUT_VERSION_MINOR * 1000 + OCILAYOUT_VERSION_PATCH)

/** The annotation that names an entry of index.json. */
#define OCILAYOUT_REF_NAME "org.opencontainers.image.ref.name"

/** The media type of an image index (image-spec, media-types.md). */
#define OCILAYOUT_MEDIA_TYPE_IMAGE_INDEX "application/vnd.oci.image.index.v1+json"
/** The media type of an image manifest. */
#define OCILAYOUT_MEDIA_TYPE_IMAGE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
/** The media type of an image config. */
#define OCILAYOUT_MEDIA_TYPE_IMAGE_CONFIG "application/vnd.oci.image.config.v1+json"
/** The media type of a layer that is a plain tar. */
#define OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER "application/vnd.oci.image.layer.v1.tar"
/** The media type of a layer that is compressed with gzip. */
#define OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
/** The media type of a layer that is compressed with zstd. */
#define OCILAYOUT_MEDIA_TYPE_IMAGE_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"


/**
 * The version that this header describes: major.
 */
#define OCILAYOUT_VERSION_MAJOR 0

/**
 * The version that this header describes: minor.
 */
#define OCILAYOUT_VERSION_MINOR 1

/**
 * The version that this header describes: patch.
 */
#define OCILAYOUT_VERSION_PATCH 0

/**
 * For ocilayout_open(): make the layout if it is not there, with the
 * directories above it.
 */
#define OCILAYOUT_OPEN_CREATE (1ull << 0)

/**
 * For ocilayout_open(), with OCILAYOUT_OPEN_CREATE: fail with
 * OCILAYOUT_ERR_EXISTS if the layout is there.
 */
#define OCILAYOUT_OPEN_EXCLUSIVE (1ull << 1)

/**
 * For ocilayout_open(): refuse every call that would write.
 */
#define OCILAYOUT_OPEN_READ_ONLY (1ull << 2)

/**
 * For ocilayout_open(): read blobs that are symbolic links, as the rules of
 * Bazel make them. Their content is checked like any other.
 */
#define OCILAYOUT_OPEN_SYMLINKED_BLOBS (1ull << 3)

/**
 * For ocilayout_open(): when the power goes, nothing is promised. For layouts
 * that can be made again. A process that is killed still loses nothing.
 */
#define OCILAYOUT_OPEN_DURABILITY_NONE (1ull << 4)

/**
 * For ocilayout_open(): when the power goes, what is named is complete, but
 * the last edits may be lost. Without this and OCILAYOUT_OPEN_DURABILITY_NONE,
 * what was acknowledged is there.
 */
#define OCILAYOUT_OPEN_DURABILITY_ORDERED (1ull << 5)

/**
 * The usual level of each compression: 1 for gzip, 3 for zstd.
 */
#define OCILAYOUT_LEVEL_DEFAULT -1

/**
 * For ocilayout_blob_options_set_flags(): hash a blob that is there already
 * before it is trusted, and mend it. Without this a blob of the right name and
 * size is trusted.
 */
#define OCILAYOUT_BLOB_REHASH (1ull << 0)

/**
 * For ocilayout_blob_options_set_flags(): take the digest and the size that are expected,
 * both of them, for those of what is stored. It is not hashed, and a regular file is not
 * even read where the kernel can copy it or share its blocks; only the size is checked.
 * If the bytes are others the layout is broken, and ocilayout_verify() will say so. Not
 * with a compression.
 */
#define OCILAYOUT_BLOB_TRUSTED (1ull << 1)

/**
 * For ocilayout_directory_options_set_owners(): files belong to those who own
 * them here.
 */
#define OCILAYOUT_OWNERS_KEPT 0

/**
 * For ocilayout_directory_options_set_owners(): files belong to user 0 and
 * group 0.
 */
#define OCILAYOUT_OWNERS_ROOT 1

/**
 * For ocilayout_directory_options_set_flags(): tell the holes of sparse files as
 * holes, in the format of GNU tar (PAX, 1.0). Without this they are written as
 * zeros, as image-spec, layer.md asks, since not every tool reads them.
 */
#define OCILAYOUT_DIRECTORY_SPARSE (1ull << 0)

/**
 * For ocilayout_append() and ocilayout_replace(): the blob may be missing, as
 * in a sparse layout.
 */
#define OCILAYOUT_APPEND_MISSING_ALLOWED (1ull << 0)

/**
 * For ocilayout_append() and ocilayout_replace(): add the entry even if one
 * that says the same is there.
 */
#define OCILAYOUT_APPEND_DUPLICATE (1ull << 1)

/**
 * For ocilayout_manifest_put(): what the document points at may be missing, as
 * in a sparse layout.
 */
#define OCILAYOUT_MANIFEST_MISSING_ALLOWED (1ull << 0)

/**
 * For ocilayout_collect(): remove nothing, and tell what would be removed.
 */
#define OCILAYOUT_COLLECT_DRY_RUN (1ull << 0)

/**
 * A fate: nothing pointed at the blob, and it was removed, or would have been.
 */
#define OCILAYOUT_FATE_REMOVED 1

/**
 * A fate: it stays, since it is pointed at from index.json.
 */
#define OCILAYOUT_FATE_REFERENCED 2

/**
 * A fate: it stays, since it is a document whose subject stays, or belongs to
 * one.
 */
#define OCILAYOUT_FATE_REFERRER 3

/**
 * A fate: it stays, since a writer that is still there has put it, or it belongs
 * to what that has put.
 */
#define OCILAYOUT_FATE_LEASED 4

/**
 * A fate: it stays, since it was put within the time of grace, or belongs to
 * what was.
 */
#define OCILAYOUT_FATE_YOUNG 5

/**
 * A fate: it stays, since its digest is neither sha256 nor sha512.
 */
#define OCILAYOUT_FATE_FOREIGN 6

/**
 * For ocilayout_verify(): hash manifests, indexes and image configs alone. Of
 * other blobs only the size is looked at, which takes no time.
 */
#define OCILAYOUT_VERIFY_QUICK (1ull << 0)

/**
 * For ocilayout_verify(): blobs may be missing, as in a sparse layout.
 */
#define OCILAYOUT_VERIFY_MISSING_ALLOWED (1ull << 1)

/**
 * A kind of finding: a blob that something points at is not there, or one of
 * the files that every layout has.
 */
#define OCILAYOUT_FINDING_MISSING 1

/**
 * A kind of finding: something other than a regular file stands there, or the
 * system refuses to read it.
 */
#define OCILAYOUT_FINDING_UNREADABLE 2

/**
 * A kind of finding: the blob is not as long as what points at it says.
 */
#define OCILAYOUT_FINDING_SIZE 3

/**
 * A kind of finding: the content of the blob is not that of its digest.
 */
#define OCILAYOUT_FINDING_DIGEST 4

/**
 * A kind of finding: the document breaks the image-spec, is over 64 MiB, or is
 * an index that nests more than 32 deep.
 */
#define OCILAYOUT_FINDING_MALFORMED 5

/**
 * A kind of finding: two places say of the blob what cannot both be so. What
 * points at it gives different sizes, or calls a document different things; a
 * document says that it is something else; embedded data are not the content;
 * an image config has diff IDs for another number of layers.
 */
#define OCILAYOUT_FINDING_CONTRADICTORY 6

/**
 * A kind of finding: something under blobs that has no digest as its name, or
 * what a writer that was killed left in the root of the layout.
 */
#define OCILAYOUT_FINDING_LEFTOVER 7

/**
 * An open image layout. Any number of threads may use it at once.
 * image-spec, image-layout.md.
 */
typedef struct ocilayout ocilayout;

/**
 * How a blob is to be stored, and what is promised of it.
 */
typedef struct ocilayout_blob_options ocilayout_blob_options;

/**
 * A blob that is being read.
 */
typedef struct ocilayout_blob_reader ocilayout_blob_reader;

/**
 * A blob that is being written.
 */
typedef struct ocilayout_blob_writer ocilayout_blob_writer;

/**
 * Bytes that the library read: a file, a document, a small blob. They never
 * change, so any number of threads may look at them.
 */
typedef struct ocilayout_bytes ocilayout_bytes;

/**
 * A blob, and what a collection did with it.
 */
typedef struct ocilayout_collected ocilayout_collected;

/**
 * What a collection did with each blob, sorted by digest. It never changes, so
 * any number of threads may look at it.
 */
typedef struct ocilayout_collection ocilayout_collection;

/**
 * A descriptor: what points at a blob, by its media type, digest and size, and
 * what else is said of it. image-spec, descriptor.md.
 *
 * Members that the library does not know are kept. Changing a descriptor
 * changes nothing in a layout.
 */
typedef struct ocilayout_descriptor ocilayout_descriptor;

/**
 * A list of descriptors, as things were when it was made. It never changes, so
 * any number of threads may look at it.
 */
typedef struct ocilayout_descriptors ocilayout_descriptors;

/**
 * How a directory becomes a layer.
 */
typedef struct ocilayout_directory_options ocilayout_directory_options;

/**
 * Why a call failed.
 */
typedef struct ocilayout_error ocilayout_error;

/**
 * One thing that is wrong with a layout.
 */
typedef struct ocilayout_finding ocilayout_finding;

/**
 * What a verification found, sorted by path. It never changes, so any number of
 * threads may look at it.
 */
typedef struct ocilayout_findings ocilayout_findings;

/**
 * An image that is being built: a config, layers, and the manifest over them.
 * image-spec, config.md and manifest.md.
 *
 * The same calls make the same bytes: nothing is taken from the clock or from
 * the machine.
 */
typedef struct ocilayout_image ocilayout_image;

/**
 * An image index that is being built: several images under one name.
 * image-spec, image-index.md.
 */
typedef struct ocilayout_index ocilayout_index;

/**
 * Says which entries of an index are meant. It never changes, so any number of
 * threads may use it.
 */
typedef struct ocilayout_match ocilayout_match;

/**
 * Sources whose blobs are stored together.
 */
typedef struct ocilayout_sources ocilayout_sources;

/**
 * What a fallible function returns: OCILAYOUT_OK, which is 0, or one of the
 * negative OCILAYOUT_ERR_ codes. Codes are only ever added, so treat one that
 * you do not know as you treat OCILAYOUT_ERR_INTERNAL. Numbers between them
 * are kept for codes to come.
 */
typedef int32_t ocilayout_status;

/**
 * Reads bytes of the blob that descriptor points at, from the byte offset on,
 * into buf, which has room for cap bytes, at least 4096.
 *
 * A blob is read from its start to its end, one blob after another: an offset
 * of 0 begins one, and each later offset is where the last call ended.
 * Returns as ocilayout_read_fn does. The descriptor lives during the call.
 */
typedef int64_t (*ocilayout_read_blob_fn)(void *userdata,
                                          const struct ocilayout_descriptor *descriptor,
                                          uint64_t offset,
                                          void *buf,
                                          size_t cap);

/**
 * How far a long call has come. Members may be added at its end.
 */
typedef struct ocilayout_progress {
  /**
   * How many bytes of the sources, or of the blobs that are looked at, are done.
   */
  uint64_t bytes_done;
  /**
   * How many there are in all; UINT64_MAX while that is not known.
   */
  uint64_t bytes_total;
  /**
   * How many blobs are done; of a directory, how many files.
   */
  uint64_t items_done;
  /**
   * How many there are in all; UINT64_MAX while that is not known.
   */
  uint64_t items_total;
} ocilayout_progress;

/**
 * Is told how far a long call has come: on the calling thread, at most ten times a
 * second, and once more at the end. While a source of yours keeps the call waiting it
 * is not told.
 *
 * Returns 0 to go on. Any other number stops the call, which takes back what it began
 * and fails with OCILAYOUT_ERR_CANCELLED; after the end it means nothing. The struct
 * lives during the call of the function, which must return: if it leaves by longjmp()
 * or the like, a file or directory that the library had opened stays open.
 */
typedef int32_t (*ocilayout_progress_fn)(void *userdata,
                                         const struct ocilayout_progress *progress);

/**
 * How a blob is compressed on its way into the store.
 */
typedef int32_t ocilayout_compression;

/**
 * Reads the next bytes of a source into buf, which has room for cap bytes, at
 * least 4096.
 *
 * Returns how many bytes it stored, from 1 to cap; 0 at the end of the source;
 * or a negative number of your choosing to stop the call, which then fails
 * with OCILAYOUT_ERR_CALLBACK and tells that number by
 * ocilayout_error_callback_code(). Fewer bytes than cap are no sign of the
 * end.
 */
typedef int64_t (*ocilayout_read_fn)(void *userdata, void *buf, size_t cap);

/**
 * Says whether an entry is meant: positive for yes, 0 for no, or a negative
 * number of your choosing to stop the call, which then fails with
 * OCILAYOUT_ERR_CALLBACK. No lock is held meanwhile. The descriptor lives
 * during the call.
 *
 * It may be asked more than once about equal entries, and about entries that
 * other writers add meanwhile.
 */
typedef int32_t (*ocilayout_match_fn)(void *userdata,
                                      const struct ocilayout_descriptor *descriptor);

/**
 * The call did what it was asked to do.
 */
#define OCILAYOUT_OK 0

/**
 * An argument is NULL where it must not be, malformed, or has unknown flags.
 */
#define OCILAYOUT_ERR_INVALID_ARGUMENT -1

/**
 * The object cannot do this now: it is finished, incomplete, read-only, in use
 * by another thread or by the callback that is running, or broken.
 */
#define OCILAYOUT_ERR_STATE -2

/**
 * The operating system refused; see ocilayout_error_errno().
 */
#define OCILAYOUT_ERR_IO -3

/**
 * What was asked for is not there.
 */
#define OCILAYOUT_ERR_NOT_FOUND -4

/**
 * What was to be created is there already.
 */
#define OCILAYOUT_ERR_EXISTS -5

/**
 * Another writer holds the lock of the layout; see
 * ocilayout_set_lock_timeout().
 */
#define OCILAYOUT_ERR_BUSY -6

/**
 * index.json, or a directory that was to become a layer, was changed meanwhile,
 * where it should not have been.
 */
#define OCILAYOUT_ERR_CONFLICT -7

/**
 * Not an image layout, or a document in it is malformed.
 */
#define OCILAYOUT_ERR_FORMAT -8

/**
 * Content has another digest or another size than was expected.
 */
#define OCILAYOUT_ERR_DIGEST -9

/**
 * A callback returned a negative number, which ocilayout_error_callback_code()
 * tells, or broke its contract.
 */
#define OCILAYOUT_ERR_CALLBACK -10

/**
 * The function that is told the progress of the call stopped it, or
 * ocilayout_interrupt() did. What the call had begun is taken back.
 */
#define OCILAYOUT_ERR_CANCELLED -11

/**
 * More data than a limit allows.
 */
#define OCILAYOUT_ERR_LIMIT -12

/**
 * Legal, but not something that this library does.
 */
#define OCILAYOUT_ERR_UNSUPPORTED -13

/**
 * The change was made, and every reader sees it, but it may be lost when the
 * power goes: the system could not write all of it to the disk.
 */
#define OCILAYOUT_ERR_NOT_DURABLE -14

/**
 * There is too little memory for what the call was given or has read.
 */
#define OCILAYOUT_ERR_MEMORY -15

/**
 * A bug in the library. The object that was changed can then only be freed.
 */
#define OCILAYOUT_ERR_INTERNAL -99

/**
 * Stored as it is given.
 */
#define OCILAYOUT_COMPRESSION_NONE 0

/**
 * gzip, levels 0 to 9. Its members hold 1 MiB each, so that all cores can work.
 * Level 1, the default, compresses better than level 1 of others, and 6 as their 6.
 */
#define OCILAYOUT_COMPRESSION_GZIP 1

/**
 * zstd, levels 1 to 19.
 */
#define OCILAYOUT_COMPRESSION_ZSTD 2

/**
 * Of a source: gzip or zstd as its first bytes tell, or neither.
 */
#define OCILAYOUT_COMPRESSION_DETECT 3

/**
 * Of what is stored: no compression. A source that is compressed, as
 * ocilayout_blob_options_set_source_compression() says, is decoded.
 */
#define OCILAYOUT_COMPRESSION_PLAIN 4

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Says the name of a status, such as "OCILAYOUT_ERR_IO".
 *
 * The text is static; it is "unknown status" for a number that is none.
 */
const char *ocilayout_status_name(ocilayout_status status);

/**
 * Says the status of the call that failed; OCILAYOUT_OK for NULL.
 */
ocilayout_status ocilayout_error_status(const struct ocilayout_error *error);

/**
 * Says why the call failed: one line in UTF-8 without a newline, for a person.
 * It names the path or the parameter, what was expected and what was found.
 *
 * The text belongs to the error. It is "no error" for NULL.
 */
const char *ocilayout_error_message(const struct ocilayout_error *error);

/**
 * Says the errno of the system call that failed, with OCILAYOUT_ERR_IO and
 * OCILAYOUT_ERR_NOT_DURABLE; 0 where there is none.
 */
int ocilayout_error_errno(const struct ocilayout_error *error);

/**
 * Says what the callback returned that stopped the call, exactly, with
 * OCILAYOUT_ERR_CALLBACK; 0 where there is none.
 */
int64_t ocilayout_error_callback_code(const struct ocilayout_error *error);

/**
 * Frees an error. NULL is fine.
 */
void ocilayout_error_free(struct ocilayout_error *error);

/**
 * Says the version of the library that is running, such as "0.1.0".
 *
 * The text is static: it is never freed.
 */
const char *ocilayout_version(void);

/**
 * Says the version of the library that is running as one number:
 * major * 1000000 + minor * 1000 + patch. Compare it with
 * OCILAYOUT_VERSION_NUMBER, the version of the header.
 */
uint32_t ocilayout_version_number(void);

/**
 * Opens the image layout in the directory path; flags are OCILAYOUT_OPEN_
 * values or 0.
 *
 * The directory is held open: the layout may be moved meanwhile, and the
 * current directory may change. Inside of the layout no symbolic link is
 * followed.
 *
 * Once index.json was asked for, what is known of it is kept, in less than
 * twice its size, and it is read again only when somebody has changed it. So
 * to resolve one more name takes no longer among many entries than among few.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when there is no such directory,
 * OCILAYOUT_ERR_FORMAT when it is not a layout, OCILAYOUT_ERR_UNSUPPORTED when
 * it is one of another version, OCILAYOUT_ERR_EXISTS as asked for by
 * OCILAYOUT_OPEN_EXCLUSIVE, OCILAYOUT_ERR_IO when the system refuses.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_open(const char *path,
                                uint64_t flags,
                                struct ocilayout **out,
                                struct ocilayout_error **err);

/**
 * As ocilayout_open(), with path taken from the open directory dirfd, which
 * stays yours; AT_FDCWD stands for the current one.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_open_at(int dirfd,
                                   const char *path,
                                   uint64_t flags,
                                   struct ocilayout **out,
                                   struct ocilayout_error **err);

/**
 * Makes a layout in the directory path whose index.json is the image index of
 * len bytes at index, as it is given; only a media type is added if it has
 * none.
 *
 * What the index names is first read by read_blob, which gets userdata, and
 * checked, down the whole tree. If read_blob is NULL nothing is read, and the
 * blobs may be put later. read_blob must return: if it leaves by longjmp() or
 * the like, the directory stays open. progress is told as by ocilayout_write().
 *
 * Fails as ocilayout_open() does with OCILAYOUT_OPEN_CREATE and
 * OCILAYOUT_OPEN_EXCLUSIVE, and as ocilayout_write() does. A call that failed
 * leaves no layout, and can be made again with the same index.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_create(const char *path,
                                  const char *index,
                                  size_t len,
                                  ocilayout_read_blob_fn read_blob,
                                  void *userdata,
                                  ocilayout_progress_fn progress,
                                  void *progress_userdata,
                                  struct ocilayout **out,
                                  struct ocilayout_error **err);

/**
 * Says how long an edit of index.json waits while another writer makes one, in
 * milliseconds: 0 for not at all, a negative number, the default, for as long
 * as it takes. It holds for the layout and all its transactions, from the next
 * edit on.
 *
 * An edit that does not get its turn fails with OCILAYOUT_ERR_BUSY, and its
 * message says who may hold the lock. So does a put that would have to wait for
 * a collection, which lets others in after each 256 blobs. Readers never wait.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_set_lock_timeout(const struct ocilayout *layout,
                                            int64_t milliseconds,
                                            struct ocilayout_error **err);

/**
 * Says how many threads work at once for the layout and all its transactions, the
 * calling one among them; 0, the default, is one for each core.
 *
 * The library starts threads only for blobs of more than a piece (256 KiB, with zstd
 * 512 KiB, with gzip 1 MiB), for ocilayout_blob_put_all(), for ocilayout_verify(), and
 * for a thousand small blobs in one transaction. They are named ocilayout-1 and so on,
 * have ended when the last blob that is being written is finished or freed, those of a
 * transaction when that is committed or freed, and run none of your callbacks but those
 * of ocilayout_blob_put_all(). What is stored does not depend on them. zstd compresses
 * on threads of its own, up to as many as that, one at least, beside the calling one,
 * which only reads, hashes and writes then.
 *
 * ocilayout_verify() has so many threads of its own, which end with it, while the
 * calling one only waits and tells; with 1 it starts none, and works itself.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_set_threads(const struct ocilayout *layout,
                                       size_t threads,
                                       struct ocilayout_error **err);

/**
 * Closes a layout. NULL is fine.
 *
 * Objects that were made from it go on, and the directory is let go with the
 * last of them. So is what a call was storing that never returned, because its
 * callback left it by longjmp() or the like.
 */
void ocilayout_free(struct ocilayout *layout);

/**
 * Reads a whole file that stands beside blobs, such as index.json; at most
 * 64 MiB. name has no slash.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when there is none,
 * OCILAYOUT_ERR_FORMAT when it is no regular file.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_read_file(const struct ocilayout *layout,
                                     const char *name,
                                     struct ocilayout_bytes **out,
                                     struct ocilayout_error **err);

/**
 * Writes a whole file that stands beside blobs, in one step: whoever reads it
 * sees the old content or the new. name has no slash.
 *
 * oci-layout and index.json are checked first, and refused with
 * OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_UNSUPPORTED.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_write_file(const struct ocilayout *layout,
                                      const char *name,
                                      const void *data,
                                      size_t len,
                                      struct ocilayout_error **err);

/**
 * Makes another handle of the same open layout or transaction, whose calls
 * ocilayout_interrupt() can stop. All else is the same through both. It takes no time:
 * make one for each call that you may have to stop, and free it after that.
 *
 * An edit through it that has to wait for another writer asks for its turn again and
 * again, up to fifty times a second, and can be passed by those who queue for it.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_interruptible(const struct ocilayout *layout,
                                         struct ocilayout **out,
                                         struct ocilayout_error **err);

/**
 * Stops what is done through this handle, from any thread: calls that are running take
 * back what they began and fail with OCILAYOUT_ERR_CANCELLED, and so do all later ones
 * that put, edit, write, verify or collect, with writers, images and indexes that were
 * made from the handle. A transaction that was begun on it goes on.
 *
 * What waits for a lock, hashes or compresses stops at once; callbacks and file
 * descriptors that block while they are read, and the disk, are waited for. A call that
 * is about to succeed may do so: a change that is visible already stays.
 *
 * Fails with OCILAYOUT_ERR_STATE when the handle was not made by
 * ocilayout_interruptible().
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_interrupt(const struct ocilayout *layout,
                                     struct ocilayout_error **err);

/**
 * Says where the bytes are. They belong to the object and are followed by no
 * NUL. NULL if there are none.
 */
const uint8_t *ocilayout_bytes_data(const struct ocilayout_bytes *bytes);

/**
 * Says how many bytes there are. 0 for NULL.
 */
size_t ocilayout_bytes_size(const struct ocilayout_bytes *bytes);

/**
 * Frees the bytes. NULL is fine.
 */
void ocilayout_bytes_free(struct ocilayout_bytes *bytes);

/**
 * Makes the default options: the bytes are stored as they are given, named by
 * SHA-256, and nothing is expected of them.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_new(struct ocilayout_blob_options **out,
                                            struct ocilayout_error **err);

/**
 * Says what the blob is, as type/subtype (RFC 6838).
 *
 * If it is not said, it is the layer type of the compression, and
 * application/octet-stream without one. Fails with
 * OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_media_type(struct ocilayout_blob_options *options,
                                                       const char *media_type,
                                                       struct ocilayout_error **err);

/**
 * Compresses the blob on its way into the store. What is given is then its
 * uncompressed content, whose digest becomes the diff ID.
 *
 * level is of the range of the compression, or OCILAYOUT_LEVEL_DEFAULT; it is ignored by
 * OCILAYOUT_COMPRESSION_NONE and OCILAYOUT_COMPRESSION_PLAIN. The bytes that come out
 * depend on the content and the level alone. Fails with OCILAYOUT_ERR_INVALID_ARGUMENT
 * when either is out of range; putting a blob fails so when its media type is that of a
 * layer of another compression.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_compression(struct ocilayout_blob_options *options,
                                                        ocilayout_compression compression,
                                                        int32_t level,
                                                        struct ocilayout_error **err);

/**
 * Says that the source is compressed: by OCILAYOUT_COMPRESSION_GZIP,
 * OCILAYOUT_COMPRESSION_ZSTD, or as OCILAYOUT_COMPRESSION_DETECT finds. Without this, or
 * by OCILAYOUT_COMPRESSION_NONE, it is not looked at what the bytes are.
 *
 * What is stored as it is given is decoded on the way to find its diff ID. What is
 * to be stored in another compression, or plain, is decoded before that. Any number of
 * gzip members or zstd frames is read; those of zstd with a window of up to 128 MiB.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT for another value. Putting a blob fails with
 * OCILAYOUT_ERR_FORMAT when its source is of another compression, damaged, or ends too
 * early.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_source_compression(struct ocilayout_blob_options *options,
                                                               ocilayout_compression compression,
                                                               struct ocilayout_error **err);

/**
 * Says by which algorithm to name the blob, if no digest is expected of it:
 * "sha256", the default, or "sha512". The diff ID is by the same.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_algorithm(struct ocilayout_blob_options *options,
                                                      const char *algorithm,
                                                      struct ocilayout_error **err);

/**
 * Says which digest the stored bytes must have. A blob of another is refused
 * with OCILAYOUT_ERR_DIGEST, and nothing is left of it.
 *
 * If the size is expected too, such a blob is there already, and it is not to
 * be compressed here, the source is not read at all. Fails with
 * OCILAYOUT_ERR_UNSUPPORTED when the algorithm is neither sha256 nor sha512.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_expected_digest(struct ocilayout_blob_options *options,
                                                            const char *digest,
                                                            struct ocilayout_error **err);

/**
 * Says how many bytes must be stored, at most 2^63 - 1. A blob of another size
 * is refused with OCILAYOUT_ERR_DIGEST, as soon as it is too large.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_expected_size(struct ocilayout_blob_options *options,
                                                          uint64_t size,
                                                          struct ocilayout_error **err);

/**
 * Says how many bytes may be stored at most. A larger blob is refused with
 * OCILAYOUT_ERR_LIMIT, as soon as it is too large.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_limit(struct ocilayout_blob_options *options,
                                                  uint64_t max_bytes,
                                                  struct ocilayout_error **err);

/**
 * Sets OCILAYOUT_BLOB_ flags; each that is not named keeps its setting.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_options_set_flags(struct ocilayout_blob_options *options,
                                                  uint64_t flags,
                                                  struct ocilayout_error **err);

/**
 * Frees the options. NULL is fine.
 */
void ocilayout_blob_options_free(struct ocilayout_blob_options *options);

/**
 * Stores what the callback read, which gets read_userdata, gives until its end, and
 * says what points at it. options may be NULL for the default ones, progress for
 * nobody who is told; else it gets progress_userdata.
 *
 * For a layer, say in the options how to compress it, or which media type it
 * has: only then is its diff ID known. A blob is hashed while
 * it is written and appears whole or not at all. read runs on the calling
 * thread; it is not called when the call fails before reading, nor when the
 * blob is there already, as its expected digest and size tell, and is not to
 * be compressed here.
 *
 * Fails with OCILAYOUT_ERR_CALLBACK when read stops it, OCILAYOUT_ERR_CANCELLED
 * when progress does, OCILAYOUT_ERR_DIGEST when the blob is not what is expected,
 * OCILAYOUT_ERR_LIMIT when it is larger than allowed, OCILAYOUT_ERR_IO when it
 * could not be written.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_callback(const struct ocilayout *layout,
                                             ocilayout_read_fn read,
                                             void *read_userdata,
                                             const struct ocilayout_blob_options *options,
                                             ocilayout_progress_fn progress,
                                             void *progress_userdata,
                                             struct ocilayout_descriptor **out,
                                             struct ocilayout_error **err);

/**
 * Stores what the file descriptor fd gives, from where it stands until its
 * end: a file, a pipe, a socket, which must be a blocking one. It stays yours
 * and open, and has moved to its end if it was read.
 *
 * A regular file that is stored as it is given shares its blocks with the blob
 * where the file system can do that (reflink); it is hashed all the same, unless
 * OCILAYOUT_BLOB_TRUSTED says not to.
 *
 * Otherwise as ocilayout_blob_put_callback(); fails with OCILAYOUT_ERR_IO when
 * fd cannot be read.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_fd(const struct ocilayout *layout,
                                       int fd,
                                       const struct ocilayout_blob_options *options,
                                       ocilayout_progress_fn progress,
                                       void *progress_userdata,
                                       struct ocilayout_descriptor **out,
                                       struct ocilayout_error **err);

/**
 * Stores len bytes at data, which must not change during the call.
 *
 * Otherwise as ocilayout_blob_put_callback().
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_memory(const struct ocilayout *layout,
                                           const void *data,
                                           size_t len,
                                           const struct ocilayout_blob_options *options,
                                           ocilayout_progress_fn progress,
                                           void *progress_userdata,
                                           struct ocilayout_descriptor **out,
                                           struct ocilayout_error **err);

/**
 * Stores the regular file at path as the layer of an artifact, such as the weights
 * of a model: the descriptor is annotated with the name of the file, without the
 * folders, as org.opencontainers.image.title (image-spec, annotations.md). Say in the
 * options which media type it has.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when there is no such file,
 * OCILAYOUT_ERR_FORMAT when something else than a file stands there,
 * OCILAYOUT_ERR_INVALID_ARGUMENT when its name is not UTF-8, and with
 * OCILAYOUT_ERR_IO when it cannot be read or changes while it is read. Otherwise as
 * ocilayout_blob_put_fd().
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_file(const struct ocilayout *layout,
                                         const char *path,
                                         const struct ocilayout_blob_options *options,
                                         ocilayout_progress_fn progress,
                                         void *progress_userdata,
                                         struct ocilayout_descriptor **out,
                                         struct ocilayout_error **err);

/**
 * Says the size in bytes of the blob that is stored under digest.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there,
 * OCILAYOUT_ERR_FORMAT when something other than a file stands there.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_size(const struct ocilayout *layout,
                                     const char *digest,
                                     uint64_t *size,
                                     struct ocilayout_error **err);

/**
 * Reads the whole blob that descriptor points at into memory, and checks its
 * size and digest. limit is the most bytes that you are ready to hold.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there,
 * OCILAYOUT_ERR_DIGEST when it is not what the descriptor says,
 * OCILAYOUT_ERR_LIMIT when it is larger than limit, OCILAYOUT_ERR_UNSUPPORTED
 * when its digest is neither sha256 nor sha512.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_read(const struct ocilayout *layout,
                                     const struct ocilayout_descriptor *descriptor,
                                     uint64_t limit,
                                     struct ocilayout_bytes **out,
                                     struct ocilayout_error **err);

/**
 * Takes away the blob that is stored under digest, whatever points at it.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_remove(const struct ocilayout *layout,
                                       const char *digest,
                                       struct ocilayout_error **err);

/**
 * Makes an empty list of sources.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_new(struct ocilayout_sources **out,
                                       struct ocilayout_error **err);

/**
 * Adds what the callback read gives until its end. userdata must live, and options, which
 * may be NULL, is copied.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_add_callback(struct ocilayout_sources *sources,
                                                ocilayout_read_fn read,
                                                void *userdata,
                                                const struct ocilayout_blob_options *options,
                                                struct ocilayout_error **err);

/**
 * Adds what the file descriptor fd gives, as ocilayout_blob_put_fd() reads it. It stays
 * yours, and must stay open until ocilayout_blob_put_all() has returned.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_add_fd(struct ocilayout_sources *sources,
                                          int fd,
                                          const struct ocilayout_blob_options *options,
                                          struct ocilayout_error **err);

/**
 * Adds len bytes at data, which must stay as they are until ocilayout_blob_put_all() has
 * returned.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_add_memory(struct ocilayout_sources *sources,
                                              const void *data,
                                              size_t len,
                                              const struct ocilayout_blob_options *options,
                                              struct ocilayout_error **err);

/**
 * Adds the regular file at path, as ocilayout_blob_put_file() stores it. It is opened by
 * ocilayout_blob_put_all().
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_add_file(struct ocilayout_sources *sources,
                                            const char *path,
                                            const struct ocilayout_blob_options *options,
                                            struct ocilayout_error **err);

/**
 * Adds the directory path, as ocilayout_blob_put_directory() stores it. The options may be
 * NULL, and are copied. It is read by ocilayout_blob_put_all().
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_add_directory(struct ocilayout_sources *sources,
                                                 const char *path,
                                                 const struct ocilayout_directory_options *directory_options,
                                                 const struct ocilayout_blob_options *blob_options,
                                                 struct ocilayout_error **err);

/**
 * Adds the difference of two directories, as ocilayout_blob_put_difference() stores it.
 * Otherwise as ocilayout_sources_add_directory().
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_sources_add_difference(struct ocilayout_sources *sources,
                                                  const char *lower,
                                                  const char *upper,
                                                  const struct ocilayout_directory_options *directory_options,
                                                  const struct ocilayout_blob_options *blob_options,
                                                  struct ocilayout_error **err);

/**
 * Frees the list. NULL is fine. What was added stays yours.
 */
void ocilayout_sources_free(struct ocilayout_sources *sources);

/**
 * Stores all sources, several at once, and says what points at each, in the order in
 * which they were added. The list is used up, also after an error: it can only be freed.
 *
 * concurrency is how many sources are read at once, at most as many as
 * ocilayout_set_threads() allows, or three quarters of that where any is compressed with
 * zstd, which brings threads of its own; 0 is that many. With 1 all callbacks run on the calling
 * thread, one source after another. With more, those of different sources may run on
 * different threads, never two at once for one source, and they must return: no longjmp()
 * or the like leads out of them. progress, which may be NULL, is told on the
 * calling thread in any case.
 *
 * When one source fails the others are given up, and the message of the error says which
 * it was, counted from 0. Blobs that were complete by then stay until they are collected.
 * Fails as the calls that store single sources do.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_all(const struct ocilayout *layout,
                                        struct ocilayout_sources *sources,
                                        size_t concurrency,
                                        ocilayout_progress_fn progress,
                                        void *progress_userdata,
                                        struct ocilayout_descriptors **out,
                                        struct ocilayout_error **err);

/**
 * Makes the default options: everything is told as it stands there, all files but
 * sockets, with their modes, owners, times in whole seconds and extended
 * attributes, holes as zeros. Names of users and groups are never written, since
 * they mean something else on another machine.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_new(struct ocilayout_directory_options **out,
                                                 struct ocilayout_error **err);

/**
 * Says the latest time of modification that is told, in seconds since 1970: later
 * ones become it, so that a tree that was just made is told as it was before.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_set_clamp(struct ocilayout_directory_options *options,
                                                       int64_t seconds,
                                                       struct ocilayout_error **err);

/**
 * As ocilayout_directory_options_set_clamp(), with the time that the environment
 * variable SOURCE_DATE_EPOCH says now. Nothing changes if it is not set. No other
 * thread may change the environment meanwhile.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is no whole number of seconds.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_set_source_date_epoch(struct ocilayout_directory_options *options,
                                                                   struct ocilayout_error **err);

/**
 * Says whose the files are: an OCILAYOUT_OWNERS_ value. What was mapped before is
 * forgotten. Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is another.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_set_owners(struct ocilayout_directory_options *options,
                                                        int32_t owners,
                                                        struct ocilayout_error **err);

/**
 * Maps length users from from on to those from to on, as for a user namespace.
 * Call it for each range. A file whose user or group is in none is then refused:
 * groups have ranges of their own, ocilayout_directory_options_map_groups().
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the range is empty, ends after
 * 4294967295, or has users of an earlier one.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_map_users(struct ocilayout_directory_options *options,
                                                       uint32_t from,
                                                       uint32_t to,
                                                       uint32_t length,
                                                       struct ocilayout_error **err);

/**
 * The same for groups.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_map_groups(struct ocilayout_directory_options *options,
                                                        uint32_t from,
                                                        uint32_t to,
                                                        uint32_t length,
                                                        struct ocilayout_error **err);

/**
 * Leaves out what matches, and a directory with all that is in it.
 *
 * A pattern is matched against the path below the directory, such as usr/lib/x: in
 * it * and ? stop at a slash, ** does not, {a,b} and [a-z] choose, a backslash
 * takes what follows as it is. Of several patterns that match, the last decides, whether
 * it excludes or includes; what none matches is told. What is in a directory that
 * is left out is not looked at, so including it does not bring it back. A
 * difference takes what is left out for absent on both sides.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the pattern is malformed, empty,
 * has more than ten pairs of braces, or begins or ends with a slash.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_exclude(struct ocilayout_directory_options *options,
                                                     const char *pattern,
                                                     struct ocilayout_error **err);

/**
 * Tells what matches although an earlier ocilayout_directory_options_exclude()
 * leaves it out. Otherwise as that.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_include(struct ocilayout_directory_options *options,
                                                     const char *pattern,
                                                     struct ocilayout_error **err);

/**
 * Sets OCILAYOUT_DIRECTORY_ flags; each that is not named keeps its setting.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_directory_options_set_flags(struct ocilayout_directory_options *options,
                                                       uint64_t flags,
                                                       struct ocilayout_error **err);

/**
 * Frees the options. NULL is fine.
 */
void ocilayout_directory_options_free(struct ocilayout_directory_options *options);

/**
 * Stores the directory path as a layer, a tar of all that is in it, and says what
 * points at it. Both options may be NULL for the default ones.
 *
 * Unless blob_options say otherwise the media type is that of a layer, and the
 * diff ID is known. The bytes depend on the tree and the options alone: entries
 * are sorted by the bytes of their paths, in POSIX format (PAX), and tell no more
 * than the options ask for. A process without privileges sees no attributes of the
 * kind trusted. The first entry is the directory itself, so mode and owner of the
 * root of the image are those of path. Symbolic links are not followed but on the
 * way to path; other file systems that are mounted below are told with the rest.
 * Of extended attributes user., trusted., security.capability and access lists are
 * told; labels of security modules belong to the machine. Sockets are left out.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when there is no directory, OCILAYOUT_ERR_IO when
 * something in it cannot be read, OCILAYOUT_ERR_CONFLICT when something changes while it
 * is read, OCILAYOUT_ERR_UNSUPPORTED when a layer cannot tell it: a name that begins with
 * .wh., an owner that is not mapped, an access list with users or groups while owners are
 * changed, an attribute whose name is not UTF-8 or has an equals sign, those of links and
 * devices where /proc is not mounted. Each names the file, and nothing is left of the
 * blob. Otherwise as ocilayout_blob_put_callback(). image-spec, layer.md.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_directory(const struct ocilayout *layout,
                                              const char *path,
                                              const struct ocilayout_directory_options *directory_options,
                                              const struct ocilayout_blob_options *blob_options,
                                              ocilayout_progress_fn progress,
                                              void *progress_userdata,
                                              struct ocilayout_descriptor **out,
                                              struct ocilayout_error **err);

/**
 * Stores as a layer what makes the directory upper of the directory lower, and
 * says what points at it: what was added or changed, in full, and a whiteout for
 * what is gone.
 *
 * What is the same is told by content, not by times. A file is changed as well if
 * its mode, owner, time, attributes or links are others; the directories above a
 * change are always told. Otherwise as ocilayout_blob_put_directory(), for both
 * directories. image-spec, layer.md, Representing Changes.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_put_difference(const struct ocilayout *layout,
                                               const char *lower,
                                               const char *upper,
                                               const struct ocilayout_directory_options *directory_options,
                                               const struct ocilayout_blob_options *blob_options,
                                               ocilayout_progress_fn progress,
                                               void *progress_userdata,
                                               struct ocilayout_descriptor **out,
                                               struct ocilayout_error **err);

/**
 * Begins a blob whose bytes are pushed. options may be NULL for the default
 * ones.
 *
 * Any number of blobs can be written at once, each by its own writer. Fails
 * with OCILAYOUT_ERR_STATE when the layout is open read-only,
 * OCILAYOUT_ERR_IO when the system refuses.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_writer_open(const struct ocilayout *layout,
                                            const struct ocilayout_blob_options *options,
                                            struct ocilayout_blob_writer **out,
                                            struct ocilayout_error **err);

/**
 * Adds len bytes at data to the blob. They are copied.
 *
 * After an error the blob cannot be finished: free the writer and begin anew.
 * Fails with OCILAYOUT_ERR_STATE after that or after
 * ocilayout_blob_writer_finish(), and otherwise as
 * ocilayout_blob_put_memory() does.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_writer_write(struct ocilayout_blob_writer *writer,
                                             const void *data,
                                             size_t len,
                                             struct ocilayout_error **err);

/**
 * Stores the blob and says what points at it. The writer is then finished,
 * also after an error, and can only be freed.
 *
 * Fails as ocilayout_blob_put_callback() does.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_writer_finish(struct ocilayout_blob_writer *writer,
                                              struct ocilayout_descriptor **out,
                                              struct ocilayout_error **err);

/**
 * Frees the writer. If it is unfinished, nothing is left of the blob. NULL is
 * fine.
 */
void ocilayout_blob_writer_free(struct ocilayout_blob_writer *writer);

/**
 * Opens the blob that descriptor points at.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when it is not there,
 * OCILAYOUT_ERR_DIGEST when its size is not that of the descriptor,
 * OCILAYOUT_ERR_UNSUPPORTED when its digest is neither sha256 nor sha512.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_reader_open(const struct ocilayout *layout,
                                            const struct ocilayout_descriptor *descriptor,
                                            struct ocilayout_blob_reader **out,
                                            struct ocilayout_error **err);

/**
 * Reads the next bytes of the blob into buf, which has room for cap bytes, at
 * least 1. *n says how many there were; 0 with OCILAYOUT_OK is the end. What
 * buf holds past them is of no meaning.
 *
 * The content is checked at its end: the call that would say the end fails
 * with OCILAYOUT_ERR_DIGEST instead when it was not that of the descriptor.
 * Only whoever has read to the end has read the right bytes.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_blob_reader_read(struct ocilayout_blob_reader *reader,
                                            void *buf,
                                            size_t cap,
                                            size_t *n,
                                            struct ocilayout_error **err);

/**
 * Closes the reader. NULL is fine.
 */
void ocilayout_blob_reader_free(struct ocilayout_blob_reader *reader);

/**
 * Makes a descriptor of these three properties.
 *
 * media_type is of the form type/subtype (RFC 6838); digest is of the form
 * algorithm:encoded, of any algorithm; size is in bytes, at most 2^63 - 1.
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when one is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_new(const char *media_type,
                                          const char *digest,
                                          uint64_t size,
                                          struct ocilayout_descriptor **out,
                                          struct ocilayout_error **err);

/**
 * Reads a descriptor from len bytes of JSON, which are kept as they stand but
 * for white space around them.
 *
 * Setting a part of a descriptor that has one of its members twice fails with
 * OCILAYOUT_ERR_FORMAT. This fails with OCILAYOUT_ERR_FORMAT when they are not
 * a descriptor.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_from_json(const char *json,
                                                size_t len,
                                                struct ocilayout_descriptor **out,
                                                struct ocilayout_error **err);

/**
 * Checks a reference by the grammar of ocilayout_descriptor_set_reference(),
 * such as before a long call.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_reference_check(const char *reference,
                                           struct ocilayout_error **err);

/**
 * Makes a copy, such as of one in a list, which cannot be changed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_copy(const struct ocilayout_descriptor *descriptor,
                                           struct ocilayout_descriptor **out,
                                           struct ocilayout_error **err);

/**
 * Says what the blob is. Like all texts of a descriptor, it belongs to it
 * until it is changed or freed, has U+FFFD where JSON says NUL, and is NULL
 * for NULL.
 */
const char *ocilayout_descriptor_media_type(const struct ocilayout_descriptor *descriptor);

/**
 * Says the digest of the blob, algorithm:encoded.
 */
const char *ocilayout_descriptor_digest(const struct ocilayout_descriptor *descriptor);

/**
 * Says the size of the blob in bytes. 0 for NULL.
 */
uint64_t ocilayout_descriptor_size(const struct ocilayout_descriptor *descriptor);

/**
 * Says the digest of the layer's uncompressed tar, where it is known because
 * the library stored the layer; else NULL. It is no part of the JSON.
 * image-spec, config.md, "Layer DiffID".
 */
const char *ocilayout_descriptor_diff_id(const struct ocilayout_descriptor *descriptor);

/**
 * Says the reference of the entry: its annotation
 * org.opencontainers.image.ref.name; NULL if it has none.
 */
const char *ocilayout_descriptor_reference(const struct ocilayout_descriptor *descriptor);

/**
 * Says what the image runs on, as os/architecture[/variant][:os.version]; NULL
 * if the descriptor does not tell. Features of the operating system stand in
 * the JSON alone.
 */
const char *ocilayout_descriptor_platform(const struct ocilayout_descriptor *descriptor);

/**
 * Says the type of the artifact; NULL if the descriptor does not tell.
 */
const char *ocilayout_descriptor_artifact_type(const struct ocilayout_descriptor *descriptor);

/**
 * Says the descriptor as JSON.
 */
const char *ocilayout_descriptor_json(const struct ocilayout_descriptor *descriptor);

/**
 * Says the value of an annotation; NULL if there is none of that key.
 */
const char *ocilayout_descriptor_annotation(const struct ocilayout_descriptor *descriptor,
                                            const char *key);

/**
 * Says how many annotations there are. 0 for NULL.
 */
size_t ocilayout_descriptor_annotation_count(const struct ocilayout_descriptor *descriptor);

/**
 * Says the key of the annotation at a position, in the order in which they are
 * written; NULL past the last.
 */
const char *ocilayout_descriptor_annotation_key(const struct ocilayout_descriptor *descriptor,
                                                size_t position);

/**
 * Says the value of the annotation at a position; NULL past the last.
 */
const char *ocilayout_descriptor_annotation_value(const struct ocilayout_descriptor *descriptor,
                                                  size_t position);

/**
 * Says where else the blob can be had from, at a position; NULL past the last.
 */
const char *ocilayout_descriptor_url(const struct ocilayout_descriptor *descriptor,
                                     size_t position);

/**
 * Sets an annotation, or takes it away when value is NULL.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_set_annotation(struct ocilayout_descriptor *descriptor,
                                                     const char *key,
                                                     const char *value,
                                                     struct ocilayout_error **err);

/**
 * Names the entry, by the grammar of the image-spec (annotations.md): letters
 * and digits joined by single . _ : @ + / or by - or --.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it breaks it. A reference
 * outside of the grammar, as other tools write them, can be set as the
 * annotation OCILAYOUT_REF_NAME.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_set_reference(struct ocilayout_descriptor *descriptor,
                                                    const char *reference,
                                                    struct ocilayout_error **err);

/**
 * Says what the image runs on: os/architecture[/variant][:os.version], or the
 * JSON object of the image-spec, which can say features too.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_set_platform(struct ocilayout_descriptor *descriptor,
                                                   const char *platform,
                                                   struct ocilayout_error **err);

/**
 * Says of which type the artifact is, as a media type.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_set_artifact_type(struct ocilayout_descriptor *descriptor,
                                                        const char *artifact_type,
                                                        struct ocilayout_error **err);

/**
 * Adds a place where the blob can be had from: an absolute URI (RFC 3986).
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_descriptor_add_url(struct ocilayout_descriptor *descriptor,
                                              const char *url,
                                              struct ocilayout_error **err);

/**
 * Frees a descriptor. NULL is fine.
 */
void ocilayout_descriptor_free(struct ocilayout_descriptor *descriptor);

/**
 * Says how many descriptors are in the list. 0 for NULL.
 */
size_t ocilayout_descriptors_count(const struct ocilayout_descriptors *list);

/**
 * Says the descriptor at a position; NULL past the last. It belongs to the
 * list: do not free it, and copy it to change it.
 */
const struct ocilayout_descriptor *ocilayout_descriptors_at(const struct ocilayout_descriptors *list,
                                                            size_t position);

/**
 * Frees a list with its descriptors. NULL is fine.
 */
void ocilayout_descriptors_free(struct ocilayout_descriptors *list);

/**
 * Means the entries of this reference (org.opencontainers.image.ref.name). Any
 * text is accepted, as readers do.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_reference(const char *reference,
                                           struct ocilayout_match **out,
                                           struct ocilayout_error **err);

/**
 * Means the entries whose annotation key has this value.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_annotation(const char *key,
                                            const char *value,
                                            struct ocilayout_match **out,
                                            struct ocilayout_error **err);

/**
 * Means the entries whose platform is one of count platforms, in every part:
 * variant, os.version and os.features count, whatever the order of the last.
 *
 * A platform is os/architecture[/variant][:os.version] or the JSON object of
 * the image-spec. Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when one is
 * malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_platforms(const char *const *platforms,
                                           size_t count,
                                           struct ocilayout_match **out,
                                           struct ocilayout_error **err);

/**
 * Means the entries whose media type is one of count media types.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_media_types(const char *const *media_types,
                                             size_t count,
                                             struct ocilayout_match **out,
                                             struct ocilayout_error **err);

/**
 * Means the entries whose digest is one of count digests.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_digests(const char *const *digests,
                                         size_t count,
                                         struct ocilayout_match **out,
                                         struct ocilayout_error **err);

/**
 * Means what all of count matchers mean; every entry if there are none. The
 * matchers stay yours. Combinations nest at most 100 levels deep; beyond that
 * this fails with OCILAYOUT_ERR_INVALID_ARGUMENT.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_all_of(struct ocilayout_match *const *matchers,
                                        size_t count,
                                        struct ocilayout_match **out,
                                        struct ocilayout_error **err);

/**
 * Means what at least one of count matchers means; no entry if there are none.
 * The matchers stay yours.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_any_of(struct ocilayout_match *const *matchers,
                                        size_t count,
                                        struct ocilayout_match **out,
                                        struct ocilayout_error **err);

/**
 * Means what matcher does not mean. The matcher stays yours.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_not(const struct ocilayout_match *matcher,
                                     struct ocilayout_match **out,
                                     struct ocilayout_error **err);

/**
 * Says by *matches whether the matcher means this descriptor.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_match_test(const struct ocilayout_match *matcher,
                                      const struct ocilayout_descriptor *descriptor,
                                      bool *matches,
                                      struct ocilayout_error **err);

/**
 * Frees the matcher. NULL is fine.
 */
void ocilayout_match_free(struct ocilayout_match *matcher);

/**
 * Adds an entry to the end of index.json: a copy of descriptor, named by
 * reference (see ocilayout_descriptor_set_reference()), or as it is when
 * reference is NULL. flags are OCILAYOUT_APPEND_ values or 0.
 *
 * The edit is one step, done while no other writer does one; it may wait for
 * that. If an entry that says the same is there, none is added, unless
 * OCILAYOUT_APPEND_DUPLICATE asks for it. Entries that are not touched keep
 * their exact bytes.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when the blob is not there with the size
 * of the descriptor, unless OCILAYOUT_APPEND_MISSING_ALLOWED;
 * OCILAYOUT_ERR_DIGEST when content that the descriptor embeds is not that of
 * the blob; OCILAYOUT_ERR_FORMAT when index.json is not an image index.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_append(const struct ocilayout *layout,
                                  const struct ocilayout_descriptor *descriptor,
                                  const char *reference,
                                  uint64_t flags,
                                  struct ocilayout_error **err);

/**
 * Puts one entry in the place of all that are meant: where the first of them
 * stood, or at the end if there was none. *replaced, if replaced is not NULL,
 * says how many there were. If an entry that is not meant says the same, that
 * is the one, unless OCILAYOUT_APPEND_DUPLICATE.
 *
 * An entry is meant if match and filter both mean it; one of the two may be
 * NULL. filter, which gets userdata, is asked about what match means, and can
 * ask ocilayout_match_test() to combine in other ways. descriptor, reference
 * and flags are as for ocilayout_append(), and so is what fails;
 * OCILAYOUT_ERR_CALLBACK is added when filter stops the call.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_replace(const struct ocilayout *layout,
                                   const struct ocilayout_match *match,
                                   ocilayout_match_fn filter,
                                   void *userdata,
                                   const struct ocilayout_descriptor *descriptor,
                                   const char *reference,
                                   uint64_t flags,
                                   size_t *replaced,
                                   struct ocilayout_error **err);

/**
 * Takes all entries away that are meant, and no blob. *removed, if removed is
 * not NULL, says how many.
 *
 * match, filter and userdata are as for ocilayout_replace(): that all entries
 * are meant has to be said, by ocilayout_match_all_of() of no matchers. Fails
 * with OCILAYOUT_ERR_CALLBACK when filter stops it.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_remove(const struct ocilayout *layout,
                                  const struct ocilayout_match *match,
                                  ocilayout_match_fn filter,
                                  void *userdata,
                                  size_t *removed,
                                  struct ocilayout_error **err);

/**
 * Begins a transaction on index.json as it is now: a layout whose edits nobody
 * else sees until ocilayout_commit() makes them visible, all at once.
 *
 * Use it as you use the layout that it was begun on: what lists or resolves
 * sees what the transaction has edited so far. Blobs that are put through it
 * wait for the commit, which brings all of them to the disk at once. Free it by
 * ocilayout_free(), also after the commit; if it was not committed, its edits
 * are gone, and so are the blobs that wait.
 *
 * Small blobs, of up to 16 KiB, wait in memory, in all about 2 MiB or 2048 of them at
 * most; once they are many, threads of the library make their files while you put
 * more (see ocilayout_set_threads()). If that fails, a later put says so and puts
 * nothing, or the commit; what could not be stored is not lost, and the commit tries
 * again. With OCILAYOUT_OPEN_DURABILITY_NONE other blobs are stored at once, and small
 * ones when they are many.
 *
 * Fails with OCILAYOUT_ERR_STATE when the layout is a transaction itself,
 * OCILAYOUT_ERR_FORMAT when index.json is not an image index.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_begin(const struct ocilayout *layout,
                                 struct ocilayout **out,
                                 struct ocilayout_error **err);

/**
 * Makes the edits of a transaction visible, all at once, and ends it; it can
 * then only be freed.
 *
 * The edits are made again on index.json as it is now, while no other writer
 * edits it, so that nobody's edit is lost: what others have added stays, and
 * what matches by now is what is meant. Entries that a filter was not asked
 * about are not meant.
 *
 * After an error index.json is what it was, and the commit can be tried again;
 * unless it is OCILAYOUT_ERR_NOT_DURABLE, which comes after the change. If the
 * system could not bring a blob to the disk, what is there of it is not known:
 * a further try fails with OCILAYOUT_ERR_STATE; make the transaction anew.
 *
 * Fails with OCILAYOUT_ERR_STATE when the layout is no transaction or was
 * committed before, OCILAYOUT_ERR_NOT_FOUND when a blob that it names has
 * gone, OCILAYOUT_ERR_IO when the system refuses.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_commit(const struct ocilayout *transaction,
                                  struct ocilayout_error **err);

/**
 * As ocilayout_commit(), but only if index.json still has this digest, as
 * ocilayout_describe_index() has told it.
 *
 * Fails with OCILAYOUT_ERR_CONFLICT when it has another.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_commit_if(const struct ocilayout *transaction,
                                     const char *digest,
                                     struct ocilayout_error **err);

/**
 * Says what index.json is, as it is stored now: its digest changes with every
 * change of it. Edits of a transaction are not in it.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_describe_index(const struct ocilayout *layout,
                                          struct ocilayout_descriptor **out,
                                          struct ocilayout_error **err);

/**
 * Lists the entries of index.json that are meant, in order: those that match
 * and filter both mean. Either may be NULL, and both for all entries. filter,
 * which gets userdata, is asked about what match means.
 *
 * It waits for no writer and sees each edit whole. Fails with
 * OCILAYOUT_ERR_FORMAT when index.json is not an image index,
 * OCILAYOUT_ERR_CALLBACK when filter stops it.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_list(const struct ocilayout *layout,
                                const struct ocilayout_match *match,
                                ocilayout_match_fn filter,
                                void *userdata,
                                struct ocilayout_descriptors **out,
                                struct ocilayout_error **err);

/**
 * Lists what the document that descriptor points at points at itself, in
 * order: the manifests of an image index, the config and then the layers of an
 * image manifest. The list is empty for any other blob.
 *
 * Fails as ocilayout_blob_read() does, and with OCILAYOUT_ERR_FORMAT when the
 * document is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_children(const struct ocilayout *layout,
                                    const struct ocilayout_descriptor *descriptor,
                                    struct ocilayout_descriptors **out,
                                    struct ocilayout_error **err);

/**
 * Finds the entry of this reference. If platform is not NULL, finds the first
 * image for it among the entries of this reference and, through nested
 * indexes, their children; image-index.md has clients take the first that
 * matches.
 *
 * platform is os/architecture[/variant][:os.version] or the JSON object of the
 * image-spec; parts that it does not give are not asked for. An image whose
 * descriptor tells no platform is asked for its config.
 *
 * Without a platform it is the first entry of this reference, whatever it
 * points at. Documents that are not there, or whose digest is neither sha256
 * nor sha512, are passed over. Fails with OCILAYOUT_ERR_NOT_FOUND when there
 * is none, OCILAYOUT_ERR_DIGEST when a document on the way is not what its
 * descriptor says, OCILAYOUT_ERR_FORMAT when indexes nest more than 32 deep.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_resolve(const struct ocilayout *layout,
                                   const char *reference,
                                   const char *platform,
                                   struct ocilayout_descriptor **out,
                                   struct ocilayout_error **err);

/**
 * Stores an image manifest or an image index, len bytes of JSON, byte for
 * byte, and says what points at it. index.json is not touched.
 *
 * media_type says what it is; NULL takes what the document says of itself.
 * flags are OCILAYOUT_MANIFEST_ values or 0.
 *
 * Fails with OCILAYOUT_ERR_FORMAT when the document is malformed, could be
 * taken for one of the other kind, or contradicts media_type;
 * OCILAYOUT_ERR_NOT_FOUND when it points at what is not there, unless
 * OCILAYOUT_MANIFEST_MISSING_ALLOWED. image-spec, manifest.md and
 * image-index.md.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_manifest_put(const struct ocilayout *layout,
                                        const char *json,
                                        size_t len,
                                        const char *media_type,
                                        uint64_t flags,
                                        struct ocilayout_descriptor **out,
                                        struct ocilayout_error **err);

/**
 * Stores what descriptor points at, down the whole tree, each blob before what
 * points at it: the config and the layers of an image, the children of an
 * index. Children that are neither image nor index are stored as blobs.
 * index.json is not touched: see ocilayout_append().
 *
 * Each blob is read by read_blob, which gets userdata, and is checked; one
 * that is there already is not read.
 *
 * progress, which gets progress_userdata, may be NULL. It is told of the bytes that
 * were read from the source, and of the blobs that are here; how many there are is
 * known at the end. If it stops the call, blobs that were complete by then stay until
 * they are collected.
 *
 * Fails with OCILAYOUT_ERR_CALLBACK when read_blob stops it,
 * OCILAYOUT_ERR_CANCELLED when progress does, OCILAYOUT_ERR_DIGEST when it gives
 * something else, OCILAYOUT_ERR_FORMAT when a document is malformed or indexes
 * nest more than 32 deep.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_write(const struct ocilayout *layout,
                                 const struct ocilayout_descriptor *descriptor,
                                 ocilayout_read_blob_fn read_blob,
                                 void *userdata,
                                 ocilayout_progress_fn progress,
                                 void *progress_userdata,
                                 struct ocilayout_error **err);

/**
 * As ocilayout_write(), with the blobs of another layout, source.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when one is not there.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_write_from(const struct ocilayout *layout,
                                      const struct ocilayout_descriptor *descriptor,
                                      const struct ocilayout *source,
                                      ocilayout_progress_fn progress,
                                      void *progress_userdata,
                                      struct ocilayout_error **err);

/**
 * Lists the blobs that nothing points at from index.json on, sorted by digest,
 * as descriptors of application/octet-stream. Nothing is removed: see
 * ocilayout_blob_remove().
 *
 * Subjects count as pointed at. Blobs that are missing, and files under blobs
 * that are none, are passed over. A blob that another writer has put and not
 * yet named is in the list.
 *
 * progress, which gets progress_userdata, may be NULL. It is told how many bytes of
 * documents were read; how many blobs there are is known at the end.
 *
 * Fails with OCILAYOUT_ERR_CANCELLED when progress stops it, with
 * OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_DIGEST when a document on
 * the way cannot be trusted: what it points at is then not known.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_unreferenced(const struct ocilayout *layout,
                                        ocilayout_progress_fn progress,
                                        void *progress_userdata,
                                        struct ocilayout_descriptors **out,
                                        struct ocilayout_error **err);

/**
 * Collects garbage: removes the blobs that nothing points at, and tells of every
 * blob what became of it. flags are OCILAYOUT_COLLECT_ values or 0.
 *
 * Others may write meanwhile. What a writer has put through a layout or a
 * transaction of this library stays until he frees that, named or not. Other
 * tools have no such lease: what they have put stays for grace_seconds from
 * then, whether it is named or not. A day, 86400, is a good choice; 0 is for
 * when none of them is about.
 *
 * What is pointed at from index.json stays, with its subjects, and with the
 * documents whose subject it is. Blobs that are missing are passed over, content
 * of unknown media types points at nothing, and files that are no blobs are left
 * alone. Writers wait for parts of the work only, each of at most 256 blobs.
 *
 * progress, which gets progress_userdata, may be NULL. It is told of the bytes of
 * the documents that were read to find out what is garbage, and of the blobs that are
 * sure to stay or were removed. It is called while nobody waits: until the first blob
 * is removed, and then between the parts. If it stops the call, that fails with
 * OCILAYOUT_ERR_CANCELLED.
 *
 * Fails with OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_DIGEST when a document on
 * the way cannot be trusted: what it points at is then not known, and nothing
 * is removed. Fails with OCILAYOUT_ERR_STATE on a transaction, and with
 * OCILAYOUT_ERR_BUSY as ocilayout_set_lock_timeout() says. A call that failed
 * or was stopped half-way has removed garbage only, and can be made again.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_collect(const struct ocilayout *layout,
                                   uint64_t flags,
                                   uint64_t grace_seconds,
                                   ocilayout_progress_fn progress,
                                   void *progress_userdata,
                                   struct ocilayout_collection **out,
                                   struct ocilayout_error **err);

/**
 * Says how many blobs there were. 0 for NULL.
 */
size_t ocilayout_collection_count(const struct ocilayout_collection *collection);

/**
 * Says the blob at a position; NULL past the last. It belongs to the collection.
 */
const struct ocilayout_collected *ocilayout_collection_at(const struct ocilayout_collection *collection,
                                                          size_t position);

/**
 * Says the digest of the blob; NULL for NULL.
 */
const char *ocilayout_collected_digest(const struct ocilayout_collected *collected);

/**
 * Says the size of the blob in bytes; 0 for NULL.
 */
uint64_t ocilayout_collected_size(const struct ocilayout_collected *collected);

/**
 * Says what became of the blob: an OCILAYOUT_FATE_ value, or one that is added
 * later; 0 for NULL.
 */
int32_t ocilayout_collected_fate(const struct ocilayout_collected *collected);

/**
 * Frees a collection with its blobs. NULL is fine.
 */
void ocilayout_collection_free(struct ocilayout_collection *collection);

/**
 * Verifies all that is in a layout: oci-layout and index.json, each document
 * from there on through nested indexes, and each blob, whether anything points
 * at it or not. What is wrong with the layout is no error but a finding; a
 * sound layout has none. flags are OCILAYOUT_VERIFY_ values or 0.
 *
 * Every blob is hashed once, on all cores or as ocilayout_set_threads() says; the
 * threads that do so end with the call, and with 1 there are none. Blobs whose
 * digest is neither sha256 nor sha512 must only be there and of the right size. A
 * subject may be absent, and what an unknown media type stands for is not looked
 * into. Other files beside blobs are left alone.
 *
 * It writes nothing and waits for nobody, and others may edit the layout
 * meanwhile: what they replace or remove is not found missing. Only a tool that
 * writes files in place can be caught half-way. Of a transaction, the entries
 * that it sees are verified.
 *
 * progress, which gets progress_userdata, may be NULL. It is told of the blobs that
 * were looked at, and of the bytes of them that were hashed; how many there are is
 * known when all documents have been read. What is looked at again, since others edit
 * the layout, counts again. If it leaves by longjmp() or the like, the threads of the
 * call end when all is verified.
 *
 * Fails with OCILAYOUT_ERR_CANCELLED when progress stops it, with
 * OCILAYOUT_ERR_IO when the system does not let it look at the directories, never
 * with OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_LIMIT.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_verify(const struct ocilayout *layout,
                                  uint64_t flags,
                                  ocilayout_progress_fn progress,
                                  void *progress_userdata,
                                  struct ocilayout_findings **out,
                                  struct ocilayout_error **err);

/**
 * Says how many findings there are; none is a sound layout. 0 for NULL.
 */
size_t ocilayout_findings_count(const struct ocilayout_findings *findings);

/**
 * Says the finding at a position; NULL past the last. It belongs to the list: do
 * not free it.
 */
const struct ocilayout_finding *ocilayout_findings_at(const struct ocilayout_findings *findings,
                                                      size_t position);

/**
 * Frees a list with its findings. NULL is fine.
 */
void ocilayout_findings_free(struct ocilayout_findings *findings);

/**
 * Says of which kind a finding is: an OCILAYOUT_FINDING_ value. Kinds are only
 * ever added. 0 for NULL.
 */
int32_t ocilayout_finding_kind(const struct ocilayout_finding *finding);

/**
 * Says what it was found on: a path from the root of the layout on, such as
 * index.json or blobs/sha256/ and 64 digits. NULL for NULL.
 */
const char *ocilayout_finding_path(const struct ocilayout_finding *finding);

/**
 * Says the digest by which the blob is named, if it was found on a blob; else
 * NULL.
 */
const char *ocilayout_finding_digest(const struct ocilayout_finding *finding);

/**
 * Says what was expected and what was found, in one line in UTF-8 for a person,
 * with the whole path. NULL for NULL.
 */
const char *ocilayout_finding_message(const struct ocilayout_finding *finding);

/**
 * Says how many places point at the blob; 0 if none does, as for a file that is
 * no blob.
 */
size_t ocilayout_finding_referenced_count(const struct ocilayout_finding *finding);

/**
 * Says the place at a position, of those that point at the blob: the digest of a
 * document, or "index.json". They are sorted. NULL past the last.
 */
const char *ocilayout_finding_referenced_at(const struct ocilayout_finding *finding,
                                            size_t position);

/**
 * Begins an image without layers.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_new(const struct ocilayout *layout,
                                     struct ocilayout_image **out,
                                     struct ocilayout_error **err);

/**
 * Begins with the config, the layers and the annotations of an image that is
 * there, to make another one of it. Members of its documents that the library
 * does not know are kept, and so are its artifact type and its subject.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when manifest points at something
 * else (see ocilayout_resolve()), OCILAYOUT_ERR_FORMAT when a document is
 * malformed or its diff IDs or its history do not fit its layers, and as
 * ocilayout_blob_read() does.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_load(const struct ocilayout *layout,
                                      const struct ocilayout_descriptor *manifest,
                                      struct ocilayout_image **out,
                                      struct ocilayout_error **err);

/**
 * Takes a whole config, len bytes of JSON, in the place of all that was set
 * before. Its rootfs and its history are not taken: those are of the layers.
 *
 * Fails with OCILAYOUT_ERR_FORMAT when it is not an image config.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_config_json(struct ocilayout_image *image,
                                                 const char *json,
                                                 size_t len,
                                                 struct ocilayout_error **err);

/**
 * Says what the image runs on: os/architecture[/variant][:os.version], or the
 * JSON object of the image-spec. Every image needs a platform.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_platform(struct ocilayout_image *image,
                                              const char *platform,
                                              struct ocilayout_error **err);

/**
 * Says when the image was made, by RFC 3339, such as 2026-01-31T12:00:00Z. It
 * is written into the history of what is added from now on. Without it the
 * image tells no time.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_created(struct ocilayout_image *image,
                                             const char *created,
                                             struct ocilayout_error **err);

/**
 * Says which program a container runs, with its first arguments: count texts.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_entrypoint(struct ocilayout_image *image,
                                                const char *const *arguments,
                                                size_t count,
                                                struct ocilayout_error **err);

/**
 * Says which arguments follow the entrypoint if the user gives none: count
 * texts.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_command(struct ocilayout_image *image,
                                             const char *const *arguments,
                                             size_t count,
                                             struct ocilayout_error **err);

/**
 * Sets a variable of the environment, in the place of one of that name.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the name is empty or has an
 * equals sign in it.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_env(struct ocilayout_image *image,
                                         const char *name,
                                         const char *value,
                                         struct ocilayout_error **err);

/**
 * Says in which directory the entrypoint starts.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_working_dir(struct ocilayout_image *image,
                                                 const char *path,
                                                 struct ocilayout_error **err);

/**
 * Says who the entrypoint runs as: user, uid, user:group or uid:gid.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_user(struct ocilayout_image *image,
                                          const char *user,
                                          struct ocilayout_error **err);

/**
 * Sets a label, in the place of one of that key.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_label(struct ocilayout_image *image,
                                           const char *key,
                                           const char *value,
                                           struct ocilayout_error **err);

/**
 * Says that a container listens on a port: port, port/tcp or port/udp.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is of another form.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_add_exposed_port(struct ocilayout_image *image,
                                                  const char *port,
                                                  struct ocilayout_error **err);

/**
 * Sets an annotation of the manifest, or takes it away when value is NULL.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_set_annotation(struct ocilayout_image *image,
                                                const char *key,
                                                const char *value,
                                                struct ocilayout_error **err);

/**
 * Adds a layer on top, and its entry of the history. created_by says how it
 * was made, and may be NULL.
 *
 * diff_id is the digest of the layer's uncompressed tar. NULL takes what the
 * descriptor knows, which it does if the layer was compressed here, or put
 * with the media type of a plain tar. Fails with OCILAYOUT_ERR_STATE when it
 * is neither given nor known, OCILAYOUT_ERR_NOT_FOUND when the layer is not
 * there.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_add_layer(struct ocilayout_image *image,
                                           const struct ocilayout_descriptor *layer,
                                           const char *diff_id,
                                           const char *created_by,
                                           struct ocilayout_error **err);

/**
 * Adds an entry of the history for a step that made no layer. comment may be
 * NULL.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_add_history(struct ocilayout_image *image,
                                             const char *created_by,
                                             const char *comment,
                                             struct ocilayout_error **err);

/**
 * Stores the config and the manifest, and says what points at the image, with
 * its platform. index.json is not touched: see ocilayout_append() and
 * ocilayout_replace(). The image can be changed again, to make another one.
 *
 * Fails with OCILAYOUT_ERR_STATE when the image has no platform,
 * OCILAYOUT_ERR_NOT_FOUND when a layer is not there, OCILAYOUT_ERR_IO when it
 * could not be written.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_image_finish(const struct ocilayout_image *image,
                                        struct ocilayout_descriptor **out,
                                        struct ocilayout_error **err);

/**
 * Frees the image. What it stored stays. NULL is fine.
 */
void ocilayout_image_free(struct ocilayout_image *image);

/**
 * Begins an index without entries.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_index_new(const struct ocilayout *layout,
                                     struct ocilayout_index **out,
                                     struct ocilayout_error **err);

/**
 * Adds an entry at the end: an image, another index, or a blob of any media
 * type. An image whose descriptor tells no platform gets that of its config. A
 * reference is left out: it has a meaning in index.json alone.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when the blob is not there, and as
 * ocilayout_children() does when an image has to be asked.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_index_add_manifest(struct ocilayout_index *index,
                                              const struct ocilayout_descriptor *manifest,
                                              struct ocilayout_error **err);

/**
 * Sets an annotation of the index, or takes it away when value is NULL.
 *
 * Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_index_set_annotation(struct ocilayout_index *index,
                                                const char *key,
                                                const char *value,
                                                struct ocilayout_error **err);

/**
 * Stores the index and says what points at it. index.json is not touched: see
 * ocilayout_append() and ocilayout_replace(). The index can be changed again,
 * to make another one.
 *
 * Fails with OCILAYOUT_ERR_NOT_FOUND when an entry has gone,
 * OCILAYOUT_ERR_IO when it could not be written.
 */
OCILAYOUT_MUST_USE
ocilayout_status ocilayout_index_finish(const struct ocilayout_index *index,
                                        struct ocilayout_descriptor **out,
                                        struct ocilayout_error **err);

/**
 * Frees the index. What it stored stays. NULL is fine.
 */
void ocilayout_index_free(struct ocilayout_index *index);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OCILAYOUT_H */
