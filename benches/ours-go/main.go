// Command ours-go is what the benchmarks measure of the Go package.
//
//	ours-go LAYOUT TAR   one layer, by a reader, compressed with gzip
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: ours-go LAYOUT TAR")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "ours-go:", err)
		os.Exit(1)
	}
}

func pack(path, tar string) error {
	ctx := context.Background()
	layout, err := ocilayout.Open(path, &ocilayout.OpenOptions{Create: true})
	if err != nil {
		return err
	}
	defer layout.Close()
	file, err := os.Open(tar)
	if err != nil {
		return err
	}
	defer file.Close()
	// A file would be read by the library itself.
	reader := struct{ io.Reader }{file}
	layer, err := layout.Put(ctx, reader, &ocilayout.BlobOptions{Compression: ocilayout.Gzip})
	if err != nil {
		return err
	}
	image, err := layout.PutImage(ctx, ocilayout.Image{
		Platform: &ocilayout.Platform{OS: "linux", Architecture: "amd64"},
		Layers:   []ocilayout.Layer{{Blob: layer}},
	})
	if err != nil {
		return err
	}
	return layout.Append(ctx, image, "image", nil)
}
