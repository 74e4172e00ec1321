package layout_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	ocilayout "github.com/ocilayout/ocilayout/go"
	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

var errMade = errors.New("made for the test")

func TestABlobIsWrittenReadAndRemoved(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	hash := hashOf([]byte("content"))
	source := &reader{content: strings.NewReader("content")}
	check(t, p.WriteBlob(hash, source))
	if source.closed.Load() != 1 {
		t.Errorf("expected the reader closed once, found %d times", source.closed.Load())
	}
	blob := must(p.Blob(hash))
	if found := must(io.ReadAll(blob)); string(found) != "content" {
		t.Errorf("expected content, found %q", found)
	}
	check(t, blob.Close())
	if found := must(p.Bytes(hash)); string(found) != "content" {
		t.Errorf("expected content, found %q", found)
	}
	check(t, p.RemoveBlob(hash))
	check(t, p.RemoveBlob(hash))
	if _, err := p.Blob(hash); !os.IsNotExist(err) {
		t.Errorf("expected that there is no blob, found %v", err)
	}
	if _, err := p.Bytes(hash); !os.IsNotExist(err) {
		t.Errorf("expected that there is no blob, found %v", err)
	}
	check(t, layout.Path(t.TempDir()).RemoveBlob(hash))
}

func TestABlobThatIsNotWhatWasPromisedGetsNoName(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*fakeLayer) error{
		"another digest": func(l *fakeLayer) error {
			l.digest = hashOf([]byte("other"))
			return ocilayout.ErrDigest
		},
		"another size": func(l *fakeLayer) error {
			l.size++
			return ocilayout.ErrDigest
		},
		"reading fails": func(l *fakeLayer) error {
			l.compressed = func() (io.ReadCloser, error) {
				return &reader{content: strings.NewReader("cont"), failed: errMade}, nil
			}
			return errMade
		},
		"closing fails": func(l *fakeLayer) error {
			l.compressed = func() (io.ReadCloser, error) {
				return &reader{content: strings.NewReader("content"), closing: errMade}, nil
			}
			return errMade
		},
		"opening fails": func(l *fakeLayer) error {
			l.compressed = func() (io.ReadCloser, error) { return nil, errMade }
			return errMade
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := emptyLayout(t)
			layer := fake("content")
			expected := change(layer)
			given := imageOf{image(1), []v1.Layer{layer}}
			for call, err := range map[string]error{
				"WriteImage":   p.WriteImage(given),
				"AppendImage":  p.AppendImage(given),
				"ReplaceImage": p.ReplaceImage(given, nil),
			} {
				if !errors.Is(err, expected) {
					t.Errorf("%s: expected %v, found %v", call, expected, err)
				}
			}
			if found := blobsOf(t, string(p)); len(found) != 0 {
				t.Errorf("expected no blob, found %v", found)
			}
			if found := entries(t, p); len(found) != 0 {
				t.Errorf("expected no entry, found %v", found)
			}
			assertSound(t, p)
		})
	}
}

// imageOf is an image that has other layers than it says.
type imageOf struct {
	v1.Image
	layers []v1.Layer
}

func (i imageOf) Layers() ([]v1.Layer, error) { return i.layers, nil }

func TestConfigManifestAndIndexMustBeWhatTheySay(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	for what, err := range map[string]error{
		"config":   p.AppendImage(lying{Image: image(1), config: true}),
		"manifest": p.AppendImage(lying{Image: image(1)}),
		"index":    p.AppendIndex(lyingIndex{empty.Index}),
		"blob":     p.WriteBlob(hashOf([]byte("a")), io.NopCloser(strings.NewReader("b"))),
	} {
		if !errors.Is(err, ocilayout.ErrDigest) {
			t.Errorf("%s: expected that the digest is another, found %v", what, err)
		}
	}
	if found := entries(t, p); len(found) != 0 {
		t.Errorf("expected no entry, found %v", found)
	}
	assertSound(t, p)
}

type lying struct {
	v1.Image
	config bool
}

func (l lying) RawConfigFile() ([]byte, error) {
	if l.config {
		return []byte("{}"), nil
	}
	return l.Image.RawConfigFile()
}

func (l lying) RawManifest() ([]byte, error) { return []byte("{}"), nil }

// v1ImageIndex has a name that is not that of one of its methods.
type v1ImageIndex v1.ImageIndex

type lyingIndex struct{ v1ImageIndex }

func (lyingIndex) RawManifest() ([]byte, error) { return []byte("{}"), nil }

func TestALayerThatIsThereIsNotOpened(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	given := image(1)
	check(t, p.WriteImage(given))
	before := must(os.Stat(blobFile(p, must(given.Digest()))))
	var layers []v1.Layer
	for _, layer := range must(given.Layers()) {
		fails := func() (io.ReadCloser, error) { return nil, errMade }
		layers = append(layers, &fakeLayer{layer, must(layer.Digest()), must(layer.Size()), fails})
	}
	check(t, p.AppendImage(imageOf{given, layers}))
	after := must(os.Stat(blobFile(p, must(given.Digest()))))
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("expected the manifest as it was, found it written anew")
	}
}

