package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// Write stores all that ii names, down the whole tree, and makes it the index.json of
// the layout in the directory path, which is made if it is not there.
func Write(path string, ii v1.ImageIndex) (Path, error) {
	l := Path(path)
	if err := l.clearHalf(); err != nil {
		return "", err
	}
	err := l.storing(func(s store) error {
		if err := s.children(ii); err != nil {
			return err
		}
		index, err := ii.RawManifest()
		if err != nil {
			return err
		}
		return s.WriteFile(context.Background(), "index.json", index)
	})
	if err != nil {
		return "", err
	}
	return l, nil
}

// clearHalf makes way where a writer ended that says first that this is a layout, and
// then what is in it.
func (l Path) clearHalf() error {
	if _, err := os.Lstat(l.join("index.json")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := os.Remove(l.join("oci-layout"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// WriteImage stores an image: its layers, several at once, its config, and its manifest
// last. index.json is not touched: see AppendImage and ReplaceImage.
func (l Path) WriteImage(img v1.Image) error {
	return l.storing(func(s store) error { return s.image(img) })
}

// WriteIndex stores an index, after all that it names, down the whole tree. index.json
// is not touched: see AppendIndex and ReplaceIndex.
func (l Path) WriteIndex(ii v1.ImageIndex) error {
	return l.storing(func(s store) error { return s.index(ii) })
}

// WriteFile writes a file that stands beside blobs, such as oci-layout, in one step.
// Who may not read or write it by perm may not do so. For blobs there is WriteBlob.
func (l Path) WriteFile(name string, data []byte, perm os.FileMode) error {
	return l.storing(func(s store) error {
		if err := s.WriteFile(context.Background(), name, data); err != nil {
			return err
		}
		info, err := os.Stat(l.join(name))
		if err != nil || info.Mode().Perm()&^perm == 0 {
			return err
		}
		return os.Chmod(l.join(name), info.Mode().Perm()&perm)
	})
}

func (s store) image(img v1.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, layer := range layers {
		group.Go(func() error { return s.layer(layer) })
	}
	if err := group.Wait(); err != nil {
		return err
	}

	// What a stream was is known only now.
	name, err := img.ConfigName()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	if err := s.document(name, config); err != nil {
		return fmt.Errorf("writing config: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	if err := s.document(digest, manifest); err != nil {
		return fmt.Errorf("writing manifest: %w", err)
	}
	return nil
}

func (s store) index(ii v1.ImageIndex) error {
	if err := s.children(ii); err != nil {
		return err
	}
	digest, err := ii.Digest()
	if err != nil {
		return err
	}
	index, err := ii.RawManifest()
	if err != nil {
		return err
	}
	if err := s.document(digest, index); err != nil {
		return fmt.Errorf("writing index: %w", err)
	}
	return nil
}

// children stores what an index names. What is neither an image nor an index is a blob.
func (s store) children(ii v1.ImageIndex) error {
	index, err := ii.IndexManifest()
	if err != nil {
		return err
	}
	for _, child := range index.Manifests {
		switch child.MediaType {
		case types.OCIImageIndex, types.DockerManifestList:
			ii, err := ii.ImageIndex(child.Digest)
			if err != nil {
				return err
			}
			if err := s.index(ii); err != nil {
				return err
			}
		case types.OCIManifestSchema1, types.DockerManifestSchema2:
			img, err := ii.Image(child.Digest)
			if err != nil {
				return err
			}
			if err := s.image(img); err != nil {
				return err
			}
		default:
			source := &source{open: func() (io.ReadCloser, error) { return blobOf(ii, child.Digest) }}
			expected := ocilayout.Expected{Digest: digestOf(child.Digest), Size: child.Size}
			err := s.blob(source, expected)
			source.Close()
			if err != nil {
				return fmt.Errorf("writing %s: %w", child.MediaType, err)
			}
		}
	}
	return nil
}

// blobOf is what an index has under this digest, if it has blobs.
func blobOf(ii v1.ImageIndex, h v1.Hash) (io.ReadCloser, error) {
	switch ii := ii.(type) {
	case interface {
		Layer(v1.Hash) (v1.Layer, error)
	}:
		layer, err := ii.Layer(h)
		if err != nil {
			return nil, err
		}
		return layer.Compressed()
	case interface {
		Blob(v1.Hash) (io.ReadCloser, error)
	}:
		return ii.Blob(h)
	}
	return nil, fmt.Errorf("blob %s: expected an index that has blobs, found %T", h, ii)
}

// layer stores a layer as it is compressed. What it does not know of itself before it
// was read must agree with what was stored.
func (s store) layer(layer v1.Layer) error {
	expected, err := told(layer)
	if err != nil {
		return err
	}
	source := &source{open: layer.Compressed}
	defer source.Close()
	stored, err := s.Put(context.Background(), source, &ocilayout.BlobOptions{Expected: &expected})
	if err != nil {
		return fmt.Errorf("writing layer: %w", err)
	}
	if expected.Digest != "" && expected.Size >= 0 {
		return nil
	}
	expected, err = told(layer)
	if err != nil {
		return err
	}
	if expected.Digest != stored.Digest || expected.Size >= 0 && expected.Size != stored.Size {
		return fmt.Errorf("writing layer: stored %s of %d bytes, which the layer says is %s of %d bytes",
			stored.Digest, stored.Size, expected.Digest, expected.Size)
	}
	return nil
}

// told is what a layer says of itself: less, if it is a stream that was not read yet.
func told(layer v1.Layer) (ocilayout.Expected, error) {
	expected := ocilayout.Expected{Size: -1}
	switch digest, err := layer.Digest(); {
	case err == nil:
		expected.Digest = digestOf(digest)
	case !errors.Is(err, stream.ErrNotComputed):
		return expected, err
	}
	switch size, err := layer.Size(); {
	case err == nil:
		expected.Size = size
	case !errors.Is(err, stream.ErrNotComputed):
		return expected, err
	}
	return expected, nil
}
