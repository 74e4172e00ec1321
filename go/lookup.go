package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"iter"
	"slices"
)

// List lists the entries of index.json that are meant, in order; nil means all of them.
// It waits for no writer and sees each edit whole.
func (l *Layout) List(meant Matcher) (entries []Descriptor, err error) {
	err = l.look(func(c *call) error {
		match, filter, userdata := c.matcher(meant)
		entries, err = c.descriptorsOf(func(out **C.ocilayout_descriptors) C.ocilayout_status {
			return C.ocilayout_list(c.layout, match, filter, userdata, out, &c.failure)
		})
		return err
	})
	return entries, err
}

// Children lists what the document that descriptor points at points at itself, in
// order: the manifests of an image index, the config and then the layers of an image
// manifest. The list is empty for any other blob.
//
// It fails as ReadBlob does, and with ErrFormat when the document is malformed.
func (l *Layout) Children(descriptor Descriptor) (children []Descriptor, err error) {
	err = l.look(func(c *call) error {
		parent := c.descriptor(descriptor)
		children, err = c.descriptorsOf(func(out **C.ocilayout_descriptors) C.ocilayout_status {
			return C.ocilayout_children(c.layout, parent, out, &c.failure)
		})
		return err
	})
	return children, err
}

// Walk goes through all that index.json names, each descriptor before what it points
// at, and each blob once. It stops at the first error, which it yields.
func (l *Layout) Walk() iter.Seq2[Descriptor, error] {
	return func(yield func(Descriptor, error) bool) {
		// The next one is the last.
		left, err := l.List(nil)
		slices.Reverse(left)
		seen := make(map[Digest]bool)
		for err == nil && len(left) > 0 {
			descriptor := left[len(left)-1]
			left = left[:len(left)-1]
			if seen[descriptor.Digest] {
				continue
			}
			seen[descriptor.Digest] = true
			if !yield(descriptor, nil) {
				return
			}
			var children []Descriptor
			children, err = l.Children(descriptor)
			slices.Reverse(children)
			left = append(left, children...)
		}
		if err != nil {
			yield(Descriptor{}, err)
		}
	}
}

// Resolve finds the entry of this reference. If platform is not nil, it finds the first
// image for it among the entries of this reference and, through nested indexes, their
// children; parts of the platform that are not given are not asked for. An image whose
// descriptor tells no platform is asked for its config.
//
// It fails with ErrNotFound when there is none, ErrDigest when a document on the way is
// not what its descriptor says.
func (l *Layout) Resolve(reference string, platform *Platform) (descriptor Descriptor, err error) {
	err = l.look(func(c *call) error {
		name, wanted := c.text("reference", reference), c.platform(platform)
		descriptor, err = c.descriptorOf(func(out **C.ocilayout_descriptor) C.ocilayout_status {
			return C.ocilayout_resolve(c.layout, name, wanted, out, &c.failure)
		})
		return err
	})
	return descriptor, err
}

// CheckReference checks a reference by the grammar of the image-spec (annotations.md),
// such as before a long call.
func CheckReference(reference string) error {
	return look(func(c *call) error {
		text := c.text("reference", reference)
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_reference_check(text, &c.failure)
		})
	})
}
