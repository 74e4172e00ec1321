package ocilayout_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	ocilayout "github.com/ocilayout/ocilayout/go"
	"github.com/ocilayout/ocilayout/go/internal/heap"
)

// counted is a reader that notes when the garbage collector has found it, which it does
// only if nobody has kept a handle on it.
type counted struct{ io.Reader }

func newCounted(content []byte, found *atomic.Int64) *counted {
	reader := &counted{bytes.NewReader(content)}
	runtime.AddCleanup(reader, func(found *atomic.Int64) { found.Add(1) }, found)
	return reader
}

// Ten thousand layers through callbacks, from a hundred goroutines.
func TestManyLayersLeakNothing(t *testing.T) {
	const exact = "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"
	if !slices.Contains(os.Environ(), exact) {
		// What each thread keeps for its next calls would look like a leak.
		again := exec.Command(os.Args[0], "-test.run=^TestManyLayersLeakNothing$")
		again.Env = append(os.Environ(), exact)
		if told, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, told)
		}
		return
	}
	const goroutines, each = 100, 100
	path := t.TempDir() + "/layout"
	var collected atomic.Int64
	put := func(ctx context.Context, layout *ocilayout.Layout, seed int) {
		content := bytes.Repeat([]byte{byte(seed), byte(seed >> 8), 'x'}, 2000)
		reader := newCounted(content, &collected)
		gzip := &ocilayout.BlobOptions{Compression: ocilayout.Gzip}
		options := gzip
		if seed%2 == 0 {
			options = &ocilayout.BlobOptions{MediaType: plainTar, Expected: &ocilayout.Expected{Digest: digestOf(content), Size: int64(len(content))}}
		}
		layer, err := layout.Put(ctx, reader, options)
		if err != nil {
			t.Error(err)
		} else if layer.DiffID != digestOf(content) {
			t.Errorf("found the diff ID %s", layer.DiffID)
		}
		// What fails must let go as well.
		if seed%4 == 0 {
			_, err = layout.Put(ctx, io.MultiReader(reader, &failing{}), gzip)
			asks(t, err, io.ErrUnexpectedEOF)
		}
	}
	all := func(each int) {
		layout := must[*ocilayout.Layout](t)(ocilayout.Open(path, &ocilayout.OpenOptions{
			Create: true, Durability: ocilayout.DurabilityNone,
		}))
		var group sync.WaitGroup
		for goroutine := range goroutines {
			group.Add(1)
			go func() {
				defer group.Done()
				ctx, cancel := context.WithCancel(background)
				defer cancel()
				for i := range each {
					if i%2 == 0 {
						put(background, layout, goroutine*each+i)
					} else {
						put(ctx, layout, goroutine*each+i)
					}
				}
			}()
		}
		group.Wait()
		check(t, layout.Close())
	}
	all(each)
	files := openFiles(t)
	var grown []int
	// A descriptor or an error that is kept has over a hundred bytes, in each round. What
	// is made for a thread stays with it, in the round that has more threads.
	for len(grown) == 0 || len(grown) < 4 && grown[len(grown)-1] > goroutines*each*4 {
		before := heap.InUse()
		all(each)
		grown = append(grown, heap.InUse()-before)
	}
	if slices.Min(grown) > goroutines*each*4 {
		t.Errorf("%d bytes of C memory more after ten thousand layers, each time", grown)
	}
	eventually(t, "that no reader is kept", func() bool {
		return collected.Load() == int64(goroutines*each*(1+len(grown)))
	})
	equal(t, openFiles(t), files)
	equal(t, len(must[[]os.DirEntry](t)(os.ReadDir(path+"/blobs/sha256"))) >= goroutines*each, true)
	equal(t, len(hidden(t, path)), 0)
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Whoever forgets to close leaves nothing behind.
func TestForgottenClose(t *testing.T) {
	path, layout := newLayout(t)
	descriptor := named(t, layout, "x")
	check(t, layout.Close())
	before := openFiles(t)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	func() {
		layout := must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
		for _, ctx := range []context.Context{background, ctx} {
			writer := must[*ocilayout.Writer](t)(layout.NewWriter(ctx, nil))
			must[int](t)(writer.Write(noise(1, 1<<20)))
		}
		must[int](t)(must[*ocilayout.BlobReader](t)(layout.OpenBlob(descriptor)).Read(make([]byte, 1)))
		transaction := must[*ocilayout.Transaction](t)(layout.Begin())
		must[ocilayout.Descriptor](t)(transaction.PutBytes(background, []byte("forgotten"), nil))
		equal(t, len(hidden(t, path)), 2)
		equal(t, openFiles(t) > before, true)
	}()
	eventually(t, "that all files are closed", func() bool { return openFiles(t) == before })
	eventually(t, "that the stages are gone", func() bool { return len(hidden(t, path)) == 0 })
}

