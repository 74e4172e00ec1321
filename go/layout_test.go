package ocilayout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

func TestImageAsSkopeoSeesIt(t *testing.T) {
	path, layout := newLayout(t)
	archive := tarOf(t, "file", "content")
	layer := must[ocilayout.Descriptor](t)(layout.PutBytes(background, archive, &ocilayout.BlobOptions{Compression: ocilayout.Zstd}))
	made := must[ocilayout.Descriptor](t)(layout.PutImage(background, ocilayout.Image{
		Platform:     amd64,
		Created:      time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		Entrypoint:   []string{"/bin/program", "--flag"},
		Command:      []string{"argument"},
		Env:          []string{"A=1", "B=x=y", "A=2"},
		WorkingDir:   "/work",
		User:         "1000:1000",
		Labels:       map[string]string{"label": "value"},
		ExposedPorts: []string{"80/tcp"},
		Annotations:  map[string]string{"note": "mine"},
		Layers: []ocilayout.Layer{
			{Blob: layer, CreatedBy: "a step"},
			{CreatedBy: "another", Comment: "no layer", Empty: true},
		},
	}))
	check(t, layout.Append(background, made, "latest", nil))
	equal(t, made.Platform.String(), "linux/amd64")

	children := must[[]ocilayout.Descriptor](t)(layout.Children(made))
	equal(t, len(children), 2)
	config := must[[]byte](t)(layout.ReadBlob(children[0], 1<<20))
	var said struct {
		Created string
		Config  struct {
			Env, Entrypoint, Cmd []string
			WorkingDir, User     string
			Labels               map[string]string
			ExposedPorts         map[string]any
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
		History []struct {
			CreatedBy  string `json:"created_by"`
			EmptyLayer bool   `json:"empty_layer"`
			Comment    string
		}
	}
	check(t, json.Unmarshal(config, &said))
	equal(t, said.Created, "2026-01-31T12:00:00Z")
	equal(t, strings.Join(said.Config.Env, " "), "A=2 B=x=y")
	equal(t, strings.Join(said.Config.Entrypoint, " ")+" "+said.Config.Cmd[0], "/bin/program --flag argument")
	equal(t, said.Config.WorkingDir+said.Config.User+said.Config.Labels["label"], "/work1000:1000value")
	equal(t, len(said.Config.ExposedPorts), 1)
	equal(t, said.RootFS.DiffIDs[0], string(digestOf(archive)))
	equal(t, said.History[1].EmptyLayer && said.History[1].Comment == "no layer", true)

	more := must[ocilayout.Descriptor](t)(layout.PutImage(background, ocilayout.Image{
		Base: &made, WithoutAnnotations: []string{"note"}, Layers: []ocilayout.Layer{{Blob: layer}},
	}))
	equal(t, len(must[[]ocilayout.Descriptor](t)(layout.Children(more))), 3)
	manifest := must[[]byte](t)(layout.ReadBlob(more, 1<<20))
	equal(t, bytes.Contains(manifest, []byte("mine")), false)

	_, err := layout.PutImage(background, ocilayout.Image{})
	asks(t, err, ocilayout.ErrState)
	_, err = layout.PutImage(background, ocilayout.Image{Config: []byte("{")})
	asks(t, err, ocilayout.ErrFormat)
	_, err = layout.PutImage(background, ocilayout.Image{Base: &layer})
	asks(t, err, ocilayout.ErrInvalidArgument)

	if _, err := exec.LookPath("skopeo"); err != nil {
		skip(t, "skopeo is not here")
	}
	told := must[[]byte](t)(exec.Command("skopeo", "inspect", "oci:"+path+":latest").Output())
	var inspected struct {
		Digest, Architecture, Created string
		Layers                        []string
	}
	check(t, json.Unmarshal(told, &inspected))
	equal(t, inspected.Digest, string(made.Digest))
	equal(t, inspected.Layers[0], string(layer.Digest))
	equal(t, inspected.Created, said.Created)
}

// skip says that a test cannot run here; where all tools must be, it fails.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func TestIndexAndResolve(t *testing.T) {
	path, layout := newLayout(t)
	one := image(t, layout, "one")
	index := must[ocilayout.Descriptor](t)(layout.PutIndex(background, ocilayout.Index{
		Manifests: []ocilayout.Descriptor{one}, Annotations: map[string]string{"a": "b"},
	}))
	check(t, layout.Append(background, index, "all", nil))
	equal(t, must[ocilayout.Descriptor](t)(layout.Resolve("all", nil)).Digest, index.Digest)
	equal(t, must[ocilayout.Descriptor](t)(layout.Resolve("all", amd64)).Digest, one.Digest)
	_, err := layout.Resolve("all", &ocilayout.Platform{OS: "linux", Architecture: "s390x"})
	asks(t, err, ocilayout.ErrNotFound)
	var walked []ocilayout.Digest
	for descriptor, err := range layout.Walk() {
		check(t, err)
		walked = append(walked, descriptor.Digest)
	}
	equal(t, len(walked), 4)
	equal(t, walked[0], index.Digest)
	equal(t, walked[1], one.Digest)
	equal(t, walked[2], must[[]ocilayout.Descriptor](t)(layout.Children(one))[0].Digest)
	check(t, layout.RemoveBlob(one.Digest))
	var last error
	for _, err := range layout.Walk() {
		last = err
	}
	asks(t, last, ocilayout.ErrNotFound)
	equal(t, names(t, path), "all")
}

