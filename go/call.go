package ocilayout

/*
#include <stdlib.h>
#include <ocilayout.h>

int32_t ocilayoutGoProgress(void *userdata, ocilayout_progress *progress);

// What of a descriptor is asked for each time, at once.
typedef struct {
    const char *media_type, *digest, *diff_id, *json;
    uint64_t size;
} ocilayout_go_descriptor;

static inline ocilayout_go_descriptor ocilayout_go_describe(const ocilayout_descriptor *descriptor) {
    ocilayout_go_descriptor told = {
        ocilayout_descriptor_media_type(descriptor), ocilayout_descriptor_digest(descriptor),
        ocilayout_descriptor_diff_id(descriptor), ocilayout_descriptor_json(descriptor),
        ocilayout_descriptor_size(descriptor),
    };
    return told;
}
*/
import "C"

import (
	"context"
	"runtime"
	"runtime/cgo"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// A call of the library: what it is given, and what comes of it. All that it holds is
// let go when it ends, also by a panic of the caller's own function.
type call struct {
	ctx     context.Context
	layout  *C.ocilayout
	failure *C.ocilayout_error
	refused error
	atEnd   []func()

	mu     sync.Mutex
	causes []error
	// What a function of the caller's panicked with, or that it ended its goroutine.
	panicked any
	exited   bool
}

// alone makes a call that needs no layout.
func alone(ctx context.Context, body func(*call) error) error {
	c := &call{ctx: ctx}
	defer c.end()
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	return body(c)
}

// call makes a call of a layout, until the context is done.
func (l *Layout) call(ctx context.Context, body func(*call) error) error {
	return alone(ctx, func(c *call) error {
		object, err := l.handle.acquire()
		runtime.KeepAlive(l)
		if err != nil {
			return err
		}
		c.later(l.handle.release)
		c.layout = (*C.ocilayout)(object)
		if ctx.Done() == nil {
			return body(c)
		}
		handle, err := c.interruptible()
		if err != nil {
			return err
		}
		c.later(func() { C.ocilayout_free(handle) })
		c.interruptBy(handle)
		c.layout = handle
		return body(c)
	})
}

// interruptible is a handle of the layout whose calls can be stopped.
func (c *call) interruptible() (handle *C.ocilayout, err error) {
	err = c.do(func() C.ocilayout_status {
		return C.ocilayout_interruptible(c.layout, &handle, &c.failure)
	})
	return handle, err
}

// interruptBy has the context stop, while the call lasts, what the library does through
// the handle.
func (c *call) interruptBy(handle *C.ocilayout) {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(c.ctx, func() {
		// It cannot fail: the handle is of this kind.
		C.ocilayout_interrupt(handle, nil)
		close(interrupted)
	})
	c.later(func() {
		if !stop() {
			<-interrupted
		}
	})
}

// look makes a call that needs no layout, and waits for nobody.
func look(body func(*call) error) error {
	return alone(context.Background(), body)
}

// look makes a call of a layout that waits for nobody.
func (l *Layout) look(body func(*call) error) error {
	return l.call(context.Background(), body)
}

func (c *call) later(do func()) {
	c.atEnd = append(c.atEnd, do)
}

func (c *call) end() {
	for i := len(c.atEnd) - 1; i >= 0; i-- {
		c.atEnd[i]()
	}
	c.atEnd = nil
}

// do calls the library, if all that it is given could be given to it.
func (c *call) do(function func() C.ocilayout_status) error {
	if c.refused != nil {
		return c.refused
	}
	status := function()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.panicked != nil {
		C.ocilayout_error_free(c.failure)
		panic(c.panicked)
	}
	if c.exited {
		C.ocilayout_error_free(c.failure)
		runtime.Goexit()
	}
	if status == C.OCILAYOUT_OK {
		return nil
	}
	code := C.ocilayout_error_callback_code(c.failure)
	err := taken(c.failure)
	c.failure = nil
	switch {
	case err.Status == ErrCallback && 0 < -code && int(-code) <= len(c.causes):
		err.Cause = c.causes[-code-1]
		if err.Cause == c.ctx.Err() {
			return cancelled(c.ctx)
		}
		stopped := "callback stopped the call with code " + strconv.FormatInt(int64(code), 10)
		err.Message = strings.Replace(err.Message, stopped, "callback failed: "+err.Cause.Error(), 1)
	case err.Status == ErrCancelled && c.ctx.Err() != nil:
		return cancelled(c.ctx)
	}
	return err
}

func (c *call) refuse(err error) {
	if c.refused == nil {
		c.refused = err
	}
}

// stop notes why a function of the caller's stops the call, and gives the code for the
// library to tell it by.
func (c *call) stop(cause error) C.int64_t {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.causes = append(c.causes, cause)
	return -C.int64_t(len(c.causes))
}

// exit has the goroutine that called end, as that of its reader has.
func (c *call) exit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exited = true
}

// guard runs a function of the caller's within a call of the library. A panic waits
// there until the library has returned.
func (c *call) guard(function func()) (returned bool) {
	defer func() {
		if !returned {
			panicked := recover()
			c.mu.Lock()
			defer c.mu.Unlock()
			c.panicked = panicked
		}
	}()
	function()
	return true
}

