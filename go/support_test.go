package ocilayout_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

const (
	octets   = "application/octet-stream"
	plainTar = "application/vnd.oci.image.layer.v1.tar"
	// More than is hashed while a test waits.
	huge = 64 << 30
)

var (
	background = context.Background()
	amd64      = &ocilayout.Platform{OS: "linux", Architecture: "amd64"}
)

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// asks checks that an error is all of these.
func asks(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("expected an error that is %v, found %v", target, err)
		}
	}
}

func equal[T comparable](t testing.TB, found, expected T) {
	t.Helper()
	if found != expected {
		t.Errorf("expected %v, found %v", expected, found)
	}
}

// newLayout makes a layout that does not wait for the disk.
func newLayout(t testing.TB) (string, *ocilayout.Layout) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "layout")
	layout := must[*ocilayout.Layout](t)(ocilayout.Open(path, &ocilayout.OpenOptions{
		Create: true, Durability: ocilayout.DurabilityNone,
	}))
	t.Cleanup(func() { layout.Close() })
	return path, layout
}

func digestOf(content []byte) ocilayout.Digest {
	sum := sha256.Sum256(content)
	return ocilayout.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

func blobPath(layout string, digest ocilayout.Digest) string {
	return filepath.Join(layout, "blobs", digest.Algorithm(), digest.Encoded())
}

func noise(seed uint64, size int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	content := make([]byte, size)
	rand.NewChaCha8(key).Read(content)
	return content
}

func tarOf(t testing.TB, name, content string) []byte {
	t.Helper()
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	check(t, writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
	must[int](t)(writer.Write([]byte(content)))
	check(t, writer.Close())
	return archive.Bytes()
}

// image stores a small image that is like no other of another seed.
func image(t testing.TB, layout *ocilayout.Layout, seed string) ocilayout.Descriptor {
	t.Helper()
	put := must[ocilayout.Descriptor](t)
	layer := put(layout.PutBytes(background, tarOf(t, seed, seed), &ocilayout.BlobOptions{MediaType: plainTar}))
	return put(layout.PutImage(background, ocilayout.Image{
		Platform: amd64,
		Layers:   []ocilayout.Layer{{Blob: layer, CreatedBy: "a test"}},
	}))
}

func named(t testing.TB, layout *ocilayout.Layout, name string) ocilayout.Descriptor {
	t.Helper()
	made := image(t, layout, name)
	check(t, layout.Append(background, made, name, nil))
	return made
}

// names are those of the entries, read by other means.
func names(t testing.TB, path string) string {
	t.Helper()
	var index struct {
		Manifests []struct{ Annotations map[string]string }
	}
	check(t, json.Unmarshal(must[[]byte](t)(os.ReadFile(filepath.Join(path, "index.json"))), &index))
	var names []string
	for _, entry := range index.Manifests {
		names = append(names, entry.Annotations[ocilayout.RefName])
	}
	return strings.Join(names, " ")
}

// hidden are what of the root of a layout is not of the image-spec.
func hidden(t testing.TB, path string) []string {
	t.Helper()
	var hidden []string
	for _, entry := range must[[]os.DirEntry](t)(os.ReadDir(path)) {
		switch entry.Name() {
		case "oci-layout", "index.json", "blobs":
		default:
			hidden = append(hidden, entry.Name())
		}
	}
	return hidden
}

// hold locks a layout as another program would, until the test lets go.
func hold(t testing.TB, path string) (letGo func()) {
	t.Helper()
	folder := must[*os.File](t)(os.Open(path))
	check(t, syscall.Flock(int(folder.Fd()), syscall.LOCK_EX))
	return func() { folder.Close() }
}

// sparse makes a blob of zeros that takes no room, under a name that is not its own.
func sparse(t testing.TB, path string) ocilayout.Descriptor {
	t.Helper()
	digest := ocilayout.Digest("sha256:" + strings.Repeat("0", 63) + "1")
	check(t, os.WriteFile(blobPath(path, digest), nil, 0o644))
	check(t, os.Truncate(blobPath(path, digest), huge))
	return ocilayout.Descriptor{MediaType: octets, Digest: digest, Size: huge}
}

func openFiles(t testing.TB) int {
	t.Helper()
	return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd")))
}

// eventually waits for what the garbage collector, or another goroutine, brings about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for range 200 {
		if holds() {
			return
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("expected %s, which never came", what)
}

// readerFunc is a reader made of a function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(buf []byte) (int, error) { return f(buf) }

// entries are the names in an archive.
func entries(t testing.TB, path string) string {
	t.Helper()
	file := must[*os.File](t)(os.Open(path))
	defer file.Close()
	var names []string
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return strings.Join(names, " ")
		}
		check(t, err)
		names = append(names, header.Name)
	}
}

// endless gives zeros for ever.
var endless = readerFunc(func(buf []byte) (int, error) {
	clear(buf)
	return len(buf), nil
})

// only hides all but Read of a reader.
func only(reader io.Reader) io.Reader { return readerFunc(reader.Read) }
