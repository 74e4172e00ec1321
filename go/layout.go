package ocilayout

/*
#cgo pkg-config: ocilayout
#include <stdlib.h>
#include <ocilayout.h>

int64_t ocilayoutGoReadBlob(void *userdata, ocilayout_descriptor *descriptor, uint64_t offset,
                            void *buf, size_t cap);
*/
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// A Layout is an open image layout. Any number of goroutines may use it at once.
// image-spec, image-layout.md.
type Layout struct {
	handle *handle
}

// Durability says what is promised for the case that the power goes.
type Durability int

const (
	// DurabilityFull: what was acknowledged is there.
	DurabilityFull Durability = iota
	// DurabilityOrdered: what is named is complete, but the last edits may be lost.
	DurabilityOrdered
	// DurabilityNone: nothing. A process that is killed still loses nothing.
	DurabilityNone
)

// OpenOptions say how a layout is opened; nil is the same as none.
type OpenOptions struct {
	// Create makes the layout if it is not there, with the directories above it.
	Create bool
	// Exclusive makes the layout, and fails with ErrExists if it is there.
	Exclusive bool
	// ReadOnly refuses every call that would write.
	ReadOnly bool
	// SymlinkedBlobs has blobs read that are symbolic links, as the rules of Bazel
	// make them.
	SymlinkedBlobs bool
	// Durability says what is promised for the case that the power goes.
	Durability Durability
}

func (o *OpenOptions) flags() (flags C.uint64_t) {
	if o == nil {
		return 0
	}
	for flag, set := range map[C.uint64_t]bool{
		C.OCILAYOUT_OPEN_CREATE:             o.Create || o.Exclusive,
		C.OCILAYOUT_OPEN_EXCLUSIVE:          o.Exclusive,
		C.OCILAYOUT_OPEN_READ_ONLY:          o.ReadOnly,
		C.OCILAYOUT_OPEN_SYMLINKED_BLOBS:    o.SymlinkedBlobs,
		C.OCILAYOUT_OPEN_DURABILITY_ORDERED: o.Durability == DurabilityOrdered,
		C.OCILAYOUT_OPEN_DURABILITY_NONE:    o.Durability == DurabilityNone,
	} {
		if set {
			flags |= flag
		}
	}
	return flags
}

// Open opens the image layout in the directory path.
//
// The directory is held open: the layout may be moved meanwhile, and the current
// directory may change. Inside of the layout no symbolic link is followed.
//
// It fails with ErrNotFound when there is no such directory, ErrFormat when it is not
// a layout, ErrUnsupported when it is one of another version.
func Open(path string, options *OpenOptions) (layout *Layout, err error) {
	err = alone(context.Background(), func(c *call) error {
		var out *C.ocilayout
		name := c.text("path", path)
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_open(name, options.flags(), &out, &c.failure)
		}); err != nil {
			return err
		}
		layout = newLayout(out)
		return nil
	})
	return layout, err
}

// Create makes a layout in the directory path whose index.json is index, a JSON image
// index, as it is given.
//
// What the index names is first read from blobs, down the whole tree, and checked. If
// blobs is nil nothing is read, and the blobs may be put later. A call that failed
// leaves no layout. It fails with ErrExists if there is one, and as Layout.Write does.
func Create(ctx context.Context, path string, index []byte, blobs Blobs, options *WriteOptions) (layout *Layout, err error) {
	err = alone(ctx, func(c *call) error {
		var out *C.ocilayout
		name := c.text("path", path)
		document, size := addressable(index)
		read, readData := c.readBlobs(blobs)
		tell, tellData := c.progress(options.progress())
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_create(name, (*C.char)(unsafe.Pointer(&document[0])), size, read, readData, tell, tellData, &out, &c.failure)
		}); err != nil {
			return err
		}
		layout = newLayout(out)
		return nil
	})
	return layout, err
}

func newLayout(object *C.ocilayout) *Layout {
	layout := &Layout{newHandle("layout", unsafe.Pointer(object), func(object unsafe.Pointer) {
		C.ocilayout_free((*C.ocilayout)(object))
	})}
	runtime.AddCleanup(layout, (*handle).close, layout.handle)
	return layout
}

// Close closes the layout. Calls that are running go on, and so does what was made
// from it; the directory is let go with the last of them. Later calls fail with
// fs.ErrClosed, but for Close, which does nothing more.
//
// A layout that nobody closes is closed when the garbage collector finds it.
func (l *Layout) Close() error {
	l.handle.close()
	return nil
}

// SetLockTimeout says how long an edit of index.json waits while another writer makes
// one: 0 for not at all, a negative time, the default, for as long as it takes. It
// holds for the layout and all its transactions, from the next edit on.
//
// An edit that does not get its turn fails with ErrBusy. A context can end a wait as
// well. Readers never wait.
func (l *Layout) SetLockTimeout(timeout time.Duration) error {
	milliseconds := C.int64_t(-1)
	if timeout >= 0 {
		milliseconds = C.int64_t((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	return l.look(func(c *call) error {
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_set_lock_timeout(c.layout, milliseconds, &c.failure)
		})
	})
}

// SetThreads says how many threads work at once for the layout and all its
// transactions, the calling one among them; 0, the default, is one for each core. What
// is stored does not depend on them.
func (l *Layout) SetThreads(threads int) error {
	if threads < 0 {
		return invalid("threads", "expected 0 or more")
	}
	return l.look(func(c *call) error {
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_set_threads(c.layout, C.size_t(threads), &c.failure)
		})
	})
}

// ReadFile reads a whole file that stands beside blobs, such as index.json; at most
// 64 MiB. It fails with ErrNotFound when there is none.
func (l *Layout) ReadFile(name string) (content []byte, err error) {
	err = l.look(func(c *call) error {
		text := c.text("name", name)
		content, err = c.bytes(func(out **C.ocilayout_bytes) C.ocilayout_status {
			return C.ocilayout_read_file(c.layout, text, out, &c.failure)
		})
		return err
	})
	return content, err
}

// WriteFile writes a whole file that stands beside blobs, in one step: whoever reads
// it sees the old content or the new. oci-layout and index.json are checked first, and
// refused with ErrFormat or ErrUnsupported.
func (l *Layout) WriteFile(ctx context.Context, name string, content []byte) error {
	return l.call(ctx, func(c *call) error {
		text := c.text("name", name)
		data, size := addressable(content)
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_write_file(c.layout, text, unsafe.Pointer(&data[0]), size, &c.failure)
		})
	})
}

// Version is the version of the library that is running.
func Version() string {
	return C.GoString(C.ocilayout_version())
}
