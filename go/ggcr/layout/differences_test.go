package layout_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	reference "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

// The doc of the package says what is different, on purpose; here is what of that no
// other test is about.

func assertFails(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: expected a failure, found none", what)
	}
}

func TestALayoutIsMadeWholeByWhatWrites(t *testing.T) {
	for what, write := range map[string]func(layout.Path) error{
		"WriteImage": func(p layout.Path) error { return p.WriteImage(image(1)) },
		"WriteIndex": func(p layout.Path) error { return p.WriteIndex(empty.Index) },
		"WriteBlob":  func(p layout.Path) error { return p.WriteBlob(hashOf(nil), io.NopCloser(strings.NewReader(""))) },
		"WriteFile":  func(p layout.Path) error { return p.WriteFile("file", nil, 0o644) },
	} {
		path := filepath.Join(t.TempDir(), "not", "there")
		check(t, write(layout.Path(path)))
		p, err := layout.FromPath(path)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if found := entries(t, p); len(found) != 0 {
			t.Errorf("%s: expected no entry, found %v", what, found)
		}
		check(t, p.AppendImage(image(2)))
	}
}

func TestEditsFailBeforeTheyWriteWhereThereIsNoLayout(t *testing.T) {
	p := layout.Path(t.TempDir())
	_, errOfPath := layout.FromPath(string(p))
	_, errOfIndex := p.ImageIndex()
	_, errOfImage := p.Image(v1.Hash{})
	_, errOfGarbage := p.GarbageCollect()
	for what, err := range map[string]error{
		"FromPath":          errOfPath,
		"ImageIndex":        errOfIndex,
		"Image":             errOfImage,
		"GarbageCollect":    errOfGarbage,
		"AppendImage":       p.AppendImage(image(1)),
		"AppendIndex":       p.AppendIndex(empty.Index),
		"AppendDescriptor":  p.AppendDescriptor(v1.Descriptor{}),
		"ReplaceImage":      p.ReplaceImage(image(1), nil),
		"ReplaceIndex":      p.ReplaceIndex(empty.Index, nil),
		"RemoveDescriptors": p.RemoveDescriptors(nil),
	} {
		if !os.IsNotExist(err) {
			t.Errorf("%s: expected that there is none, found %v", what, err)
		}
	}
	if found := must(os.ReadDir(string(p))); len(found) != 0 {
		t.Errorf("expected nothing written, found %v", found)
	}
}

func TestAPathIsTakenFromTheCurrentDirectory(t *testing.T) {
	t.Chdir(string(emptyLayout(t)))
	for _, path := range []string{"", ".", "../layout/"} {
		p := must(layout.FromPath(path))
		check(t, p.AppendImage(image(1)))
		check(t, validate.Index(must(must(reference.FromPath(path)).ImageIndex())))
	}
}

func TestAnErrorTellsWhatIsInTheWay(t *testing.T) {
	place := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(place, nil, 0o644))
	for _, path := range []string{place, filepath.Join(place, "below")} {
		if err := layout.Path(path).WriteImage(image(1)); err == nil || os.IsNotExist(err) {
			t.Errorf("expected that a file is in the way, found %v", err)
		}
	}
	found, err := layout.FromPath(place)
	assertFails(t, "FromPath", err)
	assertSame(t, "path", layout.Path(""), found)
}

func TestAMissingMarkerIsAddedByWhatWrites(t *testing.T) {
	p := emptyLayout(t)
	check(t, os.Remove(file(p, "oci-layout")))
	_, err := layout.FromPath(string(p))
	assertFails(t, "FromPath", err)
	check(t, p.AppendImage(image(1)))
	check(t, validate.Index(must(layout.ImageIndexFromPath(string(p)))))

	check(t, os.WriteFile(file(p, "oci-layout"), []byte(`{"imageLayoutVersion":"2.0.0"}`), 0o644))
	_, err = layout.FromPath(string(p))
	assertFails(t, "FromPath", err)
	assertFails(t, "AppendImage", p.AppendImage(image(2)))
}

func TestWriteTakesThePlaceOfWhatIsThere(t *testing.T) {
	p := must(layout.Write(t.TempDir(), indexes()["random"]))
	nested := indexes()["nested"]
	must(layout.Write(string(p), nested))
	assertIndex(t, nested, must(p.ImageIndex()))

	// What the reference leaves when it is killed.
	check(t, os.Remove(file(p, "index.json")))
	must(layout.Write(string(p), empty.Index))
	assertIndex(t, empty.Index, must(p.ImageIndex()))

	check(t, os.RemoveAll(string(p)))
	must(layout.Write(string(p), empty.Index))
	assertIndex(t, empty.Index, must(p.ImageIndex()))
	if _, err := layout.Write("a\x00path", empty.Index); err == nil {
		t.Error("expected a failure, found none")
	}
}

func TestAFailingWriteLeavesWhatWasThere(t *testing.T) {
	p := must(layout.Write(t.TempDir(), indexes()["random"]))
	before := must(os.ReadFile(file(p, "index.json")))
	broken := fake("content")
	broken.size++
	_, err := layout.Write(string(p), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: imageOf{image(1), []v1.Layer{broken}},
	}))
	assertFails(t, "Write", err)
	assertSame(t, "index.json", string(before), string(must(os.ReadFile(file(p, "index.json")))))
	assertSound(t, p)
}

func TestAnIndexTellsItsMediaType(t *testing.T) {
	silent := mutate.IndexMediaType(empty.Index, "")
	p := must(layout.Write(t.TempDir(), silent))
	assertSame(t, "index.json", types.OCIImageIndex, must(must(p.ImageIndex()).IndexManifest()).MediaType)
	_, err := layout.Write(t.TempDir(), mutate.IndexMediaType(empty.Index, types.DockerManifestList))
	assertFails(t, "Write", err)
}

