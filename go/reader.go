package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"context"
	"io"
	"runtime"
	"unsafe"
)

// A BlobReader is a blob that is being read, by one goroutine at a time.
//
// Its content is checked at its end: the Read that would say io.EOF fails with ErrDigest
// instead when it was not that of the descriptor. Only who has read to io.EOF has read
// the right bytes.
type BlobReader struct {
	handle     *handle
	descriptor Descriptor
}

// OpenBlob opens the blob that descriptor points at.
//
// It fails with ErrNotFound when it is not there, ErrDigest when its size is not that
// of the descriptor, ErrUnsupported when its digest is neither sha256 nor sha512.
func (l *Layout) OpenBlob(descriptor Descriptor) (reader *BlobReader, err error) {
	err = l.look(func(c *call) error {
		var out *C.ocilayout_blob_reader
		pointed := c.descriptor(descriptor)
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_blob_reader_open(c.layout, pointed, &out, &c.failure)
		}); err != nil {
			return err
		}
		reader = &BlobReader{newHandle("blob", unsafe.Pointer(out), func(object unsafe.Pointer) {
			C.ocilayout_blob_reader_free((*C.ocilayout_blob_reader)(object))
		}), descriptor}
		runtime.AddCleanup(reader, (*handle).close, reader.handle)
		return nil
	})
	return reader, err
}

// Read reads the next bytes.
func (r *BlobReader) Read(buf []byte) (n int, err error) {
	if len(buf) == 0 {
		return 0, nil
	}
	err = alone(context.Background(), func(c *call) error {
		object, err := r.handle.acquire()
		runtime.KeepAlive(r)
		if err != nil {
			return err
		}
		c.later(r.handle.release)
		var read C.size_t
		err = c.do(func() C.ocilayout_status {
			return C.ocilayout_blob_reader_read((*C.ocilayout_blob_reader)(object), unsafe.Pointer(&buf[0]), C.size_t(len(buf)), &read, &c.failure)
		})
		n = int(read)
		return err
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

// WriteTo writes all that is left to writer, in large pieces; io.Copy calls it.
func (r *BlobReader) WriteTo(writer io.Writer) (n int64, err error) {
	piece := pieces.Get().(*piece)
	defer pieces.Put(piece)
	for {
		read, err := r.Read(piece.room[:])
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		written, err := writer.Write(piece.room[:read])
		n += int64(written)
		if err != nil {
			return n, err
		}
		if written != read {
			return n, io.ErrShortWrite
		}
	}
}

// Descriptor is what points at the blob.
func (r *BlobReader) Descriptor() Descriptor {
	return r.descriptor
}

// Close closes the reader. It does nothing the next time.
func (r *BlobReader) Close() error {
	r.handle.close()
	return nil
}
