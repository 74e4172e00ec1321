package layout

import (
	"context"
	"encoding/json"
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// AppendImage stores an image as WriteImage does, and adds it to the end of index.json.
func (l Path) AppendImage(img v1.Image, options ...Option) error {
	return l.editing(func(s store) error {
		if err := s.image(img); err != nil {
			return err
		}
		return s.appendDescribed(img, options)
	})
}

// AppendIndex stores an index as WriteIndex does, and adds it to the end of index.json.
func (l Path) AppendIndex(ii v1.ImageIndex, options ...Option) error {
	return l.editing(func(s store) error {
		if err := s.index(ii); err != nil {
			return err
		}
		return s.appendDescribed(ii, options)
	})
}

// AppendDescriptor adds a descriptor to the end of index.json. The blob may be missing.
func (l Path) AppendDescriptor(desc v1.Descriptor) error {
	return l.editing(func(s store) error {
		return appendTo(s.Layout, desc, &ocilayout.AppendOptions{MissingAllowed: true, Duplicate: true})
	})
}

// ReplaceImage stores an image as WriteImage does, takes away from index.json what
// matcher means, and adds the image to its end, all in one step.
func (l Path) ReplaceImage(img v1.Image, matcher match.Matcher, options ...Option) error {
	return l.editing(func(s store) error {
		if err := s.image(img); err != nil {
			return err
		}
		return s.replace(matcher, img, options)
	})
}

// ReplaceIndex stores an index as WriteIndex does, takes away from index.json what
// matcher means, and adds the index to its end, all in one step.
func (l Path) ReplaceIndex(ii v1.ImageIndex, matcher match.Matcher, options ...Option) error {
	return l.editing(func(s store) error {
		if err := s.index(ii); err != nil {
			return err
		}
		return s.replace(matcher, ii, options)
	})
}

// RemoveDescriptors takes away from index.json what matcher means, and no blob.
func (l Path) RemoveDescriptors(matcher match.Matcher) error {
	return l.editing(func(s store) error {
		_, err := s.Remove(context.Background(), meant(matcher))
		return err
	})
}

// stored is how an entry is added whose blob was stored: twice, if it is there.
var stored = &ocilayout.AppendOptions{Duplicate: true}

func (s store) appendDescribed(what partial.Describable, options []Option) error {
	entry, err := described(what, options)
	if err != nil {
		return err
	}
	return appendTo(s.Layout, entry, stored)
}

// replace is not Layout.Replace, which puts the new entry where the old one stood. So
// that it is one step all the same, it begins anew when another writer was faster.
func (s store) replace(matcher match.Matcher, what partial.Describable, options []Option) error {
	entry, err := described(what, options)
	if err != nil {
		return err
	}
	for {
		err := s.tryReplace(meant(matcher), entry)
		if !errors.Is(err, ocilayout.ErrConflict) {
			return err
		}
	}
}

func (s store) tryReplace(meant ocilayout.Matcher, entry v1.Descriptor) error {
	ctx := context.Background()
	seen, err := s.DescribeIndex()
	if err != nil {
		return err
	}
	edits, err := s.Begin()
	if err != nil {
		return err
	}
	defer edits.Close()
	if _, err := edits.Remove(ctx, meant); err != nil {
		return err
	}
	if err := appendTo(edits.Layout, entry, stored); err != nil {
		return err
	}
	return edits.CommitIf(ctx, seen.Digest)
}

func appendTo(layout *ocilayout.Layout, entry v1.Descriptor, options *ocilayout.AppendOptions) error {
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	var descriptor ocilayout.Descriptor
	if err := json.Unmarshal(text, &descriptor); err != nil {
		return err
	}
	return layout.Append(context.Background(), descriptor, "", options)
}

// meant has a matcher asked about entries that it can be told of. Others, such as those
// whose digest has an algorithm that is not known here, are not meant.
func meant(matcher match.Matcher) ocilayout.Matcher {
	return ocilayout.MatchFunc(func(entry ocilayout.Descriptor) bool {
		text, err := json.Marshal(entry)
		if err != nil {
			return false
		}
		var descriptor v1.Descriptor
		return json.Unmarshal(text, &descriptor) == nil && matcher(descriptor)
	})
}