func TestTrees(t *testing.T) {
	_, layout := newLayout(t)
	one := named(t, layout, "one")
	open := func(_ context.Context, descriptor ocilayout.Descriptor) (io.ReadCloser, error) {
		return layout.OpenBlob(descriptor)
	}
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	files := openFiles(t)
	for _, ctx := range []context.Context{background, ctx} {
		var last ocilayout.Progress
		path, copied := newLayout(t)
		check(t, copied.Write(ctx, one, open, &ocilayout.WriteOptions{Progress: func(told ocilayout.Progress) { last = told }}))
		check(t, copied.Append(ctx, one, "copied", nil))
		equal(t, len(must[[]ocilayout.Finding](t)(copied.Verify(ctx, nil))), 0)
		equal(t, last.ItemsDone, 3)
		equal(t, names(t, path), "copied")
		check(t, copied.Close())

		_, other := newLayout(t)
		check(t, other.WriteFrom(ctx, one, layout, nil))
		check(t, other.Append(ctx, one, "copied", nil))
		check(t, other.Close())

		own := errors.New("mine")
		_, failing := newLayout(t)
		asks(t, failing.Write(ctx, one, func(context.Context, ocilayout.Descriptor) (io.ReadCloser, error) { return nil, own }, nil), own)
		asks(t, failing.Write(ctx, one, func(context.Context, ocilayout.Descriptor) (io.ReadCloser, error) {
			return io.NopCloser(readerFunc(func([]byte) (int, error) { return 0, own })), nil
		}, nil), own)
		asks(t, failing.Write(ctx, one, func(context.Context, ocilayout.Descriptor) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("another")), nil
		}, nil), ocilayout.ErrDigest)
		asks(t, failing.Write(ctx, one, nil, nil), ocilayout.ErrInvalidArgument)
		check(t, failing.Close())

		index := must[[]byte](t)(layout.ReadFile("index.json"))
		created := must[*ocilayout.Layout](t)(ocilayout.Create(ctx, filepath.Join(t.TempDir(), "new"), index, open, nil))
		equal(t, len(must[[]ocilayout.Finding](t)(created.Verify(ctx, nil))), 0)
		check(t, created.Close())
	}
	eventually(t, "that all readers are closed", func() bool { return openFiles(t) == files })

	document := must[[]byte](t)(layout.ReadBlob(one, 1<<20))
	again := must[ocilayout.Descriptor](t)(layout.PutManifest(background, document, nil))
	equal(t, again.Digest, one.Digest)
	_, err := layout.PutManifest(background, []byte("{}"), nil)
	asks(t, err, ocilayout.ErrFormat)
}

func TestFiles(t *testing.T) {
	path, layout := newLayout(t)
	check(t, layout.WriteFile(background, "notes", []byte("some\x00thing")))
	equal(t, string(must[[]byte](t)(layout.ReadFile("notes"))), "some\x00thing")
	equal(t, string(must[[]byte](t)(os.ReadFile(filepath.Join(path, "notes")))), "some\x00thing")
	check(t, layout.WriteFile(background, "notes", nil))
	equal(t, len(must[[]byte](t)(layout.ReadFile("notes"))), 0)
	_, err := layout.ReadFile("none")
	asks(t, err, ocilayout.ErrNotFound)
	asks(t, layout.WriteFile(background, "index.json", []byte("{")), ocilayout.ErrFormat)
	asks(t, layout.WriteFile(background, "a/b", nil), ocilayout.ErrInvalidArgument)
}

