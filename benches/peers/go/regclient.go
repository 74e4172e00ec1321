package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
)

// regclientLayout is a layout that regclient writes.
type regclientLayout struct {
	client *regclient.RegClient
	dir    string
}

func (l regclientLayout) put(d ocispec.Descriptor, from io.Reader) error {
	where, err := ref.New("ocidir://" + l.dir)
	if err != nil {
		return err
	}
	parsed, err := digest.Parse(d.Digest.String())
	if err != nil {
		return err
	}
	_, err = l.client.BlobPut(context.Background(), where,
		descriptor.Descriptor{MediaType: d.MediaType, Digest: parsed, Size: d.Size}, from)
	return err
}

// putImage names an image whose layers are in the layout.
func (l regclientLayout) putImage(name string, layers []ocispec.Descriptor, diffIDs []digest.Digest) error {
	text, err := json.Marshal(configOf(diffIDs))
	if err != nil {
		return err
	}
	config := content.NewDescriptorFromBytes(ocispec.MediaTypeImageConfig, text)
	if err := l.put(config, bytes.NewReader(text)); err != nil {
		return err
	}
	text, err = json.Marshal(manifestOf(config, layers))
	if err != nil {
		return err
	}
	image, err := manifest.New(manifest.WithRaw(text))
	if err != nil {
		return err
	}
	where, err := ref.New("ocidir://" + l.dir + ":" + name)
	if err != nil {
		return err
	}
	return l.client.ManifestPut(context.Background(), where, image)
}

// regclientBlobs puts each blob by a goroutine of its own.
func regclientBlobs(dir string, blobs []blob) error {
	layout := regclientLayout{regclient.New(), dir}
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
			return layout.put(layer, file)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return layout.putImage("image", layers, diffIDs)
}

// regclientImages puts small images one by one.
func regclientImages(dir string, count int) error {
	layout := regclientLayout{regclient.New(), dir}
	for number := range count {
		oneKiB := content1KiB(number)
		layer := content.NewDescriptorFromBytes(ocispec.MediaTypeImageLayer, oneKiB)
		if err := layout.put(layer, bytes.NewReader(oneKiB)); err != nil {
			return err
		}
		err := layout.putImage(name(number), []ocispec.Descriptor{layer}, []digest.Digest{layer.Digest})
		if err != nil {
			return err
		}
	}
	return nil
}
