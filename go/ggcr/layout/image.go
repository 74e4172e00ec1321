package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// Image is the image in index.json that has this digest; or the only one, if h is the
// zero value. What belongs to it is read when it is asked for.
func (l Path) Image(h v1.Hash) (v1.Image, error) {
	index, err := l.ImageIndex()
	if err != nil {
		return nil, err
	}
	return index.Image(h)
}

// image is what package partial makes an image of.
type image struct {
	path       Path
	descriptor v1.Descriptor

	mu   sync.Mutex
	text []byte
}

func (i *image) MediaType() (types.MediaType, error) { return i.descriptor.MediaType, nil }

func (i *image) Manifest() (*v1.Manifest, error) { return partial.Manifest(i) }

func (i *image) RawManifest() ([]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.text == nil {
		text, err := i.path.Bytes(i.descriptor.Digest)
		if err != nil {
			return nil, err
		}
		i.text = text
	}
	return i.text, nil
}

func (i *image) RawConfigFile() ([]byte, error) {
	manifest, err := i.Manifest()
	if err != nil {
		return nil, err
	}
	return i.path.Bytes(manifest.Config.Digest)
}

func (i *image) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	manifest, err := i.Manifest()
	if err != nil {
		return nil, err
	}
	for _, blob := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		if blob.Digest == h {
			return &layer{i.path, blob}, nil
		}
	}
	return nil, fmt.Errorf("expected a layer with the digest %s, found none", h)
}

// layer is what package partial makes a layer of.
type layer struct {
	path       Path
	descriptor v1.Descriptor
}

func (l *layer) Digest() (v1.Hash, error) { return l.descriptor.Digest, nil }

func (l *layer) Size() (int64, error) { return l.descriptor.Size, nil }

func (l *layer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }

// Descriptor has package partial take annotations and URLs from the manifest.
func (l *layer) Descriptor() (*v1.Descriptor, error) { return l.descriptor.DeepCopy(), nil }

func (l *layer) Compressed() (io.ReadCloser, error) {
	return l.path.open(l.descriptor.Digest, func(*ocilayout.Layout) (int64, error) { return l.descriptor.Size, nil })
}

// Exists has package partial look without opening.
func (l *layer) Exists() (bool, error) {
	err := l.path.reading(func(layout *ocilayout.Layout) error {
		_, err := layout.BlobSize(digestOf(l.descriptor.Digest))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
