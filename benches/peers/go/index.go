package main

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/oci"
)

// sums is what is told of the entries that were read: how many, the lengths of
// their names, and the last characters of their digests.
type sums struct{ entries, names, digests int }

func (s *sums) read(name, digest string) {
	s.entries++
	s.names += len(name)
	s.digests += int(digest[len(digest)-1])
}

func (s *sums) print() {
	fmt.Println(s.entries, s.names, s.digests)
}

func ggcrIndex(dir string) (v1.ImageIndex, *v1.IndexManifest, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, nil, err
	}
	manifest, err := index.IndexManifest()
	return index, manifest, err
}

func ggcrList(dir string) error {
	_, manifest, err := ggcrIndex(dir)
	if err != nil {
		return err
	}
	var read sums
	for _, entry := range manifest.Manifests {
		read.read(entry.Annotations[refName], entry.Digest.String())
	}
	read.print()
	return nil
}

// ggcrResolve parses the index once: partial.FindManifests does for each name.
func ggcrResolve(dir string, numbers []int, _ int) error {
	_, manifest, err := ggcrIndex(dir)
	if err != nil {
		return err
	}
	var read sums
	for _, number := range numbers {
		matches := match.Name(name(number))
		for _, entry := range manifest.Manifests {
			if matches(entry) {
				read.read(name(number), entry.Digest.String())
				break
			}
		}
	}
	read.print()
	return nil
}

func ggcrEach(dir string, numbers []int, edit func(path layout.Path, number int) error) error {
	path, err := layout.FromPath(dir)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if err := edit(path, number); err != nil {
			return err
		}
	}
	return nil
}

func ggcrReplace(dir string, numbers []int, count int) error {
	return ggcrEach(dir, numbers, func(path layout.Path, number int) error {
		image, err := smallImage(number + count)
		if err != nil {
			return err
		}
		name := name(number)
		return path.ReplaceImage(image, match.Name(name), layout.WithAnnotations(named(name)))
	})
}

func ggcrRemove(dir string, numbers []int, _ int) error {
	return ggcrEach(dir, numbers, func(path layout.Path, number int) error {
		return path.RemoveDescriptors(match.Name(name(number)))
	})
}

// ggcrVerify validates the only image.
func ggcrVerify(dir string) error {
	index, manifest, err := ggcrIndex(dir)
	if err != nil {
		return err
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return err
	}
	return validate.Image(image)
}

// ggcrCollect removes what GarbageCollect lists.
func ggcrCollect(dir string) error {
	path, err := layout.FromPath(dir)
	if err != nil {
		return err
	}
	garbage, err := path.GarbageCollect()
	if err != nil {
		return err
	}
	for _, blob := range garbage {
		if err := path.RemoveBlob(blob); err != nil {
			return err
		}
	}
	return nil
}

func orasList(dir string) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	var read sums
	err = store.Tags(context.Background(), "", func(tags []string) error {
		return orasRead(store, tags, &read)
	})
	read.print()
	return err
}

func orasResolve(dir string, numbers []int, _ int) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	var names []string
	for _, number := range numbers {
		names = append(names, name(number))
	}
	var read sums
	err = orasRead(store, names, &read)
	read.print()
	return err
}

func orasRead(store *oci.Store, names []string, read *sums) error {
	for _, name := range names {
		entry, err := store.Resolve(context.Background(), name)
		if err != nil {
			return err
		}
		read.read(entry.Annotations[ocispec.AnnotationRefName], entry.Digest.String())
	}
	return nil
}

func orasEach(dir string, numbers []int, edit func(store *oci.Store, number int) error) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if err := edit(store, number); err != nil {
			return err
		}
	}
	return nil
}

func orasReplace(dir string, numbers []int, count int) error {
	return orasEach(dir, numbers, func(store *oci.Store, number int) error {
		return orasSmallImage(store, number+count, name(number))
	})
}

func orasRemove(dir string, numbers []int, _ int) error {
	return orasEach(dir, numbers, func(store *oci.Store, number int) error {
		return store.Untag(context.Background(), name(number))
	})
}

func orasCollect(dir string) error {
	store, err := oci.New(dir)
	if err != nil {
		return err
	}
	return store.GC(context.Background())
}
