// Command program uses all of package layout. It is compiled as it stands here, and once
// more with the other import path and no other change.
package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func main() {
	switch os.Args[1] {
	case "write":
		write(os.Args[2])
	case "read":
		read(os.Args[2])
	}
}

var source = rand.NewSource(42)

func write(path string) {
	_, err := layout.FromPath(path)
	fmt.Println("none there:", os.IsNotExist(err))
	fmt.Println("none to append to:", os.IsNotExist(layout.Path(path).AppendDescriptor(v1.Descriptor{})))

	p := must(layout.Write(path, empty.Index))
	fmt.Println(must(layout.FromPath(path)) == p)
	linux := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8", OSVersion: "1", OSFeatures: []string{"f"}}

	check(p.AppendImage(image()))
	check(p.AppendImage(image(), layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": "named",
		"<of>":                              "a & b",
	})))
	check(p.AppendImage(image(), layout.WithPlatform(linux), layout.WithURLs([]string{"https://a.example", "https://b.example"})))
	check(p.AppendImage(must(mutate.AppendLayers(empty.Image, stream.NewLayer(io.NopCloser(bytes.NewReader(nil)))))))
	artifact := mutate.MediaType(mutate.ConfigMediaType(image(), "application/vnd.example.config"), "application/vnd.oci.image.manifest.v1+json")
	check(p.AppendImage(artifact, named("artifact")))

	twice := image()
	check(p.AppendImage(twice, named("twice")))
	check(p.AppendImage(twice, named("twice")))

	index := must(random.Index(256, 1, 2, random.WithSource(source)))
	check(p.AppendIndex(index, named("index"), layout.WithAnnotations(map[string]string{"more": "of it"})))
	check(p.AppendIndex(mutate.AppendManifests(index,
		mutate.IndexAddendum{Add: index},
		mutate.IndexAddendum{Add: static.NewLayer([]byte("text"), "text/plain")},
	), named("nested")))
	check(p.AppendDescriptor(v1.Descriptor{
		MediaType: "application/vnd.example", Size: 4, Digest: must(v1.NewHash(
			"sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1")),
		Data: []byte("text"), URLs: []string{"https://c.example"}, Platform: &linux, ArtifactType: "text/plain",
		Annotations: map[string]string{"not": "there"},
	}))

	other := v1.Platform{OS: "linux", Architecture: "amd64"}
	check(p.ReplaceImage(image(), match.Name("named"), named("named"), layout.WithPlatform(other)))
	check(p.ReplaceImage(image(), match.Name("twice"), named("once")))
	check(p.ReplaceImage(image(), match.Name("not there"), named("new")))
	check(p.ReplaceIndex(index, match.Name("index"), named("index")))
	check(p.ReplaceIndex(must(random.Index(256, 1, 1, random.WithSource(source))), match.Platforms(other)))
	check(p.AppendImage(image(), named("to be removed")))
	check(p.RemoveDescriptors(match.Annotation("org.opencontainers.image.ref.name", "to be removed")))
	check(p.RemoveDescriptors(match.Digests(v1.Hash{Algorithm: "sha256", Hex: "none"})))
	check(p.RemoveDescriptors(match.MediaTypes("application/vnd.example")))

	check(p.WriteImage(image()))
	check(p.WriteIndex(must(random.Index(256, 1, 1, random.WithSource(source)))))
	text, size := []byte("a blob"), int64(0)
	hash, size, err := v1.SHA256(bytes.NewReader(text))
	check(err)
	check(p.WriteBlob(hash, io.NopCloser(bytes.NewReader(text))))
	check(p.WriteBlob(hash, io.NopCloser(bytes.NewReader(text))))
	fmt.Println(size, string(must(p.Bytes(hash))), string(must(io.ReadAll(must(p.Blob(hash))))))
	check(p.RemoveBlob(hash))
	check(p.RemoveBlob(hash))
	_, err = p.Bytes(hash)
	fmt.Println("removed:", os.IsNotExist(err))
	_, err = p.Blob(hash)
	fmt.Println("removed:", os.IsNotExist(err))
	_, err = p.Image(hash)
	fmt.Println("no image of this digest:", err != nil)
	_, err = p.Image(v1.Hash{})
	fmt.Println("not one image alone:", err != nil)
	check(p.WriteFile("a-file", []byte("of mine"), 0o600))
}

func read(path string) {
	p := must(layout.FromPath(path))
	index := must(layout.ImageIndexFromPath(path))
	list(index, "")
	// Of the blobs that do not belong to what is listed, some do to the rest.
	check(p.RemoveDescriptors(match.Name("nested")))
	for _, garbage := range must(p.GarbageCollect()) {
		fmt.Println("garbage:", garbage)
		check(p.RemoveBlob(garbage))
	}
	fmt.Println("garbage after that:", must(p.GarbageCollect()))
	list(must(p.ImageIndex()), "")
}

func list(index v1.ImageIndex, indent string) {
	for _, entry := range must(index.IndexManifest()).Manifests {
		fmt.Println(indent, entry.Digest, entry.Size, entry.MediaType, entry.ArtifactType, entry.URLs, entry.Annotations, entry.Platform)
		switch {
		case entry.MediaType.IsIndex():
			list(must(index.ImageIndex(entry.Digest)), indent+"  ")
		case entry.MediaType.IsImage():
			image := must(index.Image(entry.Digest))
			check(validate.Image(image))
			for _, layer := range must(image.Layers()) {
				fmt.Println(indent, " ", must(layer.Digest()), must(layer.Size()), must(layer.MediaType()), must(layer.DiffID()))
			}
			fmt.Println(indent, " ", must(image.ConfigName()), len(must(image.RawConfigFile())))
		}
	}
}

func image() v1.Image { return must(random.Image(256, 2, random.WithSource(source))) }

func named(name string) layout.Option {
	return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name})
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
