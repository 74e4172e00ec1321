package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"context"
	"maps"
	"slices"
)

// An Index is what Layout.PutIndex stores: several images under one name. image-spec,
// image-index.md.
type Index struct {
	// Manifests are its entries, in order: images, other indexes, or blobs of any media
	// type. An image whose descriptor tells no platform gets that of its config. A
	// reference is left out: it has a meaning in index.json alone.
	Manifests []Descriptor
	// Annotations of the index.
	Annotations map[string]string
}

// PutIndex stores an index and says what points at it. index.json is not touched: see
// Append and Replace. It fails with ErrNotFound when an entry is not there.
func (l *Layout) PutIndex(ctx context.Context, index Index) (descriptor Descriptor, err error) {
	err = l.call(ctx, func(c *call) error {
		var made *C.ocilayout_index
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_index_new(c.layout, &made, &c.failure)
		}); err != nil {
			return err
		}
		c.later(func() { C.ocilayout_index_free(made) })
		for _, manifest := range index.Manifests {
			entry := c.descriptor(manifest)
			if err := c.do(func() C.ocilayout_status {
				return C.ocilayout_index_add_manifest(made, entry, &c.failure)
			}); err != nil {
				return err
			}
		}
		for _, key := range slices.Sorted(maps.Keys(index.Annotations)) {
			name, value := c.text("annotation", key), c.text("annotation", index.Annotations[key])
			if err := c.do(func() C.ocilayout_status {
				return C.ocilayout_index_set_annotation(made, name, value, &c.failure)
			}); err != nil {
				return err
			}
		}
		descriptor, err = c.descriptorOf(func(out **C.ocilayout_descriptor) C.ocilayout_status {
			return C.ocilayout_index_finish(made, out, &c.failure)
		})
		return err
	})
	return descriptor, err
}
