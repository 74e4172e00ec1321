package layout

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// ImageIndexFromPath is the index.json of the layout in the directory path.
func ImageIndexFromPath(path string) (v1.ImageIndex, error) {
	l, err := FromPath(path)
	if err != nil {
		return nil, err
	}
	return l.ImageIndex()
}

// ImageIndex is the index.json of the layout, as it is now. What it names is read when
// it is asked for.
func (l Path) ImageIndex() (v1.ImageIndex, error) {
	var text []byte
	err := l.reading(func(layout *ocilayout.Layout) (err error) {
		text, err = layout.ReadFile("index.json")
		return err
	})
	if err != nil {
		return nil, l.asFile(err, "index.json")
	}
	return &index{l, types.OCIImageIndex, text}, nil
}

// index is an index of a layout: index.json, or one below it.
type index struct {
	path      Path
	mediaType types.MediaType
	text      []byte
}

func (i *index) MediaType() (types.MediaType, error) { return i.mediaType, nil }

func (i *index) Digest() (v1.Hash, error) { return partial.Digest(i) }

func (i *index) Size() (int64, error) { return partial.Size(i) }

func (i *index) RawManifest() ([]byte, error) { return i.text, nil }

func (i *index) IndexManifest() (*v1.IndexManifest, error) {
	return v1.ParseIndexManifest(bytes.NewReader(i.text))
}

func (i *index) Image(h v1.Hash) (v1.Image, error) {
	entry, err := i.entry(h, types.OCIManifestSchema1, types.DockerManifestSchema2)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&image{path: i.path, descriptor: entry})
}

func (i *index) ImageIndex(h v1.Hash) (v1.ImageIndex, error) {
	entry, err := i.entry(h, types.OCIImageIndex, types.DockerManifestList)
	if err != nil {
		return nil, err
	}
	text, err := i.path.Bytes(entry.Digest)
	if err != nil {
		return nil, err
	}
	return &index{i.path, entry.MediaType, text}, nil
}

// Blob has those find a blob who look for one in an index.
func (i *index) Blob(h v1.Hash) (io.ReadCloser, error) { return i.path.Blob(h) }

// entry is that of this digest, which must be one of these things. No digest means the
// only entry that there is.
func (i *index) entry(h v1.Hash, expected ...types.MediaType) (v1.Descriptor, error) {
	manifest, err := i.IndexManifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	entries := manifest.Manifests
	at := slices.IndexFunc(entries, func(entry v1.Descriptor) bool { return entry.Digest == h })
	switch {
	case h == v1.Hash{} && len(entries) != 1:
		return v1.Descriptor{}, fmt.Errorf("expected one entry where no digest is given, found %d", len(entries))
	case h == v1.Hash{}:
		at = 0
	case at < 0:
		return v1.Descriptor{}, fmt.Errorf("expected an entry with the digest %s, found none", h)
	}
	if !slices.Contains(expected, entries[at].MediaType) {
		return v1.Descriptor{}, fmt.Errorf("%s: expected one of %v, found %s", entries[at].Digest, expected, entries[at].MediaType)
	}
	return entries[at], nil
}
