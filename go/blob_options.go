package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

// Compression is how a blob is compressed: on its way into the store, or at its source.
type Compression int32

const (
	// Uncompressed: stored as it is given; of a source, not looked into.
	Uncompressed Compression = C.OCILAYOUT_COMPRESSION_NONE
	// Gzip has levels 1 to 9, and 1 is the usual one.
	Gzip Compression = C.OCILAYOUT_COMPRESSION_GZIP
	// Zstd has levels 1 to 19, and 3 is the usual one.
	Zstd Compression = C.OCILAYOUT_COMPRESSION_ZSTD
	// Detect is for a source alone: gzip or zstd as its first bytes tell, or neither.
	Detect Compression = C.OCILAYOUT_COMPRESSION_DETECT
	// Plain is for what is stored alone: no compression, and a source that is
	// compressed is decoded.
	Plain Compression = C.OCILAYOUT_COMPRESSION_PLAIN
)

// LevelNone is the level 0 of gzip, which wraps and does not compress.
const LevelNone = -1

// BlobOptions say how a blob is to be stored, and what is promised of it; nil is the
// same as none: as it is given, named by SHA-256.
type BlobOptions struct {
	// MediaType says what the blob is. Without it, it is the layer type of the
	// compression, and application/octet-stream without one.
	MediaType string
	// Compression compresses the blob on its way into the store. What is given is then
	// its uncompressed content, whose digest becomes the diff ID.
	Compression Compression
	// Level is that of the compression; 0 is the usual one.
	Level int
	// Source says that the source is compressed. What is stored as it is given is then
	// decoded on the way to find its diff ID; what is to be stored in another
	// compression, or plain, is decoded before that.
	Source Compression
	// Algorithm by which to name the blob, if no digest is expected: sha256, the
	// default, or sha512.
	Algorithm string
	// Expected says what the stored bytes must be. What is not is refused with
	// ErrDigest. If both digest and size are given, such a blob is there already, and
	// it is not to be compressed here, the source is not read at all.
	Expected *Expected
	// Limit is how many bytes may be stored at most, if it is over 0; more are refused
	// with ErrLimit.
	Limit int64
	// Rehash has a blob that is there already be hashed before it is trusted, and
	// mended.
	Rehash bool
	// Trusted takes what is expected, digest and size, for that of what is stored:
	// only the size is checked. Not with a compression.
	Trusted bool
	// Progress is told how far the call has come. What stops a call is its context.
	Progress func(Progress)
}

// Expected is what is promised of a blob.
type Expected struct {
	// Digest of the stored bytes; empty if it is not known.
	Digest Digest
	// Size in bytes; negative if it is not known.
	Size int64
}

func (o *BlobOptions) progress() func(Progress) {
	if o == nil {
		return nil
	}
	return o.Progress
}

// blobOptions are options of the library's, NULL for nil.
func (c *call) blobOptions(o *BlobOptions) (made *C.ocilayout_blob_options) {
	if o == nil {
		return nil
	}
	set := func(function func() C.ocilayout_status) {
		if err := c.do(function); err != nil {
			c.refuse(err)
		}
	}
	set(func() C.ocilayout_status { return C.ocilayout_blob_options_new(&made, &c.failure) })
	c.later(func() { C.ocilayout_blob_options_free(made) })
	if o.MediaType != "" {
		text := c.text("media_type", o.MediaType)
		set(func() C.ocilayout_status {
			return C.ocilayout_blob_options_set_media_type(made, text, &c.failure)
		})
	}
	if o.Compression != Uncompressed {
		level := C.int32_t(o.Level)
		switch o.Level {
		case 0:
			level = C.OCILAYOUT_LEVEL_DEFAULT
		case LevelNone:
			level = 0
		}
		set(func() C.ocilayout_status {
			return C.ocilayout_blob_options_set_compression(made, C.ocilayout_compression(o.Compression), level, &c.failure)
		})
	}
	if o.Source != Uncompressed {
		set(func() C.ocilayout_status {
			return C.ocilayout_blob_options_set_source_compression(made, C.ocilayout_compression(o.Source), &c.failure)
		})
	}
	if o.Algorithm != "" {
		text := c.text("algorithm", o.Algorithm)
		set(func() C.ocilayout_status {
			return C.ocilayout_blob_options_set_algorithm(made, text, &c.failure)
		})
	}
	if expected := o.Expected; expected != nil {
		if expected.Digest != "" {
			text := c.text("digest", string(expected.Digest))
			set(func() C.ocilayout_status {
				return C.ocilayout_blob_options_set_expected_digest(made, text, &c.failure)
			})
		}
		if expected.Size >= 0 {
			set(func() C.ocilayout_status {
				return C.ocilayout_blob_options_set_expected_size(made, C.uint64_t(expected.Size), &c.failure)
			})
		}
	}
	if o.Limit > 0 {
		set(func() C.ocilayout_status {
			return C.ocilayout_blob_options_set_limit(made, C.uint64_t(o.Limit), &c.failure)
		})
	}
	var flags C.uint64_t
	if o.Rehash {
		flags |= C.OCILAYOUT_BLOB_REHASH
	}
	if o.Trusted {
		flags |= C.OCILAYOUT_BLOB_TRUSTED
	}
	if flags != 0 {
		set(func() C.ocilayout_status {
			return C.ocilayout_blob_options_set_flags(made, flags, &c.failure)
		})
	}
	return made
}
