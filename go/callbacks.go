package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"bytes"
	"io"
	"runtime/cgo"
	"strings"
	"unsafe"
)

// The functions that the library calls. Each finds what it was given by its userdata,
// lets no panic through the library, and answers with a number that stands for what
// went wrong.

func found[T any](userdata unsafe.Pointer) T {
	return (*cgo.Handle)(userdata).Value().(T)
}

//export ocilayoutGoRead
func ocilayoutGoRead(userdata, buf unsafe.Pointer, room C.size_t) (n C.int64_t) {
	reading := found[*reading](userdata)
	if !reading.call.guard(func() { n = reading.read(unsafe.Slice((*byte)(buf), int(room))) }) {
		return -1
	}
	return n
}

//export ocilayoutGoReadBlob
func ocilayoutGoReadBlob(userdata unsafe.Pointer, descriptor *C.ocilayout_descriptor, offset C.uint64_t, buf unsafe.Pointer, room C.size_t) (n C.int64_t) {
	reading := found[*readingBlobs](userdata)
	returned := reading.call.guard(func() {
		if offset == 0 {
			if err := reading.open(descriptor); err != nil {
				n = reading.call.stop(err)
				return
			}
		}
		n = reading.current.read(unsafe.Slice((*byte)(buf), int(room)))
	})
	if !returned {
		return -1
	}
	return n
}

//export ocilayoutGoMatch
func ocilayoutGoMatch(userdata unsafe.Pointer, descriptor *C.ocilayout_descriptor) (answer C.int32_t) {
	matching := found[*matching](userdata)
	if !matching.call.guard(func() { answer = matching.answer(descriptor) }) {
		return -1
	}
	return answer
}

//export ocilayoutGoProgress
func ocilayoutGoProgress(userdata unsafe.Pointer, told *C.ocilayout_progress) (stops C.int32_t) {
	telling := found[*telling](userdata)
	returned := telling.call.guard(func() {
		// What is not known is the largest number there, and -1 here.
		telling.tell(Progress{
			BytesDone:  int64(told.bytes_done),
			BytesTotal: int64(told.bytes_total),
			ItemsDone:  int64(told.items_done),
			ItemsTotal: int64(told.items_total),
		})
	})
	if !returned {
		return 1
	}
	return 0
}

// reading is a reader of the caller's as the library reads it.
type reading struct {
	call   *call
	reader io.Reader
	// ended is what the reader said with its last bytes.
	ended error
}

// reading prepares a reader: as one that can be left behind, if the context can be done
// while it blocks.
func (c *call) reading(reader io.Reader) *reading {
	switch reader.(type) {
	case *bytes.Buffer, *bytes.Reader, *strings.Reader:
		// They never block.
	default:
		if c.ctx.Done() != nil {
			reader = readAhead(c.ctx, reader)
		}
	}
	return &reading{call: c, reader: reader}
}

func (r *reading) read(buf []byte) C.int64_t {
	if r.ended == nil {
		var n int
		if n, r.ended = fill(r.reader, buf); n > 0 {
			return C.int64_t(n)
		}
	}
	switch r.ended {
	case io.EOF:
		return 0
	case errExited:
		r.call.exit()
	}
	return r.call.stop(r.ended)
}

func (r *reading) stop() {
	if ahead, ok := r.reader.(*ahead); ok {
		ahead.stop()
	}
}

// fill reads enough for a call of the library to be worth its while.
func fill(reader io.Reader, buf []byte) (read int, err error) {
	const enough, mostEmpty = 64 << 10, 100
	for empty := 0; read < min(enough, len(buf)) && err == nil; {
		var n int
		n, err = reader.Read(buf[read:])
		if n < 0 || n > len(buf)-read {
			return 0, invalid("reader", "expected a count of at most what was asked for, found another")
		}
		read += n
		if empty++; n > 0 {
			empty = 0
		} else if err == nil && empty == mostEmpty {
			err = io.ErrNoProgress
		}
	}
	return read, err
}

// readingBlobs gives the library the blobs that it asks for, one after another.
type readingBlobs struct {
	call    *call
	blobs   Blobs
	current *reading
	closer  io.Closer
}

func (r *readingBlobs) open(descriptor *C.ocilayout_descriptor) error {
	r.close()
	wanted, err := described(descriptor)
	if err != nil {
		return err
	}
	blob, err := r.blobs(r.call.ctx, wanted)
	if err != nil {
		return err
	}
	r.current, r.closer = r.call.reading(blob), blob
	return nil
}

func (r *readingBlobs) close() {
	if r.closer != nil {
		r.current.stop()
		r.closer.Close()
		r.closer = nil
	}
}
