package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
)

// pushed is a document in its store.
func pushed(store *oci.Store, mediaType string, document any) (ocispec.Descriptor, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	descriptor := content.NewDescriptorFromBytes(mediaType, text)
	return descriptor, store.Push(context.Background(), descriptor, bytes.NewReader(text))
}

func configOf(diffIDs []digest.Digest) ocispec.Image {
	return ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: diffIDs},
	}
}

func manifestOf(config ocispec.Descriptor, layers []ocispec.Descriptor) ocispec.Manifest {
	return ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    config,
		Layers:    layers,
	}
}

// orasImage names an image whose layers are in the store.
func orasImage(store *oci.Store, name string, layers []ocispec.Descriptor, diffIDs []digest.Digest) error {
	config, err := pushed(store, ocispec.MediaTypeImageConfig, configOf(diffIDs))
	if err != nil {
		return err
	}
	manifest, err := pushed(store, ocispec.MediaTypeImageManifest, manifestOf(config, layers))
	if err != nil {
		return err
	}
	return store.Tag(context.Background(), manifest, name)
}

// orasBlobs pushes each blob by a goroutine of its own.
func orasBlobs(dir string, blobs []blob) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	var group errgroup.Group
	var layers []ocispec.Descriptor
	var diffIDs []digest.Digest
	for _, blob := range blobs {
		layer := ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageLayerGzip,
			Digest:    digest.Digest(blob.digest),
			Size:      blob.size,
		}
		layers = append(layers, layer)
		diffIDs = append(diffIDs, digest.Digest(blob.diffID))
		group.Go(func() error {
			file, err := os.Open(blob.path)
			if err != nil {
				return err
			}
			defer file.Close()
			return store.Push(context.Background(), layer, file)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return orasImage(store, "image", layers, diffIDs)
}

// orasSmallImage pushes the small image of a number, and names it.
func orasSmallImage(store *oci.Store, number int, name string) error {
	oneKiB := content1KiB(number)
	layer := content.NewDescriptorFromBytes(ocispec.MediaTypeImageLayer, oneKiB)
	if err := store.Push(context.Background(), layer, bytes.NewReader(oneKiB)); err != nil {
		return err
	}
	return orasImage(store, name, []ocispec.Descriptor{layer}, []digest.Digest{layer.Digest})
}

func pushSmallImages(store *oci.Store, count int) error {
	for number := range count {
		if err := orasSmallImage(store, number, name(number)); err != nil {
			return err
		}
	}
	return nil
}

// orasImages saves index.json with each image, as is the default.
func orasImages(dir string, count int) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	return pushSmallImages(store, count)
}

// orasBatch saves index.json once.
func orasBatch(dir string, count int) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	store.AutoSaveIndex = false
	if err := pushSmallImages(store, count); err != nil {
		return err
	}
	return store.SaveIndex()
}
