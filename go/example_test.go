package ocilayout_test

import (
	"context"
	"fmt"
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