func TestABrokenBlobIsMended(t *testing.T) {
	t.Parallel()
	given := image(1)
	for what, hash := range map[string]v1.Hash{
		"layer":    must(must(given.Layers())[0].Digest()),
		"config":   must(given.ConfigName()),
		"manifest": must(given.Digest()),
	} {
		t.Run(what, func(t *testing.T) {
			p := emptyLayout(t)
			check(t, p.AppendImage(given))
			whole := must(p.Bytes(hash))
			for how, mend := range map[string]func() error{
				"WriteImage": func() error { return p.WriteImage(given) },
				"WriteBlob":  func() error { return p.WriteBlob(hash, io.NopCloser(bytes.NewReader(whole))) },
			} {
				check(t, os.WriteFile(blobFile(p, hash), whole[:len(whole)/2], 0o644))
				if validate.Image(must(p.Image(must(given.Digest())))) == nil {
					t.Errorf("%s: expected an image that is broken, found it valid", how)
				}
				check(t, mend())
				check(t, validate.Image(must(p.Image(must(given.Digest())))))
				assertSound(t, p)
			}
		})
	}
}

func TestWhatIsReadIsChecked(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	given := image(1)
	check(t, p.AppendImage(given))
	layer := must(must(given.Layers())[0].Digest())
	content := must(p.Bytes(layer))
	content[len(content)-1] ^= 1
	check(t, os.WriteFile(blobFile(p, layer), content, 0o644))

	blob := must(p.Blob(layer))
	defer blob.Close()
	if _, err := io.Copy(io.Discard, blob); !errors.Is(err, ocilayout.ErrDigest) {
		t.Errorf("expected that the digest is another, found %v", err)
	}
	if _, err := p.Bytes(layer); !errors.Is(err, ocilayout.ErrDigest) {
		t.Errorf("expected that the digest is another, found %v", err)
	}
	compressed := must(must(must(p.Image(v1.Hash{})).LayerByDigest(layer)).Compressed())
	defer compressed.Close()
	if _, err := io.Copy(io.Discard, compressed); !errors.Is(err, ocilayout.ErrDigest) {
		t.Errorf("expected that the digest is another, found %v", err)
	}
	check(t, os.WriteFile(blobFile(p, layer), content[1:], 0o644))
	if _, err := must(must(p.Image(v1.Hash{})).LayerByDigest(layer)).Compressed(); !errors.Is(err, ocilayout.ErrDigest) {
		t.Errorf("expected that the size is another, found %v", err)
	}
}

func TestAStreamIsReadOnce(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	source := &reader{content: bytes.NewReader(tarOf("a", "b"))}
	given := must(mutate.AppendLayers(empty.Image, stream.NewLayer(source)))
	if _, err := given.Digest(); !errors.Is(err, stream.ErrNotComputed) {
		t.Fatalf("expected a stream that was not read, found %v", err)
	}
	check(t, p.AppendImage(given))
	if source.closed.Load() == 0 {
		t.Error("expected the stream closed, found it open")
	}
	check(t, p.AppendImage(given))
	check(t, validate.Image(must(p.Image(must(given.Digest())))))
	if found := len(entries(t, p)); found != 2 {
		t.Errorf("expected 2 entries, found %d", found)
	}
	assertSound(t, p)
}

func TestAStreamThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for what, source := range map[string]*reader{
		"reading": {content: strings.NewReader("cont"), failed: errMade},
		"closing": {content: strings.NewReader("content"), closing: errMade},
	} {
		p := emptyLayout(t)
		given := must(mutate.AppendLayers(empty.Image, stream.NewLayer(source)))
		if err := p.AppendImage(given); !errors.Is(err, errMade) {
			t.Errorf("%s: expected %v, found %v", what, errMade, err)
		}
		if found := blobsOf(t, string(p)); len(found) != 0 {
			t.Errorf("%s: expected no blob, found %v", what, found)
		}
		assertSound(t, p)
	}
}

// lateLayer says what it was when it was read, and that may be wrong.
type lateLayer struct {
	*fakeLayer
	read bool
}

func (l *lateLayer) Compressed() (io.ReadCloser, error) {
	l.read = true
	return l.fakeLayer.Compressed()
}

func (l *lateLayer) Digest() (v1.Hash, error) {
	if !l.read {
		return v1.Hash{}, stream.ErrNotComputed
	}
	return l.fakeLayer.Digest()
}

func TestAStreamMustBeWhatItSaysAtItsEnd(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	right := &lateLayer{fakeLayer: fake("right")}
	check(t, p.WriteImage(imageOf{image(1), []v1.Layer{right}}))
	unsized := &lateLayer{fakeLayer: fake("of no size")}
	unsized.size = -1
	check(t, p.WriteImage(imageOf{image(1), []v1.Layer{unsized}}))
	wrong := &lateLayer{fakeLayer: fake("wrong")}
	wrong.digest = right.digest
	if err := p.WriteImage(imageOf{image(1), []v1.Layer{wrong}}); err == nil || !strings.Contains(err.Error(), "which the layer says is") {
		t.Errorf("expected that the layer is another, found %v", err)
	}
	assertSound(t, p)
}

// waiting is a layer that can be read when all of them are being read.
type waiting struct {
	*fakeLayer
	arrived chan<- bool
	all     <-chan bool
}

func (w waiting) Compressed() (io.ReadCloser, error) {
	w.arrived <- true
	<-w.all
	return w.fakeLayer.Compressed()
}

func TestLayersAreReadSideBySide(t *testing.T) {
	t.Parallel()
	const count = 40
	arrived, all := make(chan bool), make(chan bool)
	var layers []v1.Layer
	for i := range count {
		layers = append(layers, waiting{fake(strings.Repeat("x", i+1)), arrived, all})
	}
	go func() {
		for range count {
			<-arrived
		}
		close(all)
	}()
	p := emptyLayout(t)
	check(t, p.WriteImage(imageOf{image(1), layers}))
	if found := len(blobsOf(t, string(p))); found != count+2 {
		t.Errorf("expected %d blobs, found %d", count+2, found)
	}
}
