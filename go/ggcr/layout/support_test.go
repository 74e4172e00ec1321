package layout_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func emptyLayout(t *testing.T) layout.Path {
	t.Helper()
	return must(layout.Write(filepath.Join(t.TempDir(), "layout"), empty.Index))
}

// image is a random image; the same for each seed.
func image(seed int64) v1.Image {
	return must(random.Image(2048, 2, random.WithSource(rand.NewSource(seed))))
}

func file(p layout.Path, names ...string) string {
	return filepath.Join(append([]string{string(p)}, names...)...)
}

func blobFile(p layout.Path, h v1.Hash) string {
	return file(p, "blobs", h.Algorithm, h.Hex)
}

func hashOf(content []byte) v1.Hash {
	sum := sha256.Sum256(content)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func blobsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	blobs := make(map[string]string)
	check(t, filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			blobs[filepath.Base(path)] = string(must(os.ReadFile(path)))
		}
		return err
	}))
	return blobs
}

// assertSound hashes what is stored, and looks for what should not be there.
func assertSound(t *testing.T, p layout.Path) {
	t.Helper()
	for name, content := range blobsOf(t, string(p)) {
		if found := hashOf([]byte(content)).Hex; found != name {
			t.Errorf("%s: expected its content, found that of %s", name, found)
		}
	}
	for _, entry := range must(os.ReadDir(string(p))) {
		switch entry.Name() {
		case "blobs", "index.json", "index.json.lock", "oci-layout":
		default:
			t.Errorf("expected nothing else in the layout, found %s", entry.Name())
		}
	}
}

func entries(t *testing.T, p layout.Path) []v1.Descriptor {
	t.Helper()
	return must(must(p.ImageIndex()).IndexManifest()).Manifests
}

// tarOf is an archive of one file.
func tarOf(name, content string) []byte {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	must(0, writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
	must(writer.Write([]byte(content)))
	must(0, writer.Close())
	return archive.Bytes()
}

// fakeLayer is a layer that tells and gives what it is asked to.
type fakeLayer struct {
	v1.Layer
	digest     v1.Hash
	size       int64
	compressed func() (io.ReadCloser, error)
}

// fake says the truth of content, until it is changed.
func fake(content string) *fakeLayer {
	layer := static.NewLayer([]byte(content), types.OCIUncompressedLayer)
	return &fakeLayer{layer, must(layer.Digest()), must(layer.Size()), layer.Compressed}
}

func (l *fakeLayer) Digest() (v1.Hash, error) { return l.digest, nil }

func (l *fakeLayer) Size() (int64, error) { return l.size, nil }

func (l *fakeLayer) Compressed() (io.ReadCloser, error) { return l.compressed() }

// reader gives content, and then this error; it is closed with another.
type reader struct {
	content io.Reader
	failed  error
	closing error
	// A stream closes what it is made of on two goroutines.
	closed atomic.Int32
}

func (r *reader) Read(buf []byte) (int, error) {
	n, err := r.content.Read(buf)
	if err == io.EOF && r.failed != nil {
		err = r.failed
	}
	return n, err
}

func (r *reader) Close() error {
	r.closed.Add(1)
	return r.closing
}