func TestUpkeep(t *testing.T) {
	path, layout := newLayout(t)
	kept := named(t, layout, "kept")
	garbage := must[ocilayout.Descriptor](t)(layout.PutBytes(background, []byte("garbage"), nil))
	unreferenced := must[[]ocilayout.Descriptor](t)(layout.Unreferenced(background, nil))
	equal(t, len(unreferenced), 1)
	equal(t, unreferenced[0].Digest, garbage.Digest)

	fates := func(options *ocilayout.CollectOptions) map[ocilayout.Digest]ocilayout.Fate {
		layout := must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
		defer layout.Close()
		fates := make(map[ocilayout.Digest]ocilayout.Fate)
		for _, blob := range must[[]ocilayout.Collected](t)(layout.Collect(background, options)) {
			fates[blob.Digest] = blob.Fate
			equal(t, blob.Size > 0, true)
		}
		return fates
	}
	equal(t, fates(&ocilayout.CollectOptions{Grace: -1})[garbage.Digest], ocilayout.Leased)
	check(t, layout.Close())
	equal(t, fates(nil)[garbage.Digest], ocilayout.Young)
	equal(t, fates(&ocilayout.CollectOptions{Grace: time.Nanosecond})[kept.Digest], ocilayout.Referenced)
	told := 0
	removed := fates(&ocilayout.CollectOptions{Grace: -1, DryRun: true, Progress: func(ocilayout.Progress) { told++ }})
	equal(t, removed[garbage.Digest], ocilayout.Removed)
	equal(t, told > 0, true)
	check(t, func() error { _, err := os.Stat(blobPath(path, garbage.Digest)); return err }())
	equal(t, len(fates(&ocilayout.CollectOptions{Grace: -1})), 4)
	_, err := os.Stat(blobPath(path, garbage.Digest))
	asks(t, err, fs.ErrNotExist)

	layout = must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
	equal(t, len(must[[]ocilayout.Finding](t)(layout.Verify(background, nil))), 0)
	check(t, os.WriteFile(blobPath(path, kept.Digest), []byte("damage"), 0o644))
	findings := must[[]ocilayout.Finding](t)(layout.Verify(background, &ocilayout.VerifyOptions{Quick: true}))
	kinds := make(map[ocilayout.FindingKind]ocilayout.Finding)
	for _, finding := range findings {
		kinds[finding.Kind] = finding
	}
	equal(t, kinds[ocilayout.WrongDigest].Digest, kept.Digest)
	equal(t, kinds[ocilayout.WrongSize].ReferencedBy[0], "index.json")
	equal(t, strings.HasSuffix(kinds[ocilayout.WrongSize].Path, kept.Digest.Encoded()), true)
	check(t, layout.Close())
}

func TestProgress(t *testing.T) {
	_, layout := newLayout(t)
	var told []ocilayout.Progress
	put := func(stops bool) func() {
		told = nil
		return func() {
			layout.Put(background, bytes.NewReader(noise(1, 1000)), &ocilayout.BlobOptions{Progress: func(p ocilayout.Progress) {
				told = append(told, p)
				if stops {
					panic("mine")
				}
			}})
		}
	}
	put(false)()
	last := told[len(told)-1]
	equal(t, last, ocilayout.Progress{BytesDone: 1000, BytesTotal: -1, ItemsDone: 1, ItemsTotal: 1})
	func() {
		defer func() { equal(t, recover() == "mine", true) }()
		put(true)()
	}()
}

func TestFS(t *testing.T) {
	path, layout := newLayout(t)
	one := named(t, layout, "one")
	garbage := must[ocilayout.Descriptor](t)(layout.PutBytes(background, []byte("garbage"), nil))
	files := layout.FS()
	name := "blobs/sha256/" + one.Digest.Encoded()
	if err := fstest.TestFS(files, "oci-layout", "index.json", name); err != nil {
		t.Error(err)
	}
	_, err := fs.Stat(files, "blobs/sha256/"+garbage.Digest.Encoded())
	asks(t, err, fs.ErrNotExist)
	_, err = files.Open("../x")
	asks(t, err, fs.ErrInvalid)
	equal(t, len(hidden(t, path)), 1)

	target := filepath.Join(t.TempDir(), "copy")
	check(t, os.CopyFS(target, files))
	copied := must[*ocilayout.Layout](t)(ocilayout.Open(target, nil))
	defer copied.Close()
	equal(t, len(must[[]ocilayout.Finding](t)(copied.Verify(background, nil))), 0)
	equal(t, len(must[[]ocilayout.Descriptor](t)(copied.Unreferenced(background, nil))), 0)
	equal(t, must[ocilayout.Descriptor](t)(copied.Resolve("one", amd64)).Digest, one.Digest)

	// What is named later is in a later one.
	named(t, layout, "two")
	equal(t, len(must[[]fs.DirEntry](t)(fs.ReadDir(files, "blobs/sha256"))), 3)
	equal(t, len(must[[]fs.DirEntry](t)(fs.ReadDir(layout.FS(), "blobs/sha256"))), 6)

	content := must[[]byte](t)(os.ReadFile(blobPath(path, one.Digest)))
	content[0] ^= 1
	check(t, os.WriteFile(blobPath(path, one.Digest), content, 0o644))
	_, err = fs.ReadFile(files, name)
	asks(t, err, ocilayout.ErrDigest)
	check(t, os.Remove(blobPath(path, one.Digest)))
	_, err = fs.ReadFile(files, name)
	asks(t, err, fs.ErrNotExist)
	_, err = fs.ReadDir(layout.FS(), ".")
	check(t, err)
}

func TestVersion(t *testing.T) {
	equal(t, strings.Count(ocilayout.Version(), "."), 2)
}
