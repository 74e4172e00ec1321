package ocilayout_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

func Example() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()

	layout, err := ocilayout.Open(filepath.Join(folder, "layout"), &ocilayout.OpenOptions{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer layout.Close()

	tar := strings.NewReader(strings.Repeat("\x00", 1024))
	layer, err := layout.Put(ctx, tar, &ocilayout.BlobOptions{Compression: ocilayout.Gzip})
	if err != nil {
		log.Fatal(err)
	}
	image, err := layout.PutImage(ctx, ocilayout.Image{
		Platform: &ocilayout.Platform{OS: "linux", Architecture: "amd64"},
		Layers:   []ocilayout.Layer{{Blob: layer, CreatedBy: "my program"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := layout.Append(ctx, image, "latest", nil); err != nil {
		log.Fatal(err)
	}

	found, err := layout.Resolve("latest", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Reference(), found.Platform)
	fmt.Println(layer.DiffID)
	// Output:
	// latest linux/amd64
	// sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
}

// open makes a layout that is gone after the example.
func open() (layout *ocilayout.Layout, remove func()) {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	layout, err = ocilayout.Open(folder, &ocilayout.OpenOptions{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	return layout, func() {
		layout.Close()
		os.RemoveAll(folder)
	}
}

func ExampleLayout_NewWriter() {
	layout, remove := open()
	defer remove()
	writer, err := layout.NewWriter(context.Background(), &ocilayout.BlobOptions{MediaType: "text/plain"})
	if err != nil {
		log.Fatal(err)
	}
	defer writer.Close()
	fmt.Fprint(writer, "hello")
	descriptor, err := writer.Commit()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(descriptor.MediaType, descriptor.Size, descriptor.Digest)
	// Output: text/plain 5 sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
}

func ExampleMatchFunc() {
	ctx := context.Background()
	layout, remove := open()
	defer remove()
	blob, err := layout.PutBytes(ctx, []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"v1", "v2", "latest"} {
		if err := layout.Append(ctx, blob, name, nil); err != nil {
			log.Fatal(err)
		}
	}
	removed, err := layout.Remove(ctx, ocilayout.MatchFunc(func(d ocilayout.Descriptor) bool {
		return strings.HasPrefix(d.Reference(), "v")
	}))
	fmt.Println(removed, err)
	// Output: 2 <nil>
}

func ExampleLayout_Begin() {
	ctx := context.Background()
	layout, remove := open()
	defer remove()
	transaction, err := layout.Begin()
	if err != nil {
		log.Fatal(err)
	}
	defer transaction.Close()
	blob, err := transaction.PutBytes(ctx, []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := transaction.Append(ctx, blob, "hello", nil); err != nil {
		log.Fatal(err)
	}
	_, before := layout.Resolve("hello", nil)
	fmt.Println(errors.Is(before, ocilayout.ErrNotFound))
	if err := transaction.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	_, after := layout.Resolve("hello", nil)
	fmt.Println(after)
	// Output:
	// true
	// <nil>
}

func ExampleLayout_FS() {
	ctx := context.Background()
	layout, remove := open()
	defer remove()
	blob, err := layout.PutBytes(ctx, []byte("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := layout.Append(ctx, blob, "hello", nil); err != nil {
		log.Fatal(err)
	}
	content, err := fs.ReadFile(layout.FS(), "blobs/sha256/"+blob.Digest.Encoded())
	fmt.Println(string(content), err)
	// Output: hello <nil>
}