func TestEntriesKeepWhatTheySay(t *testing.T) {
	p := emptyLayout(t)
	entry := `{"mediaType": "application/vnd.example", "digest": "sha256:` + strings.Repeat("a", 64) +
		`", "size": 1, "org.example.new": [1.50, {"x": null}]}`
	foreign := `{"mediaType": "application/vnd.example", "digest": "blake3:` + strings.Repeat("a", 64) + `", "size": 1}`
	check(t, os.WriteFile(file(p, "index.json"), []byte(`{"schemaVersion": 2, "org.example.kept": true, "manifests": [`+entry+", "+foreign+`]}`), 0o644))

	asked := 0
	check(t, p.AppendImage(image(1)))
	check(t, p.ReplaceImage(image(2), func(entry v1.Descriptor) bool {
		asked++
		return entry.MediaType.IsImage()
	}))
	if asked < 2 {
		t.Errorf("expected that the matcher is asked, found %d questions", asked)
	}
	check(t, p.RemoveDescriptors(func(entry v1.Descriptor) bool { return entry.MediaType.IsImage() }))
	text := string(must(os.ReadFile(file(p, "index.json"))))
	for _, kept := range []string{entry, foreign, "org.example.kept"} {
		if !strings.Contains(text, kept) {
			t.Errorf("expected %s, found %s", kept, text)
		}
	}
	check(t, p.RemoveDescriptors(func(v1.Descriptor) bool { return true }))
	if text := string(must(os.ReadFile(file(p, "index.json")))); strings.Contains(text, entry) || !strings.Contains(text, foreign) {
		t.Errorf("expected the foreign entry alone, found %s", text)
	}
}

func TestFilesAreWrittenBesideBlobs(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	p := emptyLayout(t)
	for name, perm := range map[string]os.FileMode{"oci-layout": 0o777, "private": 0o600, "read-only": 0o444, "executable": 0o711, "none": 0} {
		check(t, p.WriteFile(name, []byte(`{"imageLayoutVersion":"1.0.0"}`), perm))
		assertSame(t, name, 0o644&perm, must(os.Stat(file(p, name))).Mode().Perm())
	}
	check(t, p.WriteFile("index.json", must(indexes()["random"].RawManifest()), 0o644))
	assertFails(t, "oci-layout", p.WriteFile("oci-layout", []byte("{}"), 0o644))
	assertFails(t, "index.json", p.WriteFile("index.json", []byte("[]"), 0o644))
	assertFails(t, "blobs", p.WriteFile("blobs/sha256/"+strings.Repeat("a", 64), nil, 0o644))
	assertFails(t, "below", p.WriteFile("../file", nil, 0o644))
	assertSame(t, "executable files", 0o644, int(must(os.Stat(file(p, "index.json"))).Mode()))
}

func TestLinksAreNotFollowed(t *testing.T) {
	p := emptyLayout(t)
	hash := hashOf([]byte("content"))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	check(t, os.WriteFile(elsewhere, []byte("content"), 0o644))
	check(t, os.MkdirAll(file(p, "blobs", "sha256"), 0o755))
	check(t, os.Symlink(elsewhere, blobFile(p, hash)))
	_, err := p.Blob(hash)
	assertFails(t, "Blob", err)
	_, err = p.Bytes(hash)
	assertFails(t, "Bytes", err)
}

func TestWhatPanickedIsAnError(t *testing.T) {
	p := emptyLayout(t)
	source := &reader{content: strings.NewReader("content")}
	assertFails(t, "WriteBlob", p.WriteBlob(v1.Hash{Algorithm: "sha256"}, source))
	if source.closed.Load() != 1 {
		t.Errorf("expected the reader closed once, found %d times", source.closed.Load())
	}
	named := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: static.NewLayer([]byte("text"), "text/plain")})
	assertFails(t, "WriteIndex", p.WriteIndex(bare{named}))

	// A blob that is there is not asked for.
	check(t, p.WriteIndex(named))
	check(t, p.WriteIndex(bare{named}))
}

// bare is an index that has no blobs.
type bare struct{ v1ImageIndex }

func TestWhatIsNotAskedForIsNotRead(t *testing.T) {
	p := emptyLayout(t)
	given := image(1)
	check(t, p.AppendImage(given))
	check(t, os.RemoveAll(file(p, "blobs")))
	found := must(must(p.ImageIndex()).Image(must(given.Digest())))
	assertSame(t, "media type", must(given.MediaType()), must(found.MediaType()))
	if _, err := found.RawManifest(); !os.IsNotExist(err) {
		t.Errorf("expected that there is no manifest, found %v", err)
	}
	// What was not there is looked for again.
	check(t, p.WriteImage(given))
	check(t, validate.Image(found))
}

func TestTheReferenceGoesOnWhereTheAdapterWas(t *testing.T) {
	p := emptyLayout(t)
	check(t, p.AppendImage(image(1)))
	check(t, reference.Path(p).AppendImage(image(2)))
	check(t, p.AppendImage(image(3)))
	check(t, reference.Path(p).ReplaceImage(image(4), func(entry v1.Descriptor) bool {
		return entry.Digest == must(image(3).Digest())
	}))
	var found []v1.Hash
	for _, entry := range entries(t, p) {
		found = append(found, entry.Digest)
	}
	assertSame(t, "entries", []v1.Hash{must(image(1).Digest()), must(image(2).Digest()), must(image(4).Digest())}, found)
	check(t, validate.Index(must(p.ImageIndex())))
}
