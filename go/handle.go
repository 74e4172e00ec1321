package ocilayout

import (
	"sync"
	"unsafe"
)

// A handle is an object of the library, which is freed once: when it is closed and
// nobody uses it any more. So closing never waits, and nobody uses what was freed.
type handle struct {
	what string
	free func(unsafe.Pointer)

	mu     sync.Mutex
	object unsafe.Pointer
	users  int
	closed bool
}

func newHandle(what string, object unsafe.Pointer, free func(unsafe.Pointer)) *handle {
	return &handle{what: what, object: object, free: free}
}

// acquire gives the object to a user, who lets it go by release.
func (h *handle) acquire() (unsafe.Pointer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, closed(h.what)
	}
	h.users++
	return h.object, nil
}

func (h *handle) release() {
	h.mu.Lock()
	h.users--
	h.unlockAndFree()
}

func (h *handle) close() {
	h.mu.Lock()
	h.closed = true
	h.unlockAndFree()
}

func (h *handle) unlockAndFree() {
	var last unsafe.Pointer
	if h.closed && h.users == 0 {
		last, h.object = h.object, nil
	}
	h.mu.Unlock()
	if last != nil {
		h.free(last)
	}
}
