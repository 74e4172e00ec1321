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

// A Writer is a blob that is being written. It is used by one goroutine at a time.
type Writer struct {
	ctx    context.Context
	handle *handle
	// stoppable is the handle of the layout that the writer was made from, if the
	// context can be done. It lives as long as the writer.
	stoppable *C.ocilayout
}

// NewWriter begins a blob whose bytes are pushed. Any number of blobs can be written at
// once, each by its own writer. What it does ends when ctx is done.
//
// Nothing is stored before Commit. A writer that is closed without it leaves nothing
// behind, and so does one that the garbage collector finds. BlobOptions.Progress is not
// told.
func (l *Layout) NewWriter(ctx context.Context, options *BlobOptions) (writer *Writer, err error) {
	err = l.call(ctx, func(c *call) error {
		var out *C.ocilayout_blob_writer
		how, layout := c.blobOptions(options), c.layout
		var stoppable *C.ocilayout
		if ctx.Done() != nil {
			if stoppable, err = c.interruptible(); err != nil {
				return err
			}
			layout = stoppable
		}
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_blob_writer_open(layout, how, &out, &c.failure)
		}); err != nil {
			C.ocilayout_free(stoppable)
			return err
		}
		writer = &Writer{ctx, newHandle("writer", unsafe.Pointer(out), func(object unsafe.Pointer) {
			C.ocilayout_blob_writer_free((*C.ocilayout_blob_writer)(object))
			C.ocilayout_free(stoppable)
		}), stoppable}
		runtime.AddCleanup(writer, (*handle).close, writer.handle)
		return nil
	})
	return writer, err
}

func (w *Writer) call(body func(*call, *C.ocilayout_blob_writer) error) error {
	return alone(w.ctx, func(c *call) error {
		object, err := w.handle.acquire()
		runtime.KeepAlive(w)
		if err != nil {
			return err
		}
		c.later(w.handle.release)
		if w.stoppable != nil {
			c.interruptBy(w.stoppable)
		}
		return body(c, (*C.ocilayout_blob_writer)(object))
	})
}

// Write adds bytes to the blob. After an error it cannot be committed: close the writer
// and begin anew.
func (w *Writer) Write(bytes []byte) (int, error) {
	err := w.call(func(c *call, writer *C.ocilayout_blob_writer) error {
		data, size := addressable(bytes)
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_blob_writer_write(writer, unsafe.Pointer(&data[0]), size, &c.failure)
		})
	})
	if err != nil {
		return 0, err
	}
	return len(bytes), nil
}

// ReadFrom adds what reader gives until its end, in large pieces; io.Copy calls it.
func (w *Writer) ReadFrom(reader io.Reader) (n int64, err error) {
	piece := pieces.Get().(*piece)
	defer pieces.Put(piece)
	for {
		read, ended := fill(reader, piece.room[:])
		if read > 0 {
			if _, err := w.Write(piece.room[:read]); err != nil {
				return n, err
			}
			n += int64(read)
		}
		if ended == io.EOF {
			return n, nil
		}
		if ended != nil {
			return n, ended
		}
	}
}

// Commit stores the blob and says what points at it. The writer is then closed, also
// after an error. It fails as Layout.Put does.
func (w *Writer) Commit() (descriptor Descriptor, err error) {
	defer w.Close()
	err = w.call(func(c *call, writer *C.ocilayout_blob_writer) error {
		descriptor, err = c.descriptorOf(func(out **C.ocilayout_descriptor) C.ocilayout_status {
			return C.ocilayout_blob_writer_finish(writer, out, &c.failure)
		})
		return err
	})
	return descriptor, err
}

// Close gives the blob up, if it was not committed. It does nothing the next time.
func (w *Writer) Close() error {
	w.handle.close()
	return nil
}
