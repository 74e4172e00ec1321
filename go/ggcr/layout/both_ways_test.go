package layout_test

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	reference "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

// images are those of each kind; made anew, since a stream can be read once.
func images(t *testing.T) map[string]v1.Image {
	t.Helper()
	oci := mutate.ConfigMediaType(mutate.MediaType(image(1), types.OCIManifestSchema1), types.OCIConfigJSON)
	changed := must(mutate.Append(image(2), mutate.Addendum{
		Layer:       must(image(7).Layers())[0],
		History:     v1.History{CreatedBy: "a test"},
		Annotations: map[string]string{"of": "the layer"},
	}))
	changed = must(mutate.Config(changed, v1.Config{Cmd: []string{"sh"}, Labels: map[string]string{"a": "b"}}))
	changed = must(mutate.CreatedAt(changed, v1.Time{Time: time.Unix(1700000000, 0)}))
	changed = mutate.Annotations(changed, map[string]string{"of": "the image"}).(v1.Image)
	streamed := must(mutate.AppendLayers(empty.Image,
		stream.NewLayer(io.NopCloser(bytes.NewReader(tarOf("streamed", "once")))),
		stream.NewLayer(io.NopCloser(bytes.NewReader(tarOf("too", "and as well"))), stream.WithCompressionLevel(9)),
	))
	archive := filepath.Join(t.TempDir(), "image.tar")
	check(t, tarball.WriteToFile(archive, must(name.NewTag("test.example/image:tag")), image(3)))
	opened := must(tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(tarOf("compressed", "when it is read"))), nil
	}))
	elsewhere := must(reference.Write(t.TempDir(), empty.Index))
	check(t, elsewhere.AppendImage(image(4)))
	return map[string]v1.Image{
		"empty":    empty.Image,
		"docker":   image(0),
		"oci":      oci,
		"mutated":  changed,
		"streamed": streamed,
		"tarball":  must(tarball.ImageFromPath(archive, nil)),
		"lazy":     must(mutate.AppendLayers(empty.Image, opened)),
		"twice":    must(mutate.AppendLayers(image(5), must(image(5).Layers())...)),
		"layout":   must(elsewhere.Image(v1.Hash{})),
	}
}

func indexes() map[string]v1.ImageIndex {
	config := must(image(6).ConfigFile()).DeepCopy()
	config.OS, config.Architecture, config.Variant = "linux", "arm64", "v8"
	forArm := must(mutate.ConfigFile(image(6), config))
	nested := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: must(random.Index(512, 1, 2))},
		mutate.IndexAddendum{Add: forArm, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"},
		}},
	)
	return map[string]v1.ImageIndex{
		"empty":  empty.Index,
		"random": must(random.Index(512, 2, 2)),
		"nested": mutate.AppendManifests(nested, mutate.IndexAddendum{Add: nested}),
		"docker": mutate.IndexMediaType(must(random.Index(512, 1, 1)), types.DockerManifestList),
		"with a blob": mutate.AppendManifests(nested, mutate.IndexAddendum{
			Add: static.NewLayer([]byte("neither image nor index"), "text/plain"),
		}),
	}
}

func TestEachKindOfImageIsStoredWhole(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	for name, given := range images(t) {
		t.Run(name, func(t *testing.T) {
			check(t, p.AppendImage(given))
			digest := must(given.Digest())
			assertImage(t, given, must(p.Image(digest)))
			assertImage(t, given, must(reference.Path(p).Image(digest)))
		})
	}
	assertSound(t, p)
}

func TestEachKindOfImageOfTheReferenceIsRead(t *testing.T) {
	t.Parallel()
	there := must(reference.Write(t.TempDir(), empty.Index))
	for name, given := range images(t) {
		t.Run(name, func(t *testing.T) {
			check(t, there.AppendImage(given))
			assertImage(t, given, must(layout.Path(there).Image(must(given.Digest()))))
		})
	}
}

func TestEachKindOfIndexIsStoredWhole(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	for name, given := range indexes() {
		t.Run(name, func(t *testing.T) {
			check(t, p.AppendIndex(given))
			digest := must(given.Digest())
			assertIndex(t, given, must(must(p.ImageIndex()).ImageIndex(digest)))
			assertIndex(t, given, must(must(reference.Path(p).ImageIndex()).ImageIndex(digest)))

			if must(given.MediaType()) != types.OCIImageIndex {
				return
			}
			written := must(layout.Write(t.TempDir(), given))
			assertIndex(t, given, must(written.ImageIndex()))
			assertIndex(t, given, must(reference.ImageIndexFromPath(string(written))))
			assertSound(t, written)
		})
	}
	assertSound(t, p)
}

func TestEachKindOfIndexOfTheReferenceIsRead(t *testing.T) {
	t.Parallel()
	for name, given := range indexes() {
		t.Run(name, func(t *testing.T) {
			there := must(reference.Write(t.TempDir(), given))
			assertIndex(t, given, must(layout.ImageIndexFromPath(string(there))))
		})
	}
}

func TestALayerKeepsWhatTheManifestSaysOfIt(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	given := images(t)["mutated"]
	check(t, p.AppendImage(given))
	found := must(p.Image(v1.Hash{}))
	expected := must(given.Manifest()).Layers
	for i, layer := range must(found.Layers()) {
		assertSame(t, "descriptor", expected[i], *must(partial.Descriptor(layer)))
		assertSame(t, "exists", true, must(partial.Exists(layer)))
		check(t, p.RemoveBlob(expected[i].Digest))
		assertSame(t, "exists", false, must(partial.Exists(layer)))
	}
	if expected[len(expected)-1].Annotations == nil {
		t.Error("expected a layer that is annotated, found none")
	}
}

func TestALayoutIsWrittenFromAnother(t *testing.T) {
	t.Parallel()
	from := must(layout.Write(t.TempDir(), indexes()["with a blob"]))
	to := must(layout.Write(t.TempDir(), must(from.ImageIndex())))
	assertIndex(t, must(from.ImageIndex()), must(to.ImageIndex()))
	if found, expected := len(blobsOf(t, string(to))), len(blobsOf(t, string(from))); found != expected {
		t.Errorf("expected %d blobs, found %d", expected, found)
	}
	same := must(layout.Write(string(from), must(from.ImageIndex())))
	assertIndex(t, must(to.ImageIndex()), must(same.ImageIndex()))
	assertSound(t, from)
}

func assertImage(t *testing.T, expected, found v1.Image) {
	t.Helper()
	check(t, validate.Image(found))
	if string(must(expected.RawManifest())) != string(must(found.RawManifest())) {
		t.Error("the manifest is another")
	}
	if string(must(expected.RawConfigFile())) != string(must(found.RawConfigFile())) {
		t.Error("the config is another")
	}
}

func assertIndex(t *testing.T, expected, found v1.ImageIndex) {
	t.Helper()
	check(t, validate.Index(found))
	if string(must(expected.RawManifest())) != string(must(found.RawManifest())) {
		t.Error("the index is another")
	}
}
