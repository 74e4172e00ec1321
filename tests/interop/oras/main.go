// Command oras pulls an artifact of an image layout with ORAS, for the tests of
// another writer: each layer becomes the file that its title names.
package main

import (
	"context"
	"fmt"
	"os"

	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/content/oci"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: oras LAYOUT NAME FOLDER")
		os.Exit(2)
	}
	if err := pull(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "oras:", err)
		os.Exit(1)
	}
}

// pull prints the digest of what was pulled, and its type.
func pull(layout, name, folder string) error {
	ctx := context.Background()
	source, err := oci.NewFromFS(ctx, os.DirFS(layout))
	if err != nil {
		return err
	}
	target, err := file.New(folder)
	if err != nil {
		return err
	}
	defer target.Close()
	pulled, err := oras.Copy(ctx, source, name, target, name, oras.DefaultCopyOptions)
	if err != nil {
		return err
	}
	fmt.Println(pulled.Digest, pulled.ArtifactType)
	return nil
}
