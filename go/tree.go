package ocilayout

/*
#include <ocilayout.h>

int64_t ocilayoutGoReadBlob(void *userdata, ocilayout_descriptor *descriptor, uint64_t offset,
                            void *buf, size_t cap);
*/
import "C"

import (
	"context"
	"io"
	"unsafe"
)

// Blobs opens the blob that a descriptor points at, wherever that is. What it gives is
// closed by who asked for it; when the context is done, also while it is being read.
type Blobs func(context.Context, Descriptor) (io.ReadCloser, error)

// WriteOptions say how a tree is written; nil is the same as none.
type WriteOptions struct {
	// Progress is told how far the call has come.
	Progress func(Progress)
}

func (o *WriteOptions) progress() func(Progress) {
	if o == nil {
		return nil
	}
	return o.Progress
}

// Write stores what descriptor points at, down the whole tree, each blob before what
// points at it: the config and the layers of an image, the children of an index.
// Children that are neither image nor index are stored as blobs. index.json is not
// touched: see Append.
//
// Each blob is read from blobs, and is checked; one that is there already is not read.
// When ctx is done, blobs that were complete by then stay until they are collected.
//
// It fails with what blobs or a reader of it fails with, ErrDigest when that gives
// something else, ErrFormat when a document is malformed.
func (l *Layout) Write(ctx context.Context, descriptor Descriptor, blobs Blobs, options *WriteOptions) error {
	if blobs == nil {
		return invalid("blobs", "expected a function, found nil")
	}
	return l.call(ctx, func(c *call) error {
		root := c.descriptor(descriptor)
		read, userdata := c.readBlobs(blobs)
		tell, telling := c.progress(options.progress())
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_write(c.layout, root, read, userdata, tell, telling, &c.failure)
		})
	})
}

// WriteFrom is Write, with the blobs of another layout. It fails with ErrNotFound when
// one is not there.
func (l *Layout) WriteFrom(ctx context.Context, descriptor Descriptor, source *Layout, options *WriteOptions) error {
	return l.call(ctx, func(c *call) error {
		return source.look(func(from *call) error {
			root := c.descriptor(descriptor)
			tell, telling := c.progress(options.progress())
			return c.do(func() C.ocilayout_status {
				return C.ocilayout_write_from(c.layout, root, from.layout, tell, telling, &c.failure)
			})
		})
	})
}

// readBlobs is the function that the library reads blobs by, NULL for nil.
func (c *call) readBlobs(blobs Blobs) (C.ocilayout_read_blob_fn, unsafe.Pointer) {
	if blobs == nil {
		return nil, nil
	}
	reading := &readingBlobs{call: c, blobs: blobs}
	c.later(reading.close)
	return C.ocilayout_read_blob_fn(C.ocilayoutGoReadBlob), c.userdata(reading)
}

// ManifestOptions say how a document is stored; nil is the same as none.
type ManifestOptions struct {
	// MediaType says what it is; without it, what the document says of itself.
	MediaType string
	// MissingAllowed: what it points at may be missing, as in a sparse layout.
	MissingAllowed bool
}

// PutManifest stores an image manifest or an image index, a JSON document, byte for
// byte, and says what points at it. index.json is not touched.
//
// It fails with ErrFormat when the document is malformed, could be taken for one of the
// other kind, or contradicts the media type; ErrNotFound when it points at what is not
// there.
func (l *Layout) PutManifest(ctx context.Context, document []byte, options *ManifestOptions) (descriptor Descriptor, err error) {
	if options == nil {
		options = new(ManifestOptions)
	}
	err = l.call(ctx, func(c *call) error {
		data, size := addressable(document)
		mediaType := c.optional("media_type", options.MediaType)
		var flags C.uint64_t
		if options.MissingAllowed {
			flags |= C.OCILAYOUT_MANIFEST_MISSING_ALLOWED
		}
		descriptor, err = c.descriptorOf(func(out **C.ocilayout_descriptor) C.ocilayout_status {
			return C.ocilayout_manifest_put(c.layout, (*C.char)(unsafe.Pointer(&data[0])), size, mediaType, flags, out, &c.failure)
		})
		return err
	})
	return descriptor, err
}
