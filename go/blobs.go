package ocilayout

/*
#include <ocilayout.h>

int64_t ocilayoutGoRead(void *userdata, void *buf, size_t cap);
*/
import "C"

import (
	"context"
	"io"
	"os"
	"unsafe"
)

// Put stores what reader gives until its end, and says what points at it.
//
// A blob is hashed while it is written, and appears whole or not at all. For a layer,
// say in the options how to compress it, or which media type it has: only then is its
// diff ID known. The reader is not read if the blob is there already, as what is
// expected of it tells. A regular *os.File is read by the library itself, from where it
// stands, and shares its blocks with the blob where the file system can do that.
//
// It fails with what the reader fails with, ErrDigest when the blob is not what is
// expected, ErrLimit when it is larger than allowed, ErrIO when it could not be
// written. When ctx is done it returns at once, even if the reader blocks: a Read that
// is under way is left behind, so leave the reader alone until that has returned.
func (l *Layout) Put(ctx context.Context, reader io.Reader, options *BlobOptions) (Descriptor, error) {
	if file, ok := reader.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return l.putOpenFile(ctx, file, options)
		}
	}
	return l.put(ctx, options, func(p *put) func() C.ocilayout_status {
		reading := p.reading(reader)
		p.later(reading.stop)
		read, userdata := C.ocilayout_read_fn(C.ocilayoutGoRead), p.userdata(reading)
		return func() C.ocilayout_status {
			return C.ocilayout_blob_put_callback(p.layout, read, userdata, p.options, p.tell, p.telling, &p.out, &p.failure)
		}
	})
}

// putOpenFile stores a regular file, which is not closed meanwhile even if someone
// tries to.
func (l *Layout) putOpenFile(ctx context.Context, file *os.File, options *BlobOptions) (descriptor Descriptor, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return Descriptor{}, err
	}
	refused := raw.Control(func(fd uintptr) {
		descriptor, err = l.put(ctx, options, func(p *put) func() C.ocilayout_status {
			return func() C.ocilayout_status {
				return C.ocilayout_blob_put_fd(p.layout, C.int(fd), p.options, p.tell, p.telling, &p.out, &p.failure)
			}
		})
	})
	if refused != nil {
		return Descriptor{}, refused
	}
	return descriptor, err
}

// PutBytes stores content, which must not change meanwhile. Otherwise as Put.
func (l *Layout) PutBytes(ctx context.Context, content []byte, options *BlobOptions) (Descriptor, error) {
	return l.put(ctx, options, func(p *put) func() C.ocilayout_status {
		data, size := addressable(content)
		return func() C.ocilayout_status {
			return C.ocilayout_blob_put_memory(p.layout, unsafe.Pointer(&data[0]), size, p.options, p.tell, p.telling, &p.out, &p.failure)
		}
	})
}

// PutFile stores the regular file at path as the layer of an artifact, such as the
// weights of a model: the descriptor is annotated with the name of the file, without
// the folders, as org.opencontainers.image.title. Say in the options which media type
// it has.
//
// It fails with ErrNotFound when there is no such file, ErrFormat when something else
// than a file stands there, ErrConflict when it changes while it is read. Otherwise as
// Put.
func (l *Layout) PutFile(ctx context.Context, path string, options *BlobOptions) (Descriptor, error) {
	return l.put(ctx, options, func(p *put) func() C.ocilayout_status {
		name := p.text("path", path)
		return func() C.ocilayout_status {
			return C.ocilayout_blob_put_file(p.layout, name, p.options, p.tell, p.telling, &p.out, &p.failure)
		}
	})
}

