package layout_test

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	reference "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
)

func TestGarbageIsListedAndStays(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	kept, dropped := image(1), image(2)
	check(t, p.AppendImage(kept))
	check(t, p.AppendIndex(indexes()["nested"]))
	assertSame(t, "garbage", []v1.Hash{}, must(p.GarbageCollect()))

	check(t, p.AppendImage(dropped))
	check(t, p.RemoveDescriptors(match.Digests(must(dropped.Digest()))))
	check(t, p.WriteBlob(hashOf([]byte("x")), io.NopCloser(strings.NewReader("x"))))
	garbage := must(p.GarbageCollect())
	assertSame(t, "garbage", must(reference.Path(p).GarbageCollect()), garbage)
	expected := []v1.Hash{must(dropped.Digest()), must(dropped.ConfigName()), hashOf([]byte("x"))}
	for _, layer := range must(dropped.Layers()) {
		expected = append(expected, must(layer.Digest()))
	}
	slices.SortFunc(expected, func(a, b v1.Hash) int { return strings.Compare(a.Hex, b.Hex) })
	assertSame(t, "garbage", expected, garbage)
	for _, hash := range garbage {
		must(p.Bytes(hash))
	}
}

func TestACollectionPassesOverWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	check(t, p.AppendIndex(mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: static.NewLayer([]byte("text"), "text/plain"),
	})))
	check(t, os.WriteFile(file(p, "blobs", "sha256", "no-digest"), nil, 0o644))
	if _, err := reference.Path(p).GarbageCollect(); err == nil {
		t.Error("expected that the reference fails, found that it does not")
	}
	assertSame(t, "garbage", []v1.Hash{}, must(p.GarbageCollect()))
}

func TestWhatHasASubjectThatStaysIsNoGarbage(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	subject := image(1)
	check(t, p.AppendImage(subject))
	digest, size := must(subject.Digest()), must(subject.Size())
	referrer := mutate.Subject(image(2), v1.Descriptor{
		MediaType: must(subject.MediaType()), Digest: digest, Size: size,
	}).(v1.Image)
	check(t, p.WriteImage(referrer))
	if found := must(reference.Path(p).GarbageCollect()); !slices.Contains(found, must(referrer.Digest())) {
		t.Errorf("expected that the reference takes it for garbage, found %v", found)
	}
	assertSame(t, "garbage", []v1.Hash{}, must(p.GarbageCollect()))
	check(t, p.RemoveDescriptors(match.Digests(digest)))
	if found := must(p.GarbageCollect()); !slices.Contains(found, must(referrer.Digest())) {
		t.Errorf("expected that it is garbage without its subject, found %v", found)
	}
}

func TestWhatARunningWriterHasPutIsNoGarbage(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	var during []v1.Hash
	asking := image(2)
	first := fake("the layer of one image")
	check(t, p.WriteIndex(mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: image(1)},
		mutate.IndexAddendum{Add: imageOf{asking, []v1.Layer{asks{first, func() {
			during = must(p.GarbageCollect())
			if found := len(blobsOf(t, string(p))); found < 4 {
				t.Errorf("expected the first image, found %d blobs", found)
			}
		}}}}},
	)))
	assertSame(t, "garbage", []v1.Hash{}, during)
	if found := len(must(p.GarbageCollect())); found < 5 {
		t.Errorf("expected garbage when the writer has ended, found %d blobs", found)
	}
}

// asks does something when it is read.
type asks struct {
	*fakeLayer
	do func()
}

func (a asks) Compressed() (io.ReadCloser, error) {
	a.do()
	return a.fakeLayer.Compressed()
}
