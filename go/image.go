package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// An Image is what Layout.PutImage stores: a config, layers, and the manifest over
// them. image-spec, config.md and manifest.md.
//
// The same image makes the same bytes: nothing is taken from the clock or from the
// machine.
type Image struct {
	// Base is an image that is there, to make another one of it: its config, its layers
	// and its annotations come first, and what the library does not know of its
	// documents is kept.
	Base *Descriptor
	// Config is a whole config in JSON, in the place of that of Base. Its rootfs and its
	// history are not taken: those are of the layers. What else is set here is set in it.
	Config []byte
	// Platform says what the image runs on. Every image needs one, from here, Config or
	// Base.
	Platform *Platform
	// Created says when the image was made, if it is not zero, and is written into the
	// history of what is added.
	Created time.Time
	// Entrypoint is the program that a container runs, with its first arguments; nil
	// sets none.
	Entrypoint []string
	// Command is the arguments that follow if the user gives none; nil sets none.
	Command []string
	// Env has the variables of the environment that are set, as NAME=value.
	Env []string
	// WorkingDir is where the entrypoint starts.
	WorkingDir string
	// User is who it runs as: user, uid, user:group or uid:gid.
	User string
	// Labels that are set.
	Labels map[string]string
	// ExposedPorts are those that a container listens on: port, port/tcp or port/udp.
	ExposedPorts []string
	// Annotations of the manifest that are set.
	Annotations map[string]string
	// WithoutAnnotations are keys of annotations of Base that are taken away.
	WithoutAnnotations []string
	// Layers come on top of those of Base, the lowest first.
	Layers []Layer
}

// A Layer is one of an image, and its entry of the history.
type Layer struct {
	// Blob points at the layer. Its diff ID has to be known: it is if it was compressed
	// here, or put with the media type of a plain tar; else set it.
	Blob Descriptor
	// CreatedBy says how it was made.
	CreatedBy string
	// Empty is an entry of the history for a step that made no layer: Blob is not
	// looked at.
	Empty bool
	// Comment of a step that made no layer.
	Comment string
}

// PutImage stores the config and the manifest of an image, and says what points at it,
// with its platform. index.json is not touched: see Append and Replace.
//
// It fails with ErrState when the image has no platform, or a layer no diff ID;
// ErrNotFound when a layer is not there; ErrInvalidArgument when Base points at
// something else; ErrFormat when a document is malformed.
func (l *Layout) PutImage(ctx context.Context, image Image) (descriptor Descriptor, err error) {
	err = l.call(ctx, func(c *call) error {
		made, err := c.image(image.Base)
		if err != nil {
			return err
		}
		c.later(func() { C.ocilayout_image_free(made) })
		if err := c.setImage(made, image); err != nil {
			return err
		}
		descriptor, err = c.descriptorOf(func(out **C.ocilayout_descriptor) C.ocilayout_status {
			return C.ocilayout_image_finish(made, out, &c.failure)
		})
		return err
	})
	return descriptor, err
}

func (c *call) image(base *Descriptor) (made *C.ocilayout_image, err error) {
	if base == nil {
		err = c.do(func() C.ocilayout_status {
			return C.ocilayout_image_new(c.layout, &made, &c.failure)
		})
		return made, err
	}
	manifest := c.descriptor(*base)
	err = c.do(func() C.ocilayout_status {
		return C.ocilayout_image_load(c.layout, manifest, &made, &c.failure)
	})
	return made, err
}

// setImage sets what is given. It fails with the first error.
func (c *call) setImage(made *C.ocilayout_image, image Image) error {
	set := func(function func() C.ocilayout_status) {
		if err := c.do(function); err != nil {
			c.refuse(err)
		}
	}
	if image.Config != nil {
		data, size := addressable(image.Config)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_config_json(made, (*C.char)(unsafe.Pointer(&data[0])), size, &c.failure)
		})
	}
	if platform := c.platform(image.Platform); platform != nil {
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_platform(made, platform, &c.failure)
		})
	}
	if !image.Created.IsZero() {
		text := c.text("created", image.Created.Format(time.RFC3339Nano))
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_created(made, text, &c.failure)
		})
	}
	if image.Entrypoint != nil {
		list, count := c.texts("entrypoint", image.Entrypoint)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_entrypoint(made, list, count, &c.failure)
		})
	}
	if image.Command != nil {
		list, count := c.texts("command", image.Command)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_command(made, list, count, &c.failure)
		})
	}
	for _, variable := range image.Env {
		name, value, _ := strings.Cut(variable, "=")
		key, text := c.text("env", name), c.text("env", value)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_env(made, key, text, &c.failure)
		})
	}
	if image.WorkingDir != "" {
		text := c.text("working dir", image.WorkingDir)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_working_dir(made, text, &c.failure)
		})
	}
	if image.User != "" {
		text := c.text("user", image.User)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_user(made, text, &c.failure)
		})
	}
	for _, key := range slices.Sorted(maps.Keys(image.Labels)) {
		name, value := c.text("label", key), c.text("label", image.Labels[key])
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_label(made, name, value, &c.failure)
		})
	}
	for _, port := range image.ExposedPorts {
		text := c.text("port", port)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_add_exposed_port(made, text, &c.failure)
		})
	}
	for _, key := range image.WithoutAnnotations {
		name := c.text("annotation", key)
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_annotation(made, name, nil, &c.failure)
		})
	}
	for _, key := range slices.Sorted(maps.Keys(image.Annotations)) {
		name, value := c.text("annotation", key), c.text("annotation", image.Annotations[key])
		set(func() C.ocilayout_status {
			return C.ocilayout_image_set_annotation(made, name, value, &c.failure)
		})
	}
	for _, layer := range image.Layers {
		by := c.optional("created by", layer.CreatedBy)
		if layer.Empty {
			by, comment := c.text("created by", layer.CreatedBy), c.optional("comment", layer.Comment)
			set(func() C.ocilayout_status {
				return C.ocilayout_image_add_history(made, by, comment, &c.failure)
			})
			continue
		}
		blob, diffID := c.descriptor(layer.Blob), c.optional("diff ID", string(layer.Blob.DiffID))
		set(func() C.ocilayout_status {
			return C.ocilayout_image_add_layer(made, blob, diffID, by, &c.failure)
		})
	}
	return c.refused
}
