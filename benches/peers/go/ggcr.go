package main

import (
	"errors"
	"io"
	"os"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// emptyImage is an OCI image without layers.
func emptyImage() v1.Image {
	return mutate.ConfigMediaType(
		mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
}

func named(name string) map[string]string { return map[string]string{refName: name} }

func appendImage(dir string, layers ...v1.Layer) error {
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(emptyImage(), layers...)
	if err != nil {
		return err
	}
	return path.AppendImage(image, layout.WithAnnotations(named("image")))
}

// ggcrStream makes an image of TAR by a layer that is compressed as it is read.
func ggcrStream(dir string, args []string) error {
	options := []stream.LayerOption{stream.WithMediaType(types.OCILayer)}
	if len(args) == 2 {
		level, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		options = append(options, stream.WithCompressionLevel(level))
	}
	tar, err := os.Open(args[0])
	if err != nil {
		return err
	}
	return appendImage(dir, stream.NewLayer(tar, options...))
}

// known is a layer of which all is known, so that nothing is hashed.
type known struct{ blob }

func (k known) Digest() (v1.Hash, error)             { return v1.NewHash(k.digest) }
func (k known) DiffID() (v1.Hash, error)             { return v1.NewHash(k.diffID) }
func (k known) Compressed() (io.ReadCloser, error)   { return os.Open(k.path) }
func (k known) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }
func (k known) Size() (int64, error)                 { return k.size, nil }
func (k known) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }

func ggcrBlobs(dir string, blobs []blob) error {
	var layers []v1.Layer
	for _, blob := range blobs {
		layers = append(layers, known{blob})
	}
	return appendImage(dir, layers...)
}

func smallImage(number int) (v1.Image, error) {
	return mutate.AppendLayers(emptyImage(),
		static.NewLayer(content1KiB(number), types.OCIUncompressedLayer))
}

// ggcrImages appends small images one by one.
func ggcrImages(dir string, count int) error {
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for number := range count {
		image, err := smallImage(number)
		if err != nil {
			return err
		}
		if err := path.AppendImage(image, layout.WithAnnotations(named(name(number)))); err != nil {
			return err
		}
	}
	return nil
}

// ggcrBatch writes a layout of an index that was built beforehand.
func ggcrBatch(dir string, count int) error {
	var entries []mutate.IndexAddendum
	for number := range count {
		image, err := smallImage(number)
		if err != nil {
			return err
		}
		entries = append(entries, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Annotations: named(name(number))},
		})
	}
	_, err := layout.Write(dir, mutate.AppendManifests(empty.Index, entries...))
	return err
}