// userdata is what the library hands back to a function of this package, to find value
// by. It lives until the call ends.
func (c *call) userdata(value any) unsafe.Pointer {
	// In memory of its own, since what is passed to C may point at no Go memory.
	found := new(cgo.Handle)
	*found = cgo.NewHandle(value)
	var pinned runtime.Pinner
	pinned.Pin(found)
	c.later(func() {
		pinned.Unpin()
		found.Delete()
	})
	return unsafe.Pointer(found)
}

// text is a text for the library.
func (c *call) text(parameter, text string) *C.char {
	if strings.IndexByte(text, 0) >= 0 {
		c.refuse(invalid(parameter, "expected a text without NUL, found one"))
		return nil
	}
	copied := C.CString(text)
	c.later(func() { C.free(unsafe.Pointer(copied)) })
	return copied
}

// optional is a text for the library, NULL if there is none.
func (c *call) optional(parameter, text string) *C.char {
	if text == "" {
		return nil
	}
	return c.text(parameter, text)
}

// list is room for so many pointers.
func (c *call) list(count int) unsafe.Pointer {
	list := C.calloc(C.size_t(count)+1, C.size_t(unsafe.Sizeof(unsafe.Pointer(nil))))
	c.later(func() { C.free(list) })
	return list
}

// texts are several; the list is in the memory of C, as what it points at.
func (c *call) texts(parameter string, texts []string) (**C.char, C.size_t) {
	if len(texts) == 0 {
		return nil, 0
	}
	list := (**C.char)(c.list(len(texts)))
	for i, text := range texts {
		unsafe.Slice(list, len(texts))[i] = c.text(parameter, text)
	}
	return list, C.size_t(len(texts))
}

// addressable is bytes that have a first one, whose address is to be taken where the
// library is called: only then cgo knows that it is given bytes alone, even if they
// are part of a struct with pointers.
func addressable(bytes []byte) ([]byte, C.size_t) {
	if len(bytes) == 0 {
		return []byte{0}, 0
	}
	return bytes, C.size_t(len(bytes))
}

// platform is a platform as the library reads it, NULL for nil.
func (c *call) platform(platform *Platform) *C.char {
	if platform == nil {
		return nil
	}
	text, err := marshal(platform)
	if err != nil {
		c.refuse(err)
	}
	return c.text("platform", string(text))
}

// descriptor is a descriptor of the library's.
func (c *call) descriptor(descriptor Descriptor) (made *C.ocilayout_descriptor) {
	text, err := descriptor.MarshalJSON()
	if err != nil {
		c.refuse(err)
		return nil
	}
	data, size := addressable(text)
	err = c.do(func() C.ocilayout_status {
		return C.ocilayout_descriptor_from_json((*C.char)(unsafe.Pointer(&data[0])), size, &made, &c.failure)
	})
	if err != nil {
		c.refuse(err)
		return nil
	}
	c.later(func() { C.ocilayout_descriptor_free(made) })
	return made
}

// described is a descriptor of this package's.
func described(descriptor *C.ocilayout_descriptor) (Descriptor, error) {
	told := C.ocilayout_go_describe(descriptor)
	if told.json == nil || told.digest == nil || told.media_type == nil {
		return Descriptor{}, &Error{Status: ErrMemory, Message: "no memory for a descriptor"}
	}
	var made Descriptor
	if err := made.UnmarshalJSON([]byte(C.GoString(told.json))); err != nil {
		return Descriptor{}, err
	}
	made.MediaType, made.Digest = C.GoString(told.media_type), Digest(C.GoString(told.digest))
	made.Size, made.DiffID = int64(told.size), Digest(C.GoString(told.diff_id))
	return made, nil
}

// descriptorOf makes a call that hands out a descriptor.
func (c *call) descriptorOf(function func(out **C.ocilayout_descriptor) C.ocilayout_status) (Descriptor, error) {
	var out *C.ocilayout_descriptor
	defer func() { C.ocilayout_descriptor_free(out) }()
	if err := c.do(func() C.ocilayout_status { return function(&out) }); err != nil {
		return Descriptor{}, err
	}
	return described(out)
}

// descriptorsOf makes a call that hands out a list.
func (c *call) descriptorsOf(function func(out **C.ocilayout_descriptors) C.ocilayout_status) ([]Descriptor, error) {
	var out *C.ocilayout_descriptors
	defer func() { C.ocilayout_descriptors_free(out) }()
	if err := c.do(func() C.ocilayout_status { return function(&out) }); err != nil {
		return nil, err
	}
	list := make([]Descriptor, C.ocilayout_descriptors_count(out))
	for i := range list {
		var err error
		if list[i], err = described(C.ocilayout_descriptors_at(out, C.size_t(i))); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// bytes makes a call that hands out bytes.
func (c *call) bytes(function func(out **C.ocilayout_bytes) C.ocilayout_status) ([]byte, error) {
	var out *C.ocilayout_bytes
	defer func() { C.ocilayout_bytes_free(out) }()
	if err := c.do(func() C.ocilayout_status { return function(&out) }); err != nil {
		return nil, err
	}
	found := unsafe.Slice((*byte)(C.ocilayout_bytes_data(out)), C.ocilayout_bytes_size(out))
	return append(make([]byte, 0, len(found)), found...), nil
}

// progress is the function that the library tells its progress to.
func (c *call) progress(tell func(Progress)) (C.ocilayout_progress_fn, unsafe.Pointer) {
	if tell == nil {
		return nil, nil
	}
	return C.ocilayout_progress_fn(C.ocilayoutGoProgress), c.userdata(&telling{c, tell})
}

type telling struct {
	call *call
	tell func(Progress)
}