// A layout is not closed under a call that nobody waits with it for.
func TestGarbageCollectedMeanwhile(t *testing.T) {
	path, layout := newLayout(t)
	check(t, layout.Close())
	var stop atomic.Bool
	go func() {
		for !stop.Load() {
			runtime.GC()
		}
	}()
	defer stop.Store(true)
	for range 100 {
		read := readerFunc(bytes.NewReader(noise(1, 100)).Read)
		must[ocilayout.Descriptor](t)(must[*ocilayout.Layout](t)(ocilayout.Open(path, nil)).Put(background, read, nil))
		writer := must[*ocilayout.Writer](t)(must[*ocilayout.Layout](t)(ocilayout.Open(path, nil)).NewWriter(background, nil))
		must[ocilayout.Descriptor](t)(writer.Commit())
	}
}

func TestUseAfterClose(t *testing.T) {
	_, layout := newLayout(t)
	entry := named(t, layout, "x")
	check(t, layout.Close())
	check(t, layout.Close())
	calls := map[string]func() error{
		"put":    func() error { _, err := layout.PutBytes(background, nil, nil); return err },
		"append": func() error { return layout.Append(background, entry, "y", nil) },
		"list":   func() error { _, err := layout.List(nil); return err },
		"open":   func() error { _, err := layout.OpenBlob(entry); return err },
		"begin":  func() error { _, err := layout.Begin(); return err },
		"verify": func() error { _, err := layout.Verify(background, nil); return err },
		"image":  func() error { _, err := layout.PutImage(background, ocilayout.Image{Platform: amd64}); return err },
		"time":   func() error { return layout.SetLockTimeout(0) },
		"from":   func() error { _, other := newLayout(t); return other.WriteFrom(background, entry, layout, nil) },
		"fs":     func() error { _, err := layout.FS().Open("index.json"); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { asks(t, call(), os.ErrClosed, ocilayout.ErrState) })
	}
}

// A layout can be closed at any moment, also by a callback of its own call.
func TestRacedClose(t *testing.T) {
	path, layout := newLayout(t)
	entry := named(t, layout, "x")
	check(t, layout.Close())
	for range 30 {
		layout := must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
		writer := must[*ocilayout.Writer](t)(layout.NewWriter(background, nil))
		reader := must[*ocilayout.BlobReader](t)(layout.OpenBlob(entry))
		var group sync.WaitGroup
		for _, use := range []func() error{
			func() error { _, err := layout.Put(background, only(strings.NewReader("x")), nil); return err },
			func() error { _, err := layout.List(nil); return err },
			func() error { _, err := writer.Write([]byte("x")); return err },
			func() error { _, err := reader.Read(make([]byte, 10)); return err },
			func() error { return layout.Close() },
			func() error { return layout.Close() },
			func() error { return writer.Close() },
			func() error { return reader.Close() },
		} {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := use(); err != nil && err != io.EOF {
					asks(t, err, os.ErrClosed)
				}
			}()
		}
		group.Wait()
	}
	layout = must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
	must[ocilayout.Descriptor](t)(layout.Put(background, readerFunc(func([]byte) (int, error) {
		check(t, layout.Close())
		return 0, io.EOF
	}), nil))
	equal(t, len(hidden(t, path)), 0)
}

// Bytes may stand in the middle of what else has pointers, which cgo would refuse.
func TestBytesBesidePointers(t *testing.T) {
	_, layout := newLayout(t)
	beside := struct {
		text *string
		room [4096]byte
		next *counted
	}{new(string), [4096]byte{1}, &counted{}}
	descriptor := must[ocilayout.Descriptor](t)(layout.PutBytes(background, beside.room[:], nil))
	must[[]ocilayout.Descriptor](t)(layout.PutAll(background, []ocilayout.Source{ocilayout.FromBytes(beside.room[:], nil)}, nil))
	writer := must[*ocilayout.Writer](t)(layout.NewWriter(background, nil))
	must[int](t)(writer.Write(beside.room[:]))
	must[ocilayout.Descriptor](t)(writer.Commit())
	reader := must[*ocilayout.BlobReader](t)(layout.OpenBlob(descriptor))
	must[int](t)(reader.Read(beside.room[:]))
	check(t, layout.WriteFile(background, "notes", beside.room[:]))
	runtime.KeepAlive(&beside)
}
