// Command ggcr reads and writes image layouts with go-containerregistry, for
// the tests of another writer.
package main

import (
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const refName = "org.opencontainers.image.ref.name"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ggcr:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "validate":
		return read(args[1])
	case len(args) == 3 && args[0] == "write":
		return write(args[1], args[2])
	case len(args) > 1 && args[0] == "gunzip":
		return gunzip(args[1:])
	default:
		return errors.New("usage: ggcr validate LAYOUT | ggcr write empty|emptied|index|appended LAYOUT | ggcr gunzip FILE...")
	}
}

// gunzip prints the SHA-256 of what Go's own package finds in each file.
func gunzip(names []string) error {
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		content, err := gzip.NewReader(file)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("%x\n", hash.Sum(nil))
	}
	return nil
}

// read validates a layout down to each layer, and prints the digests that it
// finds: those of the entries, each before what it points at.
func read(dir string) error {
	path, err := layout.FromPath(dir)
	if err != nil {
		return err
	}
	root, err := path.ImageIndex()
	if err != nil {
		return err
	}
	if err := validate.Index(root); err != nil {
		return err
	}
	return printIndex(root)
}

func printIndex(index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, entry := range manifest.Manifests {
		fmt.Println(entry.Digest)
		switch {
		case entry.MediaType.IsIndex():
			child, err := index.ImageIndex(entry.Digest)
			if err != nil {
				return err
			}
			if err := printIndex(child); err != nil {
				return err
			}
		case entry.MediaType.IsImage():
			image, err := index.Image(entry.Digest)
			if err != nil {
				return err
			}
			manifest, err := image.Manifest()
			if err != nil {
				return err
			}
			fmt.Println(manifest.Config.Digest)
			for _, layer := range manifest.Layers {
				fmt.Println(layer.Digest)
			}
		}
	}
	return nil
}

// write makes a layout of one kind.
func write(kind, dir string) error {
	switch kind {
	case "empty": // which has no folder for blobs
		_, err := layout.Write(dir, empty.Index)
		return err
	case "emptied": // whose manifests are null
		path, err := layout.Write(dir, empty.Index)
		if err != nil {
			return err
		}
		image, err := random.Image(1024, 1)
		if err != nil {
			return err
		}
		if err := path.AppendImage(image); err != nil {
			return err
		}
		return path.RemoveDescriptors(func(v1.Descriptor) bool { return true })
	case "index": // whose entries have no names
		index, err := random.Index(1024, 2, 3)
		if err != nil {
			return err
		}
		_, err = layout.Write(dir, index)
		return err
	case "appended": // an image for linux/arm64 and an index
		return appended(dir)
	default:
		return fmt.Errorf("unknown kind %q", kind)
	}
}

func appended(dir string) error {
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	image, err := random.Image(1024, 2)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	platform := v1.Platform{OS: "linux", Architecture: "arm64"}
	config = config.DeepCopy()
	config.OS, config.Architecture = platform.OS, platform.Architecture
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return err
	}
	err = path.AppendImage(image,
		layout.WithAnnotations(map[string]string{refName: "image", "example.kept": "yes"}),
		layout.WithURLs([]string{"https://example.com/image"}),
		layout.WithPlatform(platform))
	if err != nil {
		return err
	}
	index, err := random.Index(1024, 1, 2)
	if err != nil {
		return err
	}
	return path.AppendIndex(index, layout.WithAnnotations(map[string]string{refName: "index"}))
}
