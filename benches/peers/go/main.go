// Command peers does with go-containerregistry, oras-go and regclient what the
// benchmarks measure. Each subcommand makes, edits or reads one layout.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

const refName = "org.opencontainers.image.ref.name"

// blob is a file that is a layer, called by what is known of it: the digest of
// its bytes, a dash, and the digest of what they decompress to.
type blob struct {
	path, digest, diffID string
	size                 int64
}

func openBlobs(paths []string) ([]blob, error) {
	var blobs []blob
	for _, path := range paths {
		digest, diffID, found := strings.Cut(filepath.Base(path), "-")
		if !found {
			return nil, fmt.Errorf("%s: its name is no pair of digests", path)
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, blob{path, "sha256:" + digest, "sha256:" + diffID, info.Size()})
	}
	return blobs, nil
}

// content1KiB is that of the layer of a small image.
func content1KiB(number int) []byte { return fmt.Appendf(nil, "%-1024d", number) }

// name is that of a small image.
func name(number int) string { return fmt.Sprintf("image-%d", number) }

var byCount = map[string]func(layout string, count int) error{
	"ggcr-images":      ggcrImages,
	"ggcr-batch":       ggcrBatch,
	"oras-images":      orasImages,
	"oras-batch":       orasBatch,
	"regclient-images": regclientImages,
}

var byBlobs = map[string]func(layout string, blobs []blob) error{
	"ggcr-blobs":      ggcrBlobs,
	"oras-blobs":      orasBlobs,
	"regclient-blobs": regclientBlobs,
}

// byLayout take a layout that is there.
var byLayout = map[string]func(layout string) error{
	"ggcr-list":    ggcrList,
	"ggcr-verify":  ggcrVerify,
	"ggcr-collect": ggcrCollect,
	"oras-list":    orasList,
	"oras-collect": orasCollect,
}

// byNames take the numbers of names of a layout that is there, one by one: each
// STEPth below COUNT.
var byNames = map[string]func(layout string, numbers []int, count int) error{
	"ggcr-resolve": ggcrResolve,
	"ggcr-replace": ggcrReplace,
	"ggcr-remove":  ggcrRemove,
	"oras-resolve": orasResolve,
	"oras-replace": orasReplace,
	"oras-remove":  orasRemove,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "versions" {
		return printVersions()
	}
	if len(args) == 2 {
		if use, found := byLayout[args[0]]; found {
			return use(args[1])
		}
	}
	if len(args) < 3 {
		return errors.New(
			"usage: peers VERB LAYOUT [COUNT [STEP]|TAR [LEVEL]|BLOB...] | peers versions")
	}
	verb, layout, rest := args[0], args[1], args[2:]
	if verb == "ggcr-stream" {
		return ggcrStream(layout, rest)
	}
	if images, found := byCount[verb]; found {
		count, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		return images(layout, count)
	}
	if use, found := byNames[verb]; found && len(rest) == 2 {
		count, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		step, err := strconv.Atoi(rest[1])
		if err != nil {
			return err
		}
		var numbers []int
		for number := 0; number < count; number += step {
			numbers = append(numbers, number)
		}
		return use(layout, numbers, count)
	}
	if put, found := byBlobs[verb]; found {
		blobs, err := openBlobs(rest)
		if err != nil {
			return err
		}
		return put(layout, blobs)
	}
	return fmt.Errorf("unknown verb %q", verb)
}

// printVersions prints the modules that this program is built from.
func printVersions() error {
	info, found := debug.ReadBuildInfo()
	if !found {
		return errors.New("built without modules")
	}
	for _, module := range info.Deps {
		fmt.Println(module.Path, module.Version)
	}
	return nil
}