// PutDirectory stores the directory path as a layer, a tar of all that is in it. The
// bytes depend on the tree and the options alone. Unless the options say otherwise the
// media type is that of a layer, and the diff ID is known.
//
// It fails with ErrNotFound when there is no directory, ErrIO when something in it
// cannot be read, ErrConflict when something changes while it is read, ErrUnsupported
// when a layer cannot tell it. Each names the file. Otherwise as Put.
func (l *Layout) PutDirectory(ctx context.Context, path string, directory *DirectoryOptions, options *BlobOptions) (Descriptor, error) {
	return l.put(ctx, options, func(p *put) func() C.ocilayout_status {
		name, how := p.text("path", path), p.directoryOptions(directory)
		return func() C.ocilayout_status {
			return C.ocilayout_blob_put_directory(p.layout, name, how, p.options, p.tell, p.telling, &p.out, &p.failure)
		}
	})
}

// PutDifference stores as a layer what makes the directory upper of the directory
// lower: what was added or changed, in full, and a whiteout for what is gone. What is
// the same is told by content, not by times. Otherwise as PutDirectory, for both
// directories.
func (l *Layout) PutDifference(ctx context.Context, lower, upper string, directory *DirectoryOptions, options *BlobOptions) (Descriptor, error) {
	return l.put(ctx, options, func(p *put) func() C.ocilayout_status {
		before, after := p.text("lower", lower), p.text("upper", upper)
		how := p.directoryOptions(directory)
		return func() C.ocilayout_status {
			return C.ocilayout_blob_put_difference(p.layout, before, after, how, p.options, p.tell, p.telling, &p.out, &p.failure)
		}
	})
}

// put is a call that stores one blob.
type put struct {
	*call
	options *C.ocilayout_blob_options
	tell    C.ocilayout_progress_fn
	telling unsafe.Pointer
	out     *C.ocilayout_descriptor
}

// put makes a call that stores one blob: prepare makes ready what it is given, and
// gives the function that is called.
func (l *Layout) put(ctx context.Context, options *BlobOptions, prepare func(*put) func() C.ocilayout_status) (descriptor Descriptor, err error) {
	err = l.call(ctx, func(c *call) error {
		p := &put{call: c, options: c.blobOptions(options)}
		p.tell, p.telling = c.progress(options.progress())
		defer func() { C.ocilayout_descriptor_free(p.out) }()
		if err := c.do(prepare(p)); err != nil {
			return err
		}
		descriptor, err = described(p.out)
		return err
	})
	return descriptor, err
}

// ReadBlob reads the whole blob that descriptor points at, and checks its size and
// digest; limit is the most bytes that you are ready to hold.
//
// It fails with ErrNotFound when it is not there, ErrDigest when it is not what the
// descriptor says, ErrLimit when it is larger than limit.
func (l *Layout) ReadBlob(descriptor Descriptor, limit int64) (content []byte, err error) {
	if limit < 0 {
		return nil, invalid("limit", "expected 0 or more")
	}
	err = l.look(func(c *call) error {
		pointed := c.descriptor(descriptor)
		content, err = c.bytes(func(out **C.ocilayout_bytes) C.ocilayout_status {
			return C.ocilayout_blob_read(c.layout, pointed, C.uint64_t(limit), out, &c.failure)
		})
		return err
	})
	return content, err
}

// BlobSize says the size in bytes of the blob that is stored under digest. It fails
// with ErrNotFound when it is not there.
func (l *Layout) BlobSize(digest Digest) (size int64, err error) {
	err = l.look(func(c *call) error {
		text, found := c.text("digest", string(digest)), C.uint64_t(0)
		err := c.do(func() C.ocilayout_status {
			return C.ocilayout_blob_size(c.layout, text, &found, &c.failure)
		})
		size = int64(found)
		return err
	})
	return size, err
}

// RemoveBlob takes away the blob that is stored under digest, whatever points at it.
// It fails with ErrNotFound when it is not there.
func (l *Layout) RemoveBlob(digest Digest) error {
	return l.look(func(c *call) error {
		text := c.text("digest", string(digest))
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_blob_remove(c.layout, text, &c.failure)
		})
	})
}
