package layout

import (
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// Option says more of what is appended or put in the place of something.
type Option func(*options)

type options struct {
	changes []func(*v1.Descriptor)
}

func change(how func(*v1.Descriptor)) Option {
	return func(o *options) { o.changes = append(o.changes, how) }
}

// WithAnnotations adds annotations to the descriptor.
func WithAnnotations(annotations map[string]string) Option {
	return change(func(descriptor *v1.Descriptor) {
		if descriptor.Annotations == nil {
			descriptor.Annotations = make(map[string]string, len(annotations))
		}
		maps.Copy(descriptor.Annotations, annotations)
	})
}

// WithURLs adds URLs to the descriptor.
func WithURLs(urls []string) Option {
	return change(func(descriptor *v1.Descriptor) {
		descriptor.URLs = append(descriptor.URLs, urls...)
	})
}

// WithPlatform sets the platform of the descriptor.
func WithPlatform(platform v1.Platform) Option {
	return change(func(descriptor *v1.Descriptor) {
		descriptor.Platform = &platform
	})
}

// described is what points at an image or an index, with what the options say of it.
func described(what partial.Describable, given []Option) (v1.Descriptor, error) {
	found, err := partial.Descriptor(what)
	if err != nil {
		return v1.Descriptor{}, err
	}
	descriptor := *found.DeepCopy()
	var o options
	for _, option := range given {
		option(&o)
	}
	for _, change := range o.changes {
		change(&descriptor)
	}
	return descriptor, nil
}
