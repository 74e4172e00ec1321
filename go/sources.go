package ocilayout

/*
#include <ocilayout.h>

int64_t ocilayoutGoRead(void *userdata, void *buf, size_t cap);
*/
import "C"

import (
	"context"
	"io"
	"runtime"
	"unsafe"
)

// A Source is where the bytes of one of several blobs come from. They are made by
// FromReader, FromBytes, FromFile, FromDirectory and FromDifference.
type Source struct {
	options *BlobOptions
	add     func(c *call, sources *C.ocilayout_sources, options *C.ocilayout_blob_options) func() C.ocilayout_status
}

// FromReader is what reader gives until its end; see Layout.Put. It may be read on
// another goroutine than the one that calls, but never on two at once.
func FromReader(reader io.Reader, options *BlobOptions) Source {
	return Source{options, func(c *call, sources *C.ocilayout_sources, options *C.ocilayout_blob_options) func() C.ocilayout_status {
		reading := c.reading(reader)
		c.later(reading.stop)
		read, userdata := C.ocilayout_read_fn(C.ocilayoutGoRead), c.userdata(reading)
		return func() C.ocilayout_status {
			return C.ocilayout_sources_add_callback(sources, read, userdata, options, &c.failure)
		}
	}}
}

// FromBytes is content; see Layout.PutBytes.
func FromBytes(content []byte, options *BlobOptions) Source {
	return Source{options, func(c *call, sources *C.ocilayout_sources, options *C.ocilayout_blob_options) func() C.ocilayout_status {
		data, size := addressable(content)
		// The library keeps it for longer than one call.
		var pinned runtime.Pinner
		pinned.Pin(&data[0])
		c.later(pinned.Unpin)
		return func() C.ocilayout_status {
			return C.ocilayout_sources_add_memory(sources, unsafe.Pointer(&data[0]), size, options, &c.failure)
		}
	}}
}

// FromFile is the file at path; see Layout.PutFile.
func FromFile(path string, options *BlobOptions) Source {
	return Source{options, func(c *call, sources *C.ocilayout_sources, options *C.ocilayout_blob_options) func() C.ocilayout_status {
		name := c.text("path", path)
		return func() C.ocilayout_status {
			return C.ocilayout_sources_add_file(sources, name, options, &c.failure)
		}
	}}
}

// FromDirectory is the directory path; see Layout.PutDirectory.
func FromDirectory(path string, directory *DirectoryOptions, options *BlobOptions) Source {
	return Source{options, func(c *call, sources *C.ocilayout_sources, options *C.ocilayout_blob_options) func() C.ocilayout_status {
		name, how := c.text("path", path), c.directoryOptions(directory)
		return func() C.ocilayout_status {
			return C.ocilayout_sources_add_directory(sources, name, how, options, &c.failure)
		}
	}}
}

// FromDifference is what makes the directory upper of the directory lower; see
// Layout.PutDifference.
func FromDifference(lower, upper string, directory *DirectoryOptions, options *BlobOptions) Source {
	return Source{options, func(c *call, sources *C.ocilayout_sources, options *C.ocilayout_blob_options) func() C.ocilayout_status {
		before, after := c.text("lower", lower), c.text("upper", upper)
		how := c.directoryOptions(directory)
		return func() C.ocilayout_status {
			return C.ocilayout_sources_add_difference(sources, before, after, how, options, &c.failure)
		}
	}}
}

// PutAllOptions say how several blobs are stored; nil is the same as none.
type PutAllOptions struct {
	// Concurrency is how many sources are read at once, at most as many as
	// Layout.SetThreads allows, or three quarters of that where any is compressed with
	// zstd, which brings threads of its own; 0 is that many.
	Concurrency int
	// Progress is told how far the call has come, in place of those of the sources.
	Progress func(Progress)
}

// PutAll stores all sources, several at once, and says what points at each, in their
// order. When one fails the others are given up; blobs that were complete by then stay
// until they are collected. It fails as the calls do that store single ones.
func (l *Layout) PutAll(ctx context.Context, sources []Source, options *PutAllOptions) (descriptors []Descriptor, err error) {
	if options == nil {
		options = new(PutAllOptions)
	}
	if options.Concurrency < 0 {
		return nil, invalid("concurrency", "expected 0 or more")
	}
	err = l.call(ctx, func(c *call) error {
		var list *C.ocilayout_sources
		if err := c.do(func() C.ocilayout_status { return C.ocilayout_sources_new(&list, &c.failure) }); err != nil {
			return err
		}
		defer C.ocilayout_sources_free(list)
		for _, source := range sources {
			if source.add == nil {
				return invalid("sources", "expected each to be made by a function of this package")
			}
			if err := c.do(source.add(c, list, c.blobOptions(source.options))); err != nil {
				return err
			}
		}
		tell, telling := c.progress(options.Progress)
		descriptors, err = c.descriptorsOf(func(out **C.ocilayout_descriptors) C.ocilayout_status {
			return C.ocilayout_blob_put_all(c.layout, list, C.size_t(options.Concurrency), tell, telling, out, &c.failure)
		})
		return err
	})
	return descriptors, err
}
